// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums of products of two operands, whatever operation they are written as, and
// what may be computed together with them: the fill that a sum begins with and
// the elementwise operation that alone reads it. Then sums never leave the
// registers.

#ifndef TERCET_PASSES_CODEGEN_GPU_CONTRACTION_H
#define TERCET_PASSES_CODEGEN_GPU_CONTRACTION_H

#include "passes/codegen/LoopNest.h"
#include "passes/codegen/gpu/TileBuilder.h"

namespace tercet::codegen {

/// c += left * right, all in floats.
struct Contraction {
  LoopNest nest;
  unsigned left = 0, right = 1; // operands: left moves with rows, right with columns
  /// Loops; those of one iteration are in none of these. At most one loop of rows
  /// and one of columns.
  llvm::SmallVector<unsigned> batch, sums;
  std::optional<unsigned> rows, columns;

  const Access &leftAccess() const { return nest.accesses[left]; }
  const Access &rightAccess() const { return nest.accesses[right]; }
  const Access &result() const { return nest.accesses[nest.inputs]; }
  /// What sums are kept in: f32, or the result's type if that is wider.
  mlir::Type sumElement() const;

  /// Builds arithmetic of addresses; nothing if the operation is something else.
  static std::optional<Contraction> of(mlir::OpBuilder &b, mlir::linalg::LinalgOp op);
};

/// Whether the body is acc + a * b of its block's arguments.
bool isMultiplyAdd(mlir::linalg::LinalgOp op);

/// A product, and what belongs to it. What there is none of is null.
struct ProductChain {
  mlir::linalg::FillOp fill;          // with zero, of the product's result
  mlir::Operation *product = nullptr; // of linalg, or nn.group_matmul
  /// Elementwise, and nothing else reads the product's result.
  mlir::linalg::GenericOp epilogue;

  /// In order, those that there are.
  llvm::SmallVector<mlir::Operation *> getOperations();

  /// Looks around the product, in its block.
  static ProductChain around(mlir::Operation *product);

  /// The memory of the product's result.
  mlir::Value getResult() const;
};

} // namespace tercet::codegen

#endif // TERCET_PASSES_CODEGEN_GPU_CONTRACTION_H
