// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Code of a tile's operations, an emitter a file. gpu-lower-structured asks
// those for special forms first and emitNest last, and puts barriers between
// operations; an emitter puts those that it needs within one. All emit where the
// builder stands and leave the operations.

#ifndef TERCET_PASSES_CODEGEN_GPU_EMITTERS_H
#define TERCET_PASSES_CODEGEN_GPU_EMITTERS_H

#include "dialects/nn/NN.h"
#include "passes/codegen/gpu/Contraction.h"
#include "passes/codegen/gpu/TileBuilder.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace tercet::codegen {

/// Any linalg operation on memrefs: a thread computes a result, with all of its
/// reductions. Emits before the operation and leaves it.
mlir::LogicalResult emitNest(TileBuilder &b, mlir::linalg::LinalgOp op);

/// A product of few rows, with what belongs to it. False, with no code but dead
/// arithmetic, if it is something else or too small.
bool emitThinMatmul(TileBuilder &b, const ProductChain &chain);

/// A product of 16-bit floats on tensor cores, where the profile has them; false
/// likewise.
bool emitTensorProduct(TileBuilder &b, const ProductChain &chain);

/// Any other product of floats, with sums in registers; false likewise.
bool emitMatmul(TileBuilder &b, const ProductChain &chain);

/// A product with a right-hand side in groups, in panels, on memrefs, with what
/// belongs to it; false likewise, or if there is no kernel for it.
bool emitGroupMatmul(TileBuilder &b, const ProductChain &chain);
/// Whether there is one once the right-hand side is in panels; if not, why in
/// words that follow the engine's name.
bool hasGroupKernel(nn::GroupMatmulOp op, std::string &reason);

/// Rows to groups on memrefs, of formats that hasEncodeKernel accepts.
void emitEncodeGroups(TileBuilder &b, nn::EncodeGroupsOp op);
bool hasEncodeKernel(nn::EncodeGroupsOp op);

/// A reduction with fewer results than there are threads; false likewise.
bool emitReduction(TileBuilder &b, mlir::linalg::LinalgOp op);

/// nn.attention or nn.cached_attention on memrefs, if hasAttentionKernel accepts it;
/// `reason`, if it does not, says what there is no kernel for.
mlir::LogicalResult emitAttention(TileBuilder &b, mlir::Operation *op);
bool hasAttentionKernel(mlir::Operation *op, std::string *reason = nullptr);

} // namespace tercet::codegen

#endif // TERCET_PASSES_CODEGEN_GPU_EMITTERS_H
