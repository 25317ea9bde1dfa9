// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Transcendental functions as arithmetic, on f32 scalars and vectors of f32.
// Greatest errors, measured against the double-precision C library over all
// of the sweeps of test/unit/cpu (units in the last place of the result):
//
//   exp 2, exp2 2, log 2, erf 2, tanh 3                         computed in f32
//   the others 1: expm1, log2, log10, log1p, erfc, sin, cos,    computed in f64
//   tan, sinh, cosh, asin, acos, atan, atan2, asinh, acosh, atanh, cbrt, pow
//
// Infinities, zeros, NaN and subnormal arguments and results are as in C99's
// Annex F, with the exception that sin, cos and tan yield NaN beyond 2^50.

#ifndef TERCET_TARGETS_CPU_MATHFUNCTIONS_H
#define TERCET_TARGETS_CPU_MATHFUNCTIONS_H

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Operation.h"

namespace tercet::cpu {

/// The value of a math operation on f32 at these operands, or null if it is
/// not one that has to be expanded.
mlir::Value expandMathFunction(mlir::ImplicitLocOpBuilder &b, mlir::Operation *op,
                               mlir::ValueRange operands);

/// Whether the operation is one that would become a library call.
bool isMathFunction(mlir::Operation *op);

} // namespace tercet::cpu

#endif // TERCET_TARGETS_CPU_MATHFUNCTIONS_H
