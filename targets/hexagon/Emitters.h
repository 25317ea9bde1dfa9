// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One emitter for each kind of operation: it writes loops and hvx operations
// before the operation, which the caller then erases. An emitter is given
// staging memory of the size that its stagingOf says; both compute from the
// operation alone, so that whoever plans memory agrees with whoever uses it.

#ifndef TERCET_TARGETS_HEXAGON_EMITTERS_H
#define TERCET_TARGETS_HEXAGON_EMITTERS_H

#include "targets/hexagon/VectorBuilder.h"

#include "dialects/nn/NN.h"

namespace tercet::hexagon {

/// The most that a dimension of a memref can be; -1 if there is no bound.
int64_t greatestSize(mlir::Value memory, int64_t dim);

/// In elements; must be static.
int64_t strideOf(mlir::Value memory, int64_t dim);

/// The operation must have passed `reasonAgainst` (Lowerable.h).
int64_t stagingOf(nn::QuantizedMatmulOp op, bool streamed);
void emitMatmul(VectorBuilder &b, nn::QuantizedMatmulOp op, mlir::Value staging, bool streamed);

/// quantized_add, rescale, lookup.
void emitElementwise(VectorBuilder &b, mlir::Operation *op);

/// memref.copy, linalg.fill, linalg.transpose.
void emitMove(VectorBuilder &b, mlir::Operation *op);

/// quantized_layer_norm, quantized_rms_norm.
int64_t stagingOfNorm(mlir::Operation *op);
void emitNorm(VectorBuilder &b, mlir::Operation *op, mlir::Value staging);

int64_t stagingOf(nn::QuantizedAttentionOp op);
void emitAttention(VectorBuilder &b, nn::QuantizedAttentionOp op, mlir::Value staging);

} // namespace tercet::hexagon

#endif // TERCET_TARGETS_HEXAGON_EMITTERS_H
