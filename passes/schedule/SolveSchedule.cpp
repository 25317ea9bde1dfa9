// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The portfolio: which algorithm is tried when, and what is said of the result.

#include "passes/schedule/ScheduleSolvers.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>

using namespace tercet::schedule;

namespace {

/// Whether all modes of all tasks have one part and all parts are on one engine.
bool isOneEngine(const ScheduleProblem &problem) {
  unsigned engine = problem.tasks.front().modes.front().parts.front().engine;
  return llvm::all_of(problem.tasks, [&](const ScheduleTask &task) {
    return llvm::all_of(task.modes, [&](const TaskMode &mode) {
      return mode.parts.size() == 1 && mode.parts[0].engine == engine;
    });
  });
}

/// One engine runs the tasks one after another without a gap: each in its
/// shortest mode, and the order is decided by the peak alone.
SchedulePlan solveOneEngine(const ScheduleModel &model, ScheduleEffort effort) {
  PeakOrder found = leastPeakOrder(model, effort);
  Finishes finishes(model.tasks, 0);
  std::vector<unsigned> modes(model.tasks, 0);
  int64_t time = 0;
  for (unsigned task : found.order) {
    for (auto [number, mode] : llvm::enumerate(model.modes(task)))
      if (mode.parts[0].duration < model.modes(task)[modes[task]].parts[0].duration)
        modes[task] = number;
    finishes[task] = time += model.modes(task)[modes[task]].parts[0].duration;
  }
  SchedulePlan plan = planOf(model, modes, finishes);
  plan.lowerBound = plan.makespan;
  plan.peakLowerBound = found.lowerBound;
  plan.method = found.method;
  plan.nodes = found.nodes;
  return plan;
}

} // namespace

SchedulePlan tercet::schedule::solveSchedule(const ScheduleProblem &problem,
                                             const ScheduleOptions &options) {
  if (problem.tasks.empty()) {
    SchedulePlan plan;
    plan.method = "empty";
    return plan;
  }
  ScheduleModel model(problem);
  if (isOneEngine(problem))
    return solveOneEngine(model, options.effort);

  std::vector<Candidate> candidates = listSchedules(model);
  Candidate best = *llvm::min_element(
      candidates, [](const Candidate &a, const Candidate &b) { return a.makespan < b.makespan; });
  std::string method = best.method;
  int64_t bound = boundsOf(model).best();
  uint64_t nodes = 0;

  // Narrow graphs become exact at once; others are left to local search first,
  // which gives the exact search less to look at.
  auto segments = [&] {
    SegmentResult found = scheduleSegments(model, best.makespan, options.effort);
    nodes += found.nodes;
    bound = std::max(bound, found.lowerBound);
    if (found.makespan < best.makespan) {
      best.makespan = found.makespan;
      best.finishes = found.finishes;
      best.sequence = sequenceOf(model, found.modes, found.finishes);
      method = found.segments <= 2 ? "branch-and-bound" : "segments";
    }
  };
  unsigned largest = 0, first = 0;
  for (unsigned cut : cutTasks(model)) {
    largest = std::max(largest, cut + 1 - first);
    first = cut + 1;
  }
  largest = std::max(largest, model.tasks - first);
  bool isNarrow = largest <= 16;
  if (best.makespan > bound && isNarrow)
    segments();
  // Tasks at the side may hide cuts.
  if (best.makespan > bound && !isNarrow) {
    CoreResult core = scheduleCore(model, options.effort);
    nodes += core.nodes;
    bound = std::max(bound, core.lowerBound);
    if (core.makespan < best.makespan) {
      best.makespan = core.makespan;
      best.finishes = core.finishes;
      best.sequence = core.sequence;
      method = "core-segments";
    }
  }
  if (best.makespan > bound) {
    Candidate annealed = best;
    annealed.makespan = annealSchedule(model, annealed.sequence, annealed.finishes, bound,
                                       options.effort, 0x9E3779B97F4A7C15ull);
    if (annealed.makespan < best.makespan) {
      best = std::move(annealed);
      method = "annealing";
    }
  }
  if (best.makespan > bound && !isNarrow)
    segments();

  SchedulePlan plan = planOf(model, best.sequence.modes, best.finishes);
  plan.lowerBound = std::min(bound, plan.makespan);
  plan.peakLowerBound = 0;
  for (unsigned task = 0; task < model.tasks; ++task) {
    int64_t needed = problem.tasks[task].resultBytes;
    std::vector<unsigned> inputs;
    for (const ScheduleModel::Arc &arc : model.preds(task))
      if (!llvm::is_contained(inputs, arc.task)) {
        inputs.push_back(arc.task);
        needed += problem.tasks[arc.task].resultBytes;
      }
    plan.peakLowerBound = std::max(plan.peakLowerBound, needed);
  }
  lowerPeak(model, plan, options.effort);
  plan.method = method;
  plan.nodes = nodes;
  return plan;
}
