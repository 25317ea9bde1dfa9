// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which tensor stays in a scratchpad between which of its uses. A tensor is in
// the scratchpad at every step that uses it; between two uses it is either kept
// there, taking its bytes from what the steps between leave, or dropped, which
// costs the bytes of a load and, if memory does not have the value yet, of a
// store. Knows nothing of MLIR.

#ifndef TERCET_PASSES_PLAN_RESIDENCY_H
#define TERCET_PASSES_PLAN_RESIDENCY_H

#include "passes/plan/MemoryProblem.h"

namespace tercet::plan {

/// A write replaces all of the tensor.
struct ResidencyUse {
  int64_t step = 0;
  bool isWrite = false;
};

struct ResidencyTensor {
  int64_t id = 0;
  /// In bytes.
  int64_t size = 0;
  /// By ascending step, at most one a step.
  llvm::SmallVector<ResidencyUse> uses;
  /// Whether memory has it before the first use, as it has weights and inputs.
  bool isInput = false;
  /// Whether memory must have it after the last use.
  bool isOutput = false;
};

struct ResidencyProblem {
  llvm::SmallVector<ResidencyTensor> tensors;
  /// Bytes of the scratchpad.
  int64_t capacity = 0;

  /// An error if uses are not in order, a value is read that nothing has
  /// written, a step uses more than the capacity, or sums overflow.
  llvm::Error check() const;
};

struct ResidencyPlan {
  /// For each tensor and each of its uses but the last: whether it is kept until
  /// the next one.
  std::vector<std::vector<bool>> kept;
  /// Bytes moved between memory and scratchpad.
  int64_t bytes = 0;
  /// Bytes that every plan moves, by linear relaxation or by search.
  int64_t lowerBound = 0;
  std::string method;
  int64_t nodes = 0;
  /// If asked for: of each tensor and use, where it lies in the scratchpad.
  std::vector<std::vector<int64_t>> offsets;

  PlanStatus status() const { return bytes <= lowerBound ? PlanStatus::Optimal : PlanStatus::Gap; }
  /// An error if a step has more than fits, the bytes are not what the plan
  /// moves, or what lies in the scratchpad overlaps or moves while it is kept.
  /// Replays the steps; shares no code with the solvers.
  llvm::Error verify(const ResidencyProblem &problem) const;
};

/// Bytes that a plan moves.
int64_t countMovedBytes(const ResidencyProblem &problem,
                        const std::vector<std::vector<bool>> &kept);

/// A plan that moves the fewest bytes, or the best one found within the limit.
/// The linear relaxation is a flow; it is integral, and so exact at the first
/// node, for tensors of equal size whose values are loaded at most once or
/// stored anyway. The problem has passed `check`.
ResidencyPlan solveResidency(const ResidencyProblem &problem, int64_t nodeLimit = 2000);

/// The same with offsets: what is kept is planned as buffers of one arena. Where
/// that does not fit, residency is solved again with less capacity. An error if
/// no room is left to give up.
llvm::Expected<ResidencyPlan> solveResidencyWithOffsets(const ResidencyProblem &problem,
                                                        int64_t alignment = 1,
                                                        int64_t nodeLimit = 2000);

} // namespace tercet::plan

#endif // TERCET_PASSES_PLAN_RESIDENCY_H
