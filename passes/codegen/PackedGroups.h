// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Blocks that #nn.pack_groups has laid out, as vectors of a panel's rows: scales,
// minima and codes of some elements for all rows at once. How a machine loads
// bytes and looks codes up it says itself.

#ifndef TERCET_PASSES_CODEGEN_PACKEDGROUPS_H
#define TERCET_PASSES_CODEGEN_PACKEDGROUPS_H

#include "dialects/nn/NN.h"
#include "passes/codegen/LoopBuilder.h"

#include <functional>

namespace tercet::codegen {

class PackedGroups {
public:
  /// So many bytes from an address on, as a vector of i8.
  using Load = std::function<mlir::Value(mlir::OpBuilder &, mlir::Location, mlir::OpFoldResult,
                                         int64_t bytes)>;
  /// Of every byte of words, which are below 16, what a table of 16 has for it.
  using Lookup = std::function<mlir::Value(mlir::OpBuilder &, mlir::Location, mlir::Value words,
                                           llvm::ArrayRef<uint8_t> table)>;

  /// Vectors have `lanes` of the `panel` rows, which are a multiple of them.
  PackedGroups(nn::GroupsAttr format, int64_t panel, int64_t lanes, Load load, Lookup lookup)
      : format(format), panel(panel), lanes(lanes), load(std::move(load)),
        lookup(std::move(lookup)) {}

  /// What a block has one of for each row; loaded once for all of its groups.
  struct Block {
    mlir::OpFoldResult address;
    mlir::Value scale, shift;
  };
  /// Rows [first, first + lanes) of the block at this byte.
  Block loadBlock(mlir::OpBuilder &b, mlir::Location loc, mlir::OpFoldResult address,
                  mlir::OpFoldResult first);

  /// Of a group, whose number in the block may be computed, for each row.
  mlir::Value scaleOf(mlir::OpBuilder &b, mlir::Location loc, const Block &block,
                      mlir::OpFoldResult group, mlir::OpFoldResult first);
  /// What is added to scaled codes; null if the format has no such thing.
  mlir::Value minimumOf(mlir::OpBuilder &b, mlir::Location loc, const Block &block,
                        mlir::OpFoldResult group, mlir::Value scale, mlir::OpFoldResult first);
  /// What the group's bytes say is taken off its codes, in i32; null without.
  mlir::Value zeroOf(mlir::OpBuilder &b, mlir::Location loc, const Block &block,
                     mlir::OpFoldResult group, mlir::OpFoldResult first);

  /// Codes of 32 elements as eight vectors of i32, four in each lane; unsigned,
  /// by `getZero` more than the code less the format's zero, at most `getGreatest`.
  llvm::SmallVector<mlir::Value> loadCodes(mlir::OpBuilder &b, mlir::Location loc,
                                           const Block &block, mlir::OpFoldResult unit,
                                           mlir::OpFoldResult first);
  int64_t getZero() const;
  int64_t getGreatest() const;
  int64_t getBlockBytes() const { return panel * format.getPackedBytes(); }

private:
  mlir::Value loadFloats(mlir::OpBuilder &b, mlir::Location loc, mlir::OpFoldResult address);
  mlir::Value loadBytes(mlir::OpBuilder &b, mlir::Location loc, mlir::OpFoldResult address,
                        bool isSigned);
  /// Byte at which the values of a field start for the first row of the vector.
  mlir::OpFoldResult fieldAt(mlir::OpBuilder &b, mlir::Location loc, const Block &block,
                             int64_t from, mlir::OpFoldResult number, int64_t size,
                             mlir::OpFoldResult first);
  bool isSubscaled() const { return format.getSubscale() != nn::SubscaleKind::None; }
  int64_t shiftsAt() const;
  int64_t subscalesAt() const;
  int64_t codesAt() const;

  nn::GroupsAttr format;
  int64_t panel, lanes;
  Load load;
  Lookup lookup;
};

} // namespace tercet::codegen

#endif // TERCET_PASSES_CODEGEN_PACKEDGROUPS_H
