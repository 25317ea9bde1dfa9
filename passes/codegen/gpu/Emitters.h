// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Code of a tile's operations, an emitter a file. gpu-lower-structured asks
// those for special forms first and emitNest last, and puts barriers between
// operations; an emitter puts those that it needs within one.

#ifndef TERCET_PASSES_CODEGEN_GPU_EMITTERS_H
#define TERCET_PASSES_CODEGEN_GPU_EMITTERS_H

#include "passes/codegen/gpu/TileBuilder.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace tercet::codegen {

/// Any linalg operation on memrefs: a thread computes a result, with all of its
/// reductions. Emits before the operation and leaves it.
mlir::LogicalResult emitNest(TileBuilder &b, mlir::linalg::LinalgOp op);

} // namespace tercet::codegen

#endif // TERCET_PASSES_CODEGEN_GPU_EMITTERS_H
