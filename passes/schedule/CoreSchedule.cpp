// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Graphs whose cuts are hidden by tasks at the side: a prefetch that waits for
// nothing, a result that only the caller reads. The core (what lies between the
// deepest source and the deepest result) is scheduled by segments; the rest goes
// into the gaps. Leaving tasks out makes no schedule longer, so that the core's
// bound holds for the whole.

#include "passes/schedule/ScheduleSolvers.h"

#include <algorithm>

using namespace tercet::schedule;

/// On a longest chain from a source to a sink: both ends' tasks in between.
static std::vector<bool> coreOf(const ScheduleModel &model) {
  unsigned n = model.tasks;
  std::vector<unsigned> depth(n, 0), height(n, 0);
  for (unsigned task = 0; task < n; ++task)
    for (const ScheduleModel::Arc &arc : model.preds(task))
      depth[task] = std::max(depth[task], depth[arc.task] + 1);
  for (unsigned task = n; task-- > 0;)
    for (const ScheduleModel::Arc &arc : model.succs(task))
      height[task] = std::max(height[task], height[arc.task] + 1);
  unsigned sink = std::max_element(depth.begin(), depth.end()) - depth.begin();
  unsigned source = std::max_element(height.begin(), height.end()) - height.begin();
  std::vector<bool> before(n, false), after(n, false);
  before[sink] = after[source] = true;
  for (unsigned task = n; task-- > 0;)
    for (const ScheduleModel::Arc &arc : model.succs(task))
      before[task] = before[task] || before[arc.task];
  for (unsigned task = 0; task < n; ++task) {
    for (const ScheduleModel::Arc &arc : model.preds(task))
      after[task] = after[task] || after[arc.task];
    before[task] = before[task] && after[task];
  }
  return before;
}

CoreResult tercet::schedule::scheduleCore(const ScheduleModel &model, ScheduleEffort effort) {
  CoreResult result;
  std::vector<bool> isCore = coreOf(model);
  std::vector<unsigned> index(model.tasks, 0);
  ScheduleProblem core;
  core.engines = model.engines;
  core.defaultLags = model.problem.defaultLags;
  core.bandwidth = model.problem.bandwidth;
  for (unsigned task = 0; task < model.tasks; ++task) {
    if (!isCore[task])
      continue;
    index[task] = core.tasks.size();
    core.tasks.push_back(model.problem.tasks[task]);
  }
  if (core.tasks.empty() || core.tasks.size() == model.tasks)
    return result;
  for (const ScheduleEdge &edge : model.problem.edges) {
    if (!isCore[edge.from] || !isCore[edge.to])
      continue;
    core.edges.push_back(edge);
    core.edges.back().from = index[edge.from];
    core.edges.back().to = index[edge.to];
  }
  ScheduleModel coreModel(core);
  SegmentResult found = scheduleSegments(coreModel, never, effort);
  result.nodes = found.nodes;
  result.lowerBound = std::max(found.lowerBound, boundsOf(coreModel).best());
  if (found.makespan == never) {
    result.lowerBound = 0;
    return result;
  }
  std::vector<unsigned> modes(model.tasks, 0);
  Finishes finishes(size_t(model.tasks) * model.maxParts, 0);
  for (unsigned task = 0; task < model.tasks; ++task) {
    if (!isCore[task])
      continue;
    modes[task] = found.modes[index[task]];
    std::copy_n(&found.finishes[index[task] * coreModel.maxParts], coreModel.maxParts,
                &finishes[task * model.maxParts]);
  }
  result.sequence = fillGaps(model, isCore, modes, finishes);
  result.makespan = runSequence(model, result.sequence, result.finishes);
  return result;
}
