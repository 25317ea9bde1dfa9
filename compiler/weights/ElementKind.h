// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How tensor elements are stored in host memory: the natural little-endian
// width of each type, a byte for a boolean, eight bytes for an index. Weight
// recipes, the reference evaluator and .npy files share this one layout.

#ifndef TERCET_COMPILER_WEIGHTS_ELEMENTKIND_H
#define TERCET_COMPILER_WEIGHTS_ELEMENTKIND_H

#include "mlir/IR/BuiltinTypes.h"

#include <cstdint>
#include <cstring>
#include <optional>

namespace tercet {

enum class ElementKind : uint8_t {
  F32,
  F64,
  F16,
  BF16,
  Bool,
  I8,
  I16,
  I32,
  I64,
  U8,
  U16,
  U32,
  U64
};

/// The storage of an element type, or nothing for types that have none here.
/// Signless integers are stored as signed ones; an index is an I64.
std::optional<ElementKind> getElementKind(mlir::Type elementType);

unsigned getElementBytes(ElementKind kind);
bool isFloatKind(ElementKind kind);

/// Bytes of a static tensor in this layout, or nothing if its element type has
/// no storage or the size overflows 63 bits.
std::optional<int64_t> getTensorBytes(mlir::ShapedType type);

/// Converts elements: floats round to nearest even; a float becomes an integer
/// by truncation toward zero, saturating, with NaN to 0; integers wrap; a
/// boolean is "not zero" and becomes 0 or 1. Source and destination must not
/// overlap and need no alignment.
void convertElements(ElementKind from, const char *source, ElementKind to, char *destination,
                     int64_t count);

/// IEEE binary16 as bits.
struct Half {
  uint16_t bits;
};
/// The upper half of an IEEE binary32, as bits.
struct BFloat16 {
  uint16_t bits;
};

inline uint32_t floatBits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return bits;
}
inline float floatFromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

inline float toFloat(BFloat16 value) { return floatFromBits(uint32_t(value.bits) << 16); }

inline float toFloat(Half value) {
  uint32_t sign = uint32_t(value.bits & 0x8000) << 16, magnitude = value.bits & 0x7fff;
  if (magnitude >= 0x7c00) // Infinity and NaN.
    return floatFromBits(sign | 0x7f800000 | ((magnitude & 0x3ff) << 13));
  if (magnitude < 0x400) { // Zero and subnormals: exact as a multiple of 2^-24.
    float tiny = float(magnitude) * 0x1p-24f;
    return sign ? -tiny : tiny;
  }
  return floatFromBits(sign | ((magnitude << 13) + ((127 - 15) << 23)));
}

inline BFloat16 toBFloat16(float value) {
  uint32_t bits = floatBits(value);
  if ((bits & 0x7fffffff) > 0x7f800000) // Keep a NaN a (quiet) NaN.
    return {uint16_t((bits >> 16) | 0x40)};
  return {uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16)};
}

inline Half toHalf(float value) {
  uint32_t bits = floatBits(value), sign = (bits >> 16) & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000)
    return {uint16_t(sign | 0x7e00 | ((magnitude >> 13) & 0x3ff))};
  if (magnitude >= 0x477ff000) // 65520 and above round to infinity.
    return {uint16_t(sign | 0x7c00)};
  if (magnitude < 0x38800000) { // Below 2^-14: adding 0.5 rounds at bit 2^-24.
    uint32_t rounded = floatBits(floatFromBits(magnitude) + 0.5f) - floatBits(0.5f);
    return {uint16_t(sign | rounded)};
  }
  uint32_t rounded = magnitude + 0xfff + ((magnitude >> 13) & 1);
  return {uint16_t(sign | ((rounded - ((127 - 15) << 23)) >> 13))};
}

/// The float nearest to `value`, except that an inexact result has its last
/// bit set, so that rounding it once more to fewer bits is correct.
inline float toFloatOdd(double value) {
  float rounded = float(value);
  if (double(rounded) == value || value != value)
    return rounded;
  uint32_t bits = floatBits(rounded);
  bool tooLarge = (rounded < 0 ? -double(rounded) : double(rounded)) > (value < 0 ? -value : value);
  return floatFromBits((tooLarge ? bits - 1 : bits) | 1);
}

} // namespace tercet

#endif // TERCET_COMPILER_WEIGHTS_ELEMENTKIND_H
