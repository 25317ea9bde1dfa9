// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bodies of structured operations as code of a thread. Floats of fewer than 32
// bits are a form of storage: what a body computes, and what a reduction carries
// from element to element, is f32, and is rounded where it is stored. A
// conversion that the body states itself still rounds.

#ifndef TERCET_PASSES_CODEGEN_GPU_SCALARBODY_H
#define TERCET_PASSES_CODEGEN_GPU_SCALARBODY_H

#include "passes/codegen/gpu/TileBuilder.h"

namespace tercet::codegen {

/// What elements of the type are computed in: f32 for narrower floats, the type
/// itself for any other.
mlir::Type computeTypeOf(mlir::Type element);

/// The value in the type that it is computed in.
mlir::Value widen(TileBuilder &b, mlir::Value value);
/// The computed value as an element of memory of that type.
mlir::Value narrow(TileBuilder &b, mlir::Value value, mlir::Type element);

/// What the body yields for `arguments`, a value for each of its block's or null
/// where that is not used; stored and computed types may be mixed. The results
/// are of the types that they are computed in. `indexOf` gives the variable of a
/// dimension.
llvm::SmallVector<mlir::Value> computeBody(TileBuilder &b, mlir::Block &body,
                                           llvm::ArrayRef<mlir::Value> arguments,
                                           llvm::function_ref<mlir::Value(int64_t)> indexOf);

} // namespace tercet::codegen

#endif // TERCET_PASSES_CODEGEN_GPU_SCALARBODY_H
