// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The algorithms that solveSchedule chooses from, one a file, with what each
// guarantees. Internal to the solver.

#ifndef TERCET_PASSES_SCHEDULE_SCHEDULESOLVERS_H
#define TERCET_PASSES_SCHEDULE_SCHEDULESOLVERS_H

#include "passes/schedule/ScheduleModel.h"

namespace tercet::schedule {

//===-- PeakOrder.cpp: one engine, any order takes the same time ----------===//

struct PeakOrder {
  std::vector<unsigned> order;
  int64_t peak = 0;
  int64_t lowerBound = 0;
  std::string method;
  uint64_t nodes = 0;
};

/// An order of the tasks with a small peak of live results; the least one
/// unless the search runs out of its budget. Never worse than program order or
/// a depth-first order.
PeakOrder leastPeakOrder(const ScheduleModel &model, ScheduleEffort effort);

//===-- ListSchedule.cpp: one task after another, each where it ends first -===//

/// A schedule of the portfolio, with the name of its rule.
struct Candidate {
  const char *method;
  Sequence sequence;
  Finishes finishes;
  int64_t makespan;
};

/// Input modes in program order, each engine that can run all alone, HEFT,
/// PEFT, CPOP, depth-first and memory-aware lists.
std::vector<Candidate> listSchedules(const ScheduleModel &model);

/// The tasks by their first start, then by index, in these modes: run again,
/// no part ends later.
Sequence sequenceOf(const ScheduleModel &model, llvm::ArrayRef<unsigned> modes,
                    const Finishes &finishes);

/// Puts the tasks that are not fixed where they end first, into gaps between
/// those that are, and gives the order by starts (or as edges demand).
Sequence fillGaps(const ScheduleModel &model, const std::vector<bool> &isFixed,
                  llvm::ArrayRef<unsigned> modes, const Finishes &finishes);

//===-- BranchAndBound.cpp: exact, for up to 64 tasks ---------------------===//

/// Consecutive tasks with the time before which each may not start.
struct Window {
  /// Ascending, at most 64.
  llvm::SmallVector<unsigned, 16> tasks;
  /// Earliest start of tasks[i] on engine q because of tasks before the
  /// window, at [i * engines + q]. The window begins at time 0.
  llvm::SmallVector<int64_t, 64> ready;
  /// Only schedules that end at `limit` or before are of interest.
  int64_t limit = never;
};

/// A schedule of the window's tasks; modes and finishes by place in the window.
struct WindowSchedule {
  llvm::SmallVector<unsigned, 16> modes;
  Finishes finishes;
  int64_t end = 0;
};

struct WindowResult {
  /// None of them is better than another in its end and in when each task
  /// behind the window may start on each engine. By end. Empty if nothing was
  /// found within the limit.
  std::vector<WindowSchedule> schedules;
  /// No schedule ends before it. `never` if there is none within the limit.
  int64_t lowerBound = 0;
  /// All schedules that matter are there.
  bool exact = false;
  uint64_t nodes = 0;
};

/// Opens at most about `nodeLimit` partial schedules, in wider and wider beams
/// until none is cut off.
WindowResult searchWindow(const ScheduleModel &model, const Window &window, uint64_t nodeLimit);

//===-- SegmentSchedule.cpp: windows between cut tasks, stitched ----------===//

struct SegmentResult {
  std::vector<unsigned> modes;
  Finishes finishes;
  int64_t makespan = never;
  int64_t lowerBound = 0;
  bool exact = false;
  unsigned segments = 0;
  /// Window searches that were not the repetition of an earlier one.
  unsigned searches = 0;
  uint64_t nodes = 0;
};

/// Schedules segment by segment; equal segments are searched once. Chains and
/// graphs of narrow blocks become exact. `upper` is a makespan that is already
/// there. Nothing (a makespan of `never`) if a segment is too large or no
/// better schedule exists.
SegmentResult scheduleSegments(const ScheduleModel &model, int64_t upper, ScheduleEffort effort);

//===-- CoreSchedule.cpp: segments, but for tasks at the side -------------===//

struct CoreResult {
  Sequence sequence;
  Finishes finishes;
  int64_t makespan = never;
  /// Of the whole problem; 0 if nothing was found.
  int64_t lowerBound = 0;
  uint64_t nodes = 0;
};

/// Schedules what lies on the way from the deepest source to the deepest sink by
/// segments, and the other tasks around it.
CoreResult scheduleCore(const ScheduleModel &model, ScheduleEffort effort);

//===-- AnnealSchedule.cpp: local search ----------------------------------===//

/// Improves the sequence by moving tasks and changing modes, with a fixed
/// budget. Stops at `bound`. Returns the makespan.
int64_t annealSchedule(const ScheduleModel &model, Sequence &sequence, Finishes &finishes,
                       int64_t bound, ScheduleEffort effort, uint64_t seed);

/// Delays parts, and changes the order of tasks without making the schedule
/// longer, where that lowers the peak.
void lowerPeak(const ScheduleModel &model, SchedulePlan &plan, ScheduleEffort effort);

//===-- ScheduleBounds.cpp ------------------------------------------------===//

ScheduleBounds boundsOf(const ScheduleModel &model);

/// Multipliers of the resources (engines, then the bandwidth if limited) that
/// add up to `multiplierSum`. Any makespan times that sum is at least the sum of
/// each task's least price.
constexpr int64_t multiplierSum = 1024;
using Multipliers = llvm::SmallVector<int64_t, 5>;

/// The price of a mode: its use of each resource times the multiplier.
int64_t priceOf(const ScheduleModel &model, const ScheduleModel::Mode &mode,
                const Multipliers &multipliers);

/// Multipliers that make the bound of the tasks' load large.
Multipliers loadMultipliers(const ScheduleModel &model, llvm::ArrayRef<unsigned> tasks);

} // namespace tercet::schedule

#endif // TERCET_PASSES_SCHEDULE_SCHEDULESOLVERS_H
