// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums of four products of signed bytes, for devices that have an instruction for
// them. Between emitters and targets the sum has a form of upstream's operations,
// which each target recognises before it lowers anything else.

#ifndef TERCET_PASSES_CODEGEN_GPU_BYTEDOT_H
#define TERCET_PASSES_CODEGEN_GPU_BYTEDOT_H

#include "passes/codegen/gpu/TileBuilder.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace tercet::codegen {

/// `sum` and the products of the four bytes of `left` with those of `right`, all
/// of them words.
mlir::Value emitByteDot(TileBuilder &b, mlir::Value left, mlir::Value right, mlir::Value sum);

/// What emitByteDot has made.
struct ByteDot {
  mlir::Value left, right; // vectors of four bytes
  mlir::Value sum;

  static std::optional<ByteDot> of(mlir::vector::ReductionOp op);
};

} // namespace tercet::codegen

#endif // TERCET_PASSES_CODEGEN_GPU_BYTEDOT_H
