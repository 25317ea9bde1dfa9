// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Copies of rectangular parts between two strided layouts of the same element
// size: the one loop under transpose, slice, concat and pack. Also used for
// the data movement of the reference evaluator.

#ifndef TERCET_COMPILER_WEIGHTS_STRIDEDCOPY_H
#define TERCET_COMPILER_WEIGHTS_STRIDEDCOPY_H

#include "mlir/Support/LLVM.h"

namespace tercet {

/// Strides in elements of a row-major tensor of this shape.
mlir::SmallVector<int64_t> getRowMajorStrides(mlir::ArrayRef<int64_t> shape);

/// destination[sum i_d * destinationStrides[d]] = source[sum i_d * sourceStrides[d]]
/// for every i within `shape`; strides are in elements of `elementBytes` (1, 2,
/// 4 or 8), may be 0 or negative, and nothing need be aligned. Source and
/// destination do not overlap.
void copyStrided(const char *source, mlir::ArrayRef<int64_t> sourceStrides, char *destination,
                 mlir::ArrayRef<int64_t> destinationStrides, mlir::ArrayRef<int64_t> shape,
                 unsigned elementBytes);

} // namespace tercet

#endif // TERCET_COMPILER_WEIGHTS_STRIDEDCOPY_H
