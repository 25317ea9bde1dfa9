// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Blocks of a format of groups (#nn.groups) as bytes: what they stand for, how
// floats become blocks, and how blocks of several rows become one of a panel.

#ifndef TERCET_COMPILER_WEIGHTS_GROUPBLOCKS_H
#define TERCET_COMPILER_WEIGHTS_GROUPBLOCKS_H

#include "dialects/nn/NN.h"

#include "llvm/Support/Error.h"

namespace tercet {

class GroupBlocks {
public:
  explicit GroupBlocks(nn::GroupsAttr format);

  int64_t getElements() const { return elements; }
  int64_t getBytes() const { return bytes; }

  /// The floats that a block stands for.
  void decode(const char *block, float *values) const;

  /// An error if floats cannot be made blocks of this format.
  llvm::Error checkEncodable() const;
  /// Rounds floats, all finite, to a block.
  void encode(const float *values, char *block) const;

  /// A block of these codes, and a scale and a shift for each group (no shifts
  /// without). Codes are what the planes hold, or their two's complement. An
  /// error says what the format cannot hold.
  llvm::Error join(const float *codes, const float *scales, const float *shifts, char *block) const;

  /// Puts `block` into row `row` of a block of `panel` rows, which was all zeros.
  void pack(const char *block, int64_t row, int64_t panel, char *packed) const;

private:
  /// What a group's codes are multiplied with, and what is added to the product.
  struct Scaling {
    float scale, zero, minimum;
  };

  void unpackCodes(const char *block, uint8_t *codes) const;
  void storeCodes(const uint8_t *codes, char *block) const;
  /// Subscales of all groups, then subminima if there are any.
  void unpackSubscales(const char *block, int16_t *subscales) const;
  Scaling scalingOf(const char *block, const int16_t *subscales, int64_t group) const;
  float valueOf(uint8_t code) const;

  void encodeAroundZero(const float *values, char *block, int64_t group, uint8_t *codes) const;
  void encodeFromMinimum(const float *values, char *block, int64_t group, uint8_t *codes) const;
  void encodeByCodebook(const float *values, char *block, int64_t group, uint8_t *codes) const;

  nn::GroupsAttr format;
  int64_t elements, bytes, group, groups, bits;
  nn::ScaleKind scaleKind;
  nn::SubscaleKind subscaleKind;
  nn::GroupShiftKind shiftKind;
};

} // namespace tercet

#endif // TERCET_COMPILER_WEIGHTS_GROUPBLOCKS_H
