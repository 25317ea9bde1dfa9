// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loops over the elements of memrefs of one shape, register by register: outer
// dimensions one by one, those that lie contiguously in every one of the
// memrefs together, and of the innermost as many elements at a time as fill a
// register of bytes.

#ifndef TERCET_TARGETS_HEXAGON_ROWLOOPS_H
#define TERCET_TARGETS_HEXAGON_ROWLOOPS_H

#include "targets/hexagon/VectorBuilder.h"

namespace tercet::hexagon {

/// Calls `body` with the addresses of the memrefs' elements at one place in the
/// outer dimensions and how many of them lie in a row from there. The last
/// dimension's stride must be 1 in all.
void forEachRow(VectorBuilder &b, llvm::ArrayRef<mlir::Value> memories,
                llvm::function_ref<void(Values addresses, mlir::Value count)> body);

/// The same for rows of the last dimension alone.
void forEachLine(VectorBuilder &b, llvm::ArrayRef<mlir::Value> memories,
                 llvm::function_ref<void(Values addresses, mlir::Value count)> body);

/// As forEachRow, up to 128 elements at a time.
void forEachPart(VectorBuilder &b, llvm::ArrayRef<mlir::Value> memories,
                 llvm::function_ref<void(Values addresses, mlir::Value count)> body);

/// Calls `body` with the first of up to 128 elements of a row, and how many.
void forEachPartOf(VectorBuilder &b, mlir::Value count,
                   llvm::function_ref<void(mlir::Value element, mlir::Value count)> body);

/// The registers that hold `count` (1 to 128) elements of 1, 2 or 4 bytes; what
/// lies behind them is undefined.
Values loadElements(VectorBuilder &b, mlir::Value address, mlir::Value count, int64_t bytes);
void storeElements(VectorBuilder &b, mlir::ValueRange registers, mlir::Value address,
                   mlir::Value count, int64_t bytes);

/// Bytes of an element.
int64_t elementBytes(mlir::Value memory);

/// Half words of 128 elements of i8 or i16.
Values loadHalves(VectorBuilder &b, mlir::Value address, mlir::Value count, int64_t bytes);
/// Stores 128 half words, plus zero and clamped, as i8 or i16.
void storeHalves(VectorBuilder &b, mlir::ValueRange halves, int64_t zero, mlir::Value address,
                 mlir::Value count, int64_t bytes);

} // namespace tercet::hexagon

#endif // TERCET_TARGETS_HEXAGON_ROWLOOPS_H
