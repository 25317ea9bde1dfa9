// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Adjacent elements of an operand as one vector. Whether a vector begins at a
// multiple of its size in memory is read from the arithmetic of its address; a
// target that has no other loads of vectors takes apart those that do not.

#ifndef TERCET_PASSES_CODEGEN_GPU_VECTORACCESS_H
#define TERCET_PASSES_CODEGEN_GPU_VECTORACCESS_H

#include "passes/codegen/LoopNest.h"
#include "passes/codegen/gpu/TileBuilder.h"

namespace tercet::codegen {

/// Elements that one load of a thread takes.
inline constexpr int64_t kLanes = 4;

/// Whether the value is known to be a multiple of `by`, a power of two.
bool isMultipleOf(mlir::OpFoldResult value, int64_t by);
bool isMultipleOf(mlir::Value value, int64_t by);

/// The greatest value that it can have; nothing if that is not known.
std::optional<int64_t> upperBound(mlir::OpFoldResult value);

/// The element at the loops' variables.
mlir::Value loadElement(TileBuilder &b, const Access &access, mlir::ValueRange ivs);
/// kLanes elements from there on; `access` moves by one along `loop`, or stays
/// where it is, and then it is one element in all lanes.
mlir::Value loadLanes(TileBuilder &b, const Access &access, mlir::ValueRange ivs, unsigned loop);
void storeLanes(TileBuilder &b, mlir::Value value, const Access &access, mlir::ValueRange ivs);

/// Floats of another width, or vectors of them, as those of `type`'s element.
mlir::Value toFloat(TileBuilder &b, mlir::Value value, mlir::Type element);

/// A vector of so many equal floats.
mlir::Value splat(TileBuilder &b, mlir::Value scalar);
mlir::Value fma(TileBuilder &b, mlir::Value x, mlir::Value y, mlir::Value z);

} // namespace tercet::codegen

#endif // TERCET_PASSES_CODEGEN_GPU_VECTORACCESS_H
