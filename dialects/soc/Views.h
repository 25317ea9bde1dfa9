// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations between tasks that need not move data: reshapes, contiguous
// slices, and concatenations whose parts lie one after another. The graph
// stage leaves them outside of groups; the planner decides whether a
// concatenation is a place for its parts or a copy of them.

#ifndef TERCET_DIALECTS_SOC_VIEWS_H
#define TERCET_DIALECTS_SOC_VIEWS_H

#include "mlir/IR/Operation.h"

#include <optional>

namespace tercet::soc {

/// If the operation's one result is a run of consecutive elements of its first
/// operand in row-major order: the number of elements before that run.
std::optional<int64_t> getContiguousOffset(mlir::Operation *op);

/// Whether the operation's result is its operands one after another in memory.
bool isContiguousConcat(mlir::Operation *op);

/// Whether the operation is one of the two.
bool isBetweenTasks(mlir::Operation *op);

/// Calls `visit` with every operation that computes a part of `value`, looked
/// at through what lies between tasks. Arguments and weights are not visited.
void forEachProducer(mlir::Value value, llvm::function_ref<void(mlir::Operation *)> visit);

} // namespace tercet::soc

#endif // TERCET_DIALECTS_SOC_VIEWS_H
