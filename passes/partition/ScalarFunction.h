// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise operations of one tensor as functions of one number, in doubles:
// what tables are made from. A function is known if it is made of arithmetic on
// floats, comparisons and constants.

#ifndef TERCET_PASSES_PARTITION_SCALARFUNCTION_H
#define TERCET_PASSES_PARTITION_SCALARFUNCTION_H

#include "mlir/IR/Operation.h"

namespace tercet::partition {

/// The tensor x if the operation computes f(x) elementwise, read at the index of
/// the result, and f can be evaluated; otherwise null.
mlir::Value matchScalarFunction(mlir::Operation *op);

/// f(x), for an operation that matches.
double evaluateScalarFunction(mlir::Operation *op, double x);

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_SCALARFUNCTION_H
