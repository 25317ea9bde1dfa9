// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// As GroupOperands for weights that are floats in panels: those of a model in f16
// or bf16, which are widened as they are multiplied.

#ifndef TERCET_PASSES_CODEGEN_GPU_FLOATPANELS_H
#define TERCET_PASSES_CODEGEN_GPU_FLOATPANELS_H

#include "dialects/nn/NN.h"
#include "passes/codegen/LoopNest.h"
#include "passes/codegen/gpu/PanelSums.h"

namespace tercet::codegen {

class FloatPanels : public PanelSums {
public:
  /// Of an operation on memrefs without a format.
  FloatPanels(TileBuilder &b, nn::GroupMatmulOp op);

  llvm::SmallVector<mlir::Value> accumulate(llvm::ArrayRef<mlir::Value> rows, mlir::Value four,
                                            llvm::ArrayRef<mlir::Value> sums, mlir::Value part,
                                            int64_t parts) override;

private:
  using Values = llvm::SmallVector<mlir::Value>;
  /// Terms [k, k + count), 1 or 4 of them.
  void add(llvm::ArrayRef<mlir::Value> rows, mlir::Value number, mlir::Value first, mlir::Value k,
           int64_t count, Values &sums);

  TileBuilder &b;
  int64_t depth;
  Access lhs, rhs;
};

} // namespace tercet::codegen

#endif // TERCET_PASSES_CODEGEN_GPU_FLOATPANELS_H
