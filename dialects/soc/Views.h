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

/// Elements [begin, end) of what `root` stands for, which come to lie at element
/// `at` of the value that is looked at.
struct SourceRange {
  mlir::Value root;
  int64_t begin = 0, end = 0;
  int64_t at = 0;
};

/// What a value consists of, looked at through what lies between tasks: values
/// that are arguments or that another kind of operation defines.
llvm::SmallVector<SourceRange> getSources(mlir::Value value);

/// Calls `visit` with every operation that computes a part of `value`, looked
/// at through what lies between tasks. Arguments and weights are not visited.
void forEachProducer(mlir::Value value, llvm::function_ref<void(mlir::Operation *)> visit);

} // namespace tercet::soc

#endif // TERCET_DIALECTS_SOC_VIEWS_H
