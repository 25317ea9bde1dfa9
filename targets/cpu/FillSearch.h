// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a destination starts with: a fill of it becomes the start of sums that are
// kept in registers.

#ifndef TERCET_TARGETS_CPU_FILLSEARCH_H
#define TERCET_TARGETS_CPU_FILLSEARCH_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace tercet::cpu {

/// The fill that gives all of `destination` the value it has before `op`.
mlir::linalg::FillOp findFill(mlir::Operation *op, mlir::Value destination);

} // namespace tercet::cpu

#endif // TERCET_TARGETS_CPU_FILLSEARCH_H
