// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sums of one thread of a product with a right-hand side in groups. Weights
// are read in whole words of four elements, and decoded once for all rows.

#ifndef TERCET_PASSES_CODEGEN_GPU_GROUPOPERANDS_H
#define TERCET_PASSES_CODEGEN_GPU_GROUPOPERANDS_H

#include "dialects/nn/NN.h"
#include "passes/codegen/LoopNest.h"
#include "passes/codegen/PackedGroups.h"
#include "passes/codegen/gpu/PanelSums.h"

namespace tercet::codegen {

class GroupOperands : public PanelSums {
public:
  /// Of an operation on memrefs that hasGroupKernel accepts.
  GroupOperands(TileBuilder &b, nn::GroupMatmulOp op);

  llvm::SmallVector<mlir::Value> accumulate(llvm::ArrayRef<mlir::Value> rows, mlir::Value four,
                                            llvm::ArrayRef<mlir::Value> sums, mlir::Value part,
                                            int64_t parts) override;

private:
  using Values = llvm::SmallVector<mlir::Value>;
  /// Some elements of a group, which are chunk `number` of the row: codes in fours,
  /// and what scales and moves the group (null where the format has no such thing).
  struct Part {
    llvm::ArrayRef<mlir::Value> codes;
    mlir::Value scale, minimum, zero;
    mlir::OpFoldResult number;
  };

  mlir::Value word(int64_t value);
  mlir::Value loadBytes(mlir::Value memory, mlir::OpFoldResult address, int64_t bytes);
  mlir::Value lookup(mlir::Value words, llvm::ArrayRef<uint8_t> table);
  mlir::Value codeOf(const Part &part, int64_t element);
  void addUnit(llvm::ArrayRef<mlir::Value> rows, mlir::OpFoldResult panelAt,
               mlir::OpFoldResult first, mlir::Value unit, Values &sums);
  void addFloats(const Part &part, llvm::ArrayRef<mlir::Value> rows, Values &sums);
  void addIntegers(const Part &part, llvm::ArrayRef<mlir::Value> rows, Values &sums);
  /// What a row has for a chunk: words of codes, the scale, minus the codes' sum.
  struct Left {
    Values codes;
    mlir::Value scale, sum;
  };
  Left loadLeft(const Part &part, mlir::Value row);
  Values dotsInFloats(const Part &part, llvm::ArrayRef<Left> left);
  Values dotsInWords(const Part &part, llvm::ArrayRef<Left> left);

  TileBuilder &b;
  nn::GroupsAttr format, lhsFormat;
  FlatView lhs, rhs;
  PackedGroups packed;
  mlir::VectorType floats, integers;
};

} // namespace tercet::codegen

#endif // TERCET_PASSES_CODEGEN_GPU_GROUPOPERANDS_H
