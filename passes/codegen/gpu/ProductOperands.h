// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sums of one thread of a product: for some rows, one column or four side by
// side, along all that is summed or a part of it.

#ifndef TERCET_PASSES_CODEGEN_GPU_PRODUCTOPERANDS_H
#define TERCET_PASSES_CODEGEN_GPU_PRODUCTOPERANDS_H

#include "passes/codegen/gpu/Contraction.h"

namespace tercet::codegen {

class ProductOperands {
public:
  /// Sums are vectors along the columns if `lanes`, else scalars.
  ProductOperands(TileBuilder &b, const Contraction &product, bool lanes);

  /// Adds all products to `sums`, those of row i at the variables at[i], which
  /// differ in the rows alone. Of `parts` threads that share a sum this is
  /// number `part`: it takes every parts-th four of the innermost loop.
  llvm::SmallVector<mlir::Value> accumulate(llvm::ArrayRef<llvm::SmallVector<mlir::Value>> at,
                                            llvm::ArrayRef<mlir::Value> sums, mlir::Value part = {},
                                            int64_t parts = 1);

private:
  using Rows = llvm::SmallVector<llvm::SmallVector<mlir::Value>>;
  llvm::SmallVector<mlir::Value> overLoops(Rows at, llvm::ArrayRef<unsigned> loops,
                                           llvm::SmallVector<mlir::Value> sums);
  llvm::SmallVector<mlir::Value> overInnermost(Rows at, unsigned loop,
                                               llvm::SmallVector<mlir::Value> sums);
  llvm::SmallVector<mlir::Value> addFour(Rows at, unsigned loop,
                                         llvm::SmallVector<mlir::Value> sums);
  llvm::SmallVector<mlir::Value> addOne(Rows at, unsigned loop,
                                        llvm::SmallVector<mlir::Value> sums);
  llvm::SmallVector<mlir::Value> loadRow(llvm::ArrayRef<mlir::Value> ivs, unsigned loop);
  llvm::SmallVector<mlir::Value> loadColumns(llvm::ArrayRef<mlir::Value> ivs, unsigned loop);
  mlir::Value floatOf(mlir::Value value);

  TileBuilder &b;
  const Contraction &product;
  bool lanes;
  mlir::Value part;
  int64_t parts = 1;
};

} // namespace tercet::codegen

#endif // TERCET_PASSES_CODEGEN_GPU_PRODUCTOPERANDS_H
