// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Blocks that #nn.pack_groups has laid out, as vectors of a panel's rows: scales,
// minima and codes of some elements for all rows at once.

#ifndef TERCET_TARGETS_CPU_PACKEDGROUPS_H
#define TERCET_TARGETS_CPU_PACKEDGROUPS_H

#include "dialects/nn/NN.h"
#include "targets/cpu/ByteDot.h"
#include "passes/codegen/LoopBuilder.h"

namespace tercet::cpu {

class PackedGroups {
public:
  /// Vectors have `lanes` of the `panel` rows, which are a multiple of them.
  PackedGroups(nn::GroupsAttr format, int64_t panel, int64_t lanes, mlir::Value memory,
               const ByteDot &dot)
      : format(format), panel(panel), lanes(lanes), memory(memory), dot(dot) {}

  /// What a block has one of for each row; loaded once for all of its groups.
  struct Block {
    mlir::OpFoldResult address;
    mlir::Value scale, shift;
  };
  /// Rows [first, first + lanes) of the block at this byte.
  Block loadBlock(mlir::OpBuilder &b, mlir::Location loc, mlir::OpFoldResult address,
                  int64_t first);

  /// Of a group, whose number in the block may be computed, for each row.
  mlir::Value scaleOf(mlir::OpBuilder &b, mlir::Location loc, const Block &block,
                      mlir::OpFoldResult group, int64_t first);
  /// What is added to scaled codes; null if the format has no such thing.
  mlir::Value minimumOf(mlir::OpBuilder &b, mlir::Location loc, const Block &block,
                        mlir::OpFoldResult group, mlir::Value scale, int64_t first);
  /// What the group's bytes say is taken off its codes, in i32; null without.
  mlir::Value zeroOf(mlir::OpBuilder &b, mlir::Location loc, const Block &block,
                     mlir::OpFoldResult group, int64_t first);

  /// Codes of 32 elements as eight vectors of i32, four in each lane; unsigned,
  /// by `getZero` more than the code less the format's zero, at most `getGreatest`.
  llvm::SmallVector<mlir::Value> loadCodes(mlir::OpBuilder &b, mlir::Location loc,
                                           const Block &block, mlir::OpFoldResult unit,
                                           int64_t first);
  int64_t getZero() const;
  int64_t getGreatest() const;
  int64_t getBlockBytes() const { return panel * format.getPackedBytes(); }

private:
  mlir::Value load(mlir::OpBuilder &b, mlir::Location loc, mlir::OpFoldResult address,
                   int64_t bytes);
  mlir::Value loadFloats(mlir::OpBuilder &b, mlir::Location loc, mlir::OpFoldResult address);
  mlir::Value loadBytes(mlir::OpBuilder &b, mlir::Location loc, mlir::OpFoldResult address,
                        bool isSigned);
  /// Byte at which the values of a field start for the first row of the vector.
  mlir::OpFoldResult fieldAt(mlir::OpBuilder &b, mlir::Location loc, const Block &block,
                             int64_t from, mlir::OpFoldResult number, int64_t size, int64_t first);
  bool isSubscaled() const { return format.getSubscale() != nn::SubscaleKind::None; }
  int64_t scaleBytes() const;
  int64_t shiftsAt() const;
  int64_t subscalesAt() const;
  int64_t codesAt() const;

  nn::GroupsAttr format;
  int64_t panel, lanes;
  mlir::Value memory;
  const ByteDot &dot;
};

} // namespace tercet::cpu

#endif // TERCET_TARGETS_CPU_PACKEDGROUPS_H
