// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// When tasks run and where: tasks with precedence, each with several modes, on
// engines that run one thing at a time and share the bandwidth of one memory.
// Wanted is the least makespan, then the least peak of live results. Knows
// nothing of MLIR. docs/schedule.md describes model, bounds and algorithms.

#ifndef TERCET_PASSES_SCHEDULE_SCHEDULEPROBLEM_H
#define TERCET_PASSES_SCHEDULE_SCHEDULEPROBLEM_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace tercet::schedule {

/// Work that occupies one engine for `duration` picoseconds without a break.
struct TaskPart {
  unsigned engine = 0;
  int64_t duration = 0;
};

/// One way to run a task: a part, or several on different engines (shares),
/// which may start at different times. All are needed to complete the task.
struct TaskMode {
  llvm::SmallVector<TaskPart, 1> parts;
  /// What all parts together move through the shared memory.
  int64_t bandwidthBytes = 0;
};

struct ScheduleTask {
  /// At least one. The first is what the input chose: no plan is worse than
  /// the tasks in their order in these modes.
  llvm::SmallVector<TaskMode, 2> modes;
  /// Bytes that live from the task's start to the end of its last consumer (of
  /// the task itself if it has none). 0 for what does not live in the arena.
  int64_t resultBytes = 0;
};

/// `to` reads what `from` writes.
struct ScheduleEdge {
  unsigned from = 0;
  unsigned to = 0;
  /// Decides between inputs in a depth-first order; costs no time, see `lags`.
  int64_t bytesOut = 0;
  /// Picoseconds from the end of a part of `from` on engine p to the start of
  /// a part of `to` on engine q, at [p * engines + q]: synchronisation and
  /// transfer. Empty: the problem's. A lag of an engine to itself is 0.
  llvm::SmallVector<int64_t, 0> lags;
};

struct SchedulePlan;

struct ScheduleProblem {
  unsigned engines = 1;
  /// In a topological order: edges go from a lower to a higher index.
  std::vector<ScheduleTask> tasks;
  std::vector<ScheduleEdge> edges;
  /// Lags of the edges without a table of their own; empty means 0.
  llvm::SmallVector<int64_t, 0> defaultLags;
  /// Bytes per second of the shared memory; 0 means no limit.
  int64_t bandwidth = 0;

  /// What `bandwidth` is divided into, see bandwidthShare.
  static constexpr int64_t bandwidthShares = 4096;
  /// Durations and lags may add up to this many picoseconds (some 18 minutes),
  /// so that no product with a share or a multiplier overflows.
  static constexpr int64_t timeLimit = int64_t(1) << 50;

  /// An error if an index is out of range, an edge does not ascend, a task has
  /// no mode, a time or size is negative, or sums are too large.
  llvm::Error check() const;

  /// How much of the bandwidth each part of the mode takes while it runs, in
  /// 1/4096: bytes / (sum of the parts' durations), rounded up, at most all.
  /// The shares of the parts that run at any time add up to 4096 at most.
  int64_t bandwidthShare(const TaskMode &mode) const;

  int64_t lag(const ScheduleEdge &edge, unsigned from, unsigned to) const {
    const auto &table = edge.lags.empty() ? defaultLags : edge.lags;
    return table.empty() ? 0 : table[from * engines + to];
  }

  /// The greatest number of bytes of results live at once when the tasks run
  /// one after another in the given order.
  int64_t peak(llvm::ArrayRef<unsigned> order) const;
};

struct SchedulePlan {
  /// Of each task: the index of its mode, and the start of each part in ps.
  llvm::SmallVector<unsigned> modes;
  llvm::SmallVector<llvm::SmallVector<int64_t, 1>> starts;
  int64_t makespan = 0;
  /// Peak of live results with the tasks in `order()`.
  int64_t peak = 0;
  /// No plan has a smaller makespan; no order a smaller peak. (The latter over
  /// all orders, also those that take longer.)
  int64_t lowerBound = 0;
  int64_t peakLowerBound = 0;
  /// Which algorithm found it.
  std::string method;
  /// What the exact algorithms opened.
  uint64_t nodes = 0;

  bool isOptimal() const { return makespan == lowerBound; }
  bool isPeakOptimal() const { return isOptimal() && peak == peakLowerBound; }
  /// How far the makespan is above the bound at most, in 1/10000.
  int64_t gap() const;
  /// The tasks by their first start, then by index: topological.
  llvm::SmallVector<unsigned> order() const;
  /// An error if parts overlap on an engine, start before what they need, take
  /// more than the bandwidth, or makespan, peak or a bound is not what is said.
  /// Compares all pairs.
  llvm::Error verify(const ScheduleProblem &problem) const;
};

/// How much work the search may do. Budgets count steps, never time.
enum class ScheduleEffort {
  /// For a compiler's default: below a second for some hundred tasks.
  Normal,
  /// Some ten times as much.
  Thorough,
};

struct ScheduleOptions {
  ScheduleEffort effort = ScheduleEffort::Normal;
};

/// Lower bounds of the makespan, each on its own; `best` is their maximum.
struct ScheduleBounds {
  /// Longest path, with the lags and modes that suit each step best.
  int64_t criticalPath = 0;
  /// Work over engines, by the dual of the assignment's linear relaxation.
  int64_t load = 0;
  /// Bytes over bandwidth.
  int64_t bandwidth = 0;
  /// Load and bandwidth of the tasks between two points in time.
  int64_t window = 0;
  int64_t best() const;
};
ScheduleBounds boundsOf(const ScheduleProblem &problem);

/// The best plan that the portfolio finds, for a problem that passes check().
/// Never worse than any task order of the input in its first modes, nor than
/// all tasks on one engine. Deterministic.
SchedulePlan solveSchedule(const ScheduleProblem &problem, const ScheduleOptions &options = {});

} // namespace tercet::schedule

#endif // TERCET_PASSES_SCHEDULE_SCHEDULEPROBLEM_H
