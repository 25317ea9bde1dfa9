// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Roots and quotients of integers by Newton's method, made exact at the end.
// Scalar code: a row needs one of each.

#ifndef TERCET_TARGETS_HEXAGON_RECIPROCAL_H
#define TERCET_TARGETS_HEXAGON_RECIPROCAL_H

#include "targets/hexagon/VectorBuilder.h"

namespace tercet::hexagon {

/// min(2^31 - 1, floor(2^61 / divisor)) for an i32 divisor in [2^30, 2^31).
mlir::Value emitReciprocal(VectorBuilder &b, mlir::Value divisor);

/// The same for the divisor floor(sqrt(square)), of an i64 square in
/// [2^60, 2^62).
mlir::Value emitReciprocalRoot(VectorBuilder &b, mlir::Value square);

} // namespace tercet::hexagon

#endif // TERCET_TARGETS_HEXAGON_RECIPROCAL_H
