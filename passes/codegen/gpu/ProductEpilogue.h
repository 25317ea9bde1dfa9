// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What becomes of a sum once it is complete: it goes through the elementwise
// operation behind the product, if that is computed along with it, to memory.

#ifndef TERCET_PASSES_CODEGEN_GPU_PRODUCTEPILOGUE_H
#define TERCET_PASSES_CODEGEN_GPU_PRODUCTEPILOGUE_H

#include "passes/codegen/gpu/Contraction.h"

namespace tercet::codegen {

class ProductEpilogue {
public:
  /// Nothing if the operation behind the product is none that can be computed
  /// element by element from here.
  static std::optional<ProductEpilogue> of(TileBuilder &b, const ProductChain &chain,
                                           const Contraction &product);

  /// What a sum begins with: zero, or what is in memory.
  /// `ivs` are the product's; a vector along its columns if `lanes`.
  mlir::Value initial(TileBuilder &b, mlir::ValueRange ivs, bool lanes) const;

  /// Stores what follows from complete sums there.
  void finish(TileBuilder &b, mlir::Value sum, mlir::ValueRange ivs, bool lanes) const;

  /// A thread a column of the row at `ivs`, which are the product's: adds up `parts`
  /// rows of `width` sums in workgroup memory, and stores as `finish` does.
  void finishParts(TileBuilder &b, mlir::Value shared, int64_t width, int64_t parts,
                   mlir::OpFoldResult columns, unsigned columnLoop, mlir::ValueRange ivs) const;

private:
  llvm::SmallVector<mlir::Value> coordinates(TileBuilder &b, mlir::ValueRange ivs) const;
  llvm::SmallVector<mlir::Value> compute(TileBuilder &b, mlir::ValueRange arguments) const;

  const Contraction *product = nullptr;
  bool isFilled = false;
  mlir::linalg::GenericOp op; // null: sums are stored as they are
  std::optional<LoopNest> nest;
  /// Of each dimension of the product's result, the product's loop; -1: of one
  /// element.
  llvm::SmallVector<int64_t> loopOfDim;
  /// The operation's operands that are the sum.
  llvm::SmallVector<bool> isSum;
};

} // namespace tercet::codegen

#endif // TERCET_PASSES_CODEGEN_GPU_PRODUCTEPILOGUE_H
