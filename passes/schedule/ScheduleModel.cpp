// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The layout of the problem for the algorithms, and what several of them need:
// running a sequence, the bandwidth over time, cut tasks, a depth-first order.

#include "passes/schedule/ScheduleModel.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>

using namespace tercet::schedule;

ScheduleModel::ScheduleModel(const ScheduleProblem &problem)
    : problem(problem), engines(problem.engines), tasks(problem.tasks.size()) {
  noLags.assign(size_t(engines) * engines, 0);
  size_t numParts = 0;
  for (const ScheduleTask &task : problem.tasks)
    for (const TaskMode &mode : task.modes)
      numParts += mode.parts.size();
  partStorage.reserve(numParts);
  for (const ScheduleTask &task : problem.tasks) {
    modeBegin.push_back(modeStorage.size());
    for (const TaskMode &mode : task.modes) {
      size_t first = partStorage.size();
      for (const TaskPart &part : mode.parts)
        partStorage.push_back({part.engine, part.duration});
      int64_t share = problem.bandwidthShare(mode);
      limited |= share > 0;
      maxParts = std::max<unsigned>(maxParts, mode.parts.size());
      modeStorage.push_back({llvm::ArrayRef(partStorage).drop_front(first), share});
    }
  }
  modeBegin.push_back(modeStorage.size());

  std::vector<std::vector<Arc>> in(tasks), out(tasks);
  for (const ScheduleEdge &edge : problem.edges) {
    const auto &table = edge.lags.empty() ? problem.defaultLags : edge.lags;
    const int64_t *lag = table.empty() ? noLags.data() : table.data();
    out[edge.from].push_back({edge.to, lag, edge.bytesOut});
    in[edge.to].push_back({edge.from, lag, edge.bytesOut});
  }
  for (unsigned task = 0; task < tasks; ++task) {
    predBegin.push_back(predStorage.size());
    llvm::append_range(predStorage, in[task]);
    succBegin.push_back(succStorage.size());
    llvm::append_range(succStorage, out[task]);
  }
  predBegin.push_back(predStorage.size());
  succBegin.push_back(succStorage.size());

  tails.assign(size_t(tasks) * engines, 0);
  for (unsigned task = tasks; task-- > 0;) {
    for (const Arc &arc : succs(task)) {
      for (unsigned q = 0; q < engines; ++q) {
        int64_t least = never;
        for (const Mode &mode : modes(arc.task)) {
          int64_t longest = 0;
          for (const Part &part : mode.parts)
            longest = std::max(longest, lag(arc, q, part.engine) + part.duration +
                                            tail(arc.task, part.engine));
          least = std::min(least, longest);
        }
        int64_t &tail = tails[task * engines + q];
        tail = std::max(tail, least);
      }
    }
  }
}

int64_t BandwidthProfile::earliest(int64_t from, int64_t duration, int64_t share) const {
  if (share == 0 || duration == 0)
    return from;
  auto step = std::upper_bound(steps.begin(), steps.end(), from,
                               [](int64_t time, const Step &s) { return time < s.time; });
  int64_t start = from;
  for (--step; step != steps.end() && step->time < start + duration; ++step) {
    if (step->level + share > ScheduleProblem::bandwidthShares) {
      // The last step has level 0, so there is one after it.
      start = std::next(step)->time;
    }
  }
  return start;
}

void BandwidthProfile::add(int64_t start, int64_t duration, int64_t share) {
  if (share == 0 || duration == 0)
    return;
  auto split = [&](int64_t time) {
    auto step = std::lower_bound(steps.begin(), steps.end(), time,
                                 [](const Step &s, int64_t t) { return s.time < t; });
    if (step == steps.end() || step->time != time)
      step = steps.insert(step, {time, std::prev(step)->level});
    return step - steps.begin();
  };
  size_t first = split(start), last = split(start + duration);
  for (size_t i = first; i < last; ++i)
    steps[i].level += share;
}

int64_t tercet::schedule::runSequence(const ScheduleModel &model, const Sequence &sequence,
                                      Finishes &finishes, int64_t limit) {
  finishes.assign(size_t(model.tasks) * model.maxParts, 0);
  llvm::SmallVector<int64_t, 8> free(model.engines, 0);
  BandwidthProfile profile;
  int64_t makespan = 0;
  for (unsigned task : sequence.order) {
    const ScheduleModel::Mode &mode = model.modes(task)[sequence.modes[task]];
    for (auto [number, part] : llvm::enumerate(mode.parts)) {
      int64_t start = free[part.engine];
      for (const ScheduleModel::Arc &arc : model.preds(task)) {
        auto parts = model.modes(arc.task)[sequence.modes[arc.task]].parts;
        const int64_t *ends = &finishes[arc.task * model.maxParts];
        for (unsigned i = 0; i < parts.size(); ++i)
          start = std::max(start, ends[i] + model.lag(arc, parts[i].engine, part.engine));
      }
      if (model.limited) {
        start = profile.earliest(start, part.duration, mode.share);
        profile.add(start, part.duration, mode.share);
      }
      int64_t end = start + part.duration;
      if (end + model.tail(task, part.engine) > limit)
        return never;
      free[part.engine] = end;
      finishes[task * model.maxParts + number] = end;
      makespan = std::max(makespan, end);
    }
  }
  return makespan;
}

SchedulePlan tercet::schedule::planOf(const ScheduleModel &model, llvm::ArrayRef<unsigned> modes,
                                      const Finishes &finishes) {
  SchedulePlan plan;
  plan.modes.assign(modes.begin(), modes.end());
  plan.starts.resize(model.tasks);
  for (unsigned task = 0; task < model.tasks; ++task) {
    for (auto [number, part] : llvm::enumerate(model.modes(task)[modes[task]].parts)) {
      int64_t end = finishes[task * model.maxParts + number];
      plan.starts[task].push_back(end - part.duration);
      plan.makespan = std::max(plan.makespan, end);
    }
  }
  plan.peak = model.problem.peak(plan.order());
  return plan;
}

std::vector<unsigned> tercet::schedule::cutTasks(const ScheduleModel &model) {
  // Everything before position i leads to i if each task before it has a
  // successor at i or before; the same backwards.
  unsigned n = model.tasks;
  std::vector<unsigned> lastPredAfter(n + 1, n);
  for (unsigned i = n; i-- > 0;) {
    // One more than the last predecessor, 0 for none.
    unsigned last = 0;
    for (const ScheduleModel::Arc &arc : model.preds(i))
      last = std::max(last, arc.task + 1);
    lastPredAfter[i] = std::min(lastPredAfter[i + 1], last);
  }
  std::vector<unsigned> cuts;
  unsigned latestFirstSucc = 0;
  for (unsigned i = 0; i < n; ++i) {
    if (latestFirstSucc <= i && (i + 1 == n || lastPredAfter[i + 1] >= i + 1))
      cuts.push_back(i);
    unsigned first = n;
    for (const ScheduleModel::Arc &arc : model.succs(i))
      first = std::min(first, arc.task);
    latestFirstSucc = std::max(latestFirstSucc, first);
  }
  return cuts;
}

std::vector<unsigned> tercet::schedule::depthFirstOrder(const ScheduleModel &model) {
  std::vector<unsigned> order;
  std::vector<bool> done(model.tasks, false);
  std::vector<std::pair<unsigned, llvm::SmallVector<unsigned>>> stack;
  auto push = [&](unsigned task) {
    llvm::SmallVector<ScheduleModel::Arc> arcs(model.preds(task));
    llvm::stable_sort(arcs, [](const auto &a, const auto &b) { return a.bytes < b.bytes; });
    llvm::SmallVector<unsigned> producers;
    for (const ScheduleModel::Arc &arc : arcs)
      producers.push_back(arc.task);
    stack.emplace_back(task, std::move(producers));
  };
  auto visit = [&](unsigned root) {
    if (!done[root])
      push(root);
    while (!stack.empty()) {
      auto &[task, producers] = stack.back();
      if (producers.empty()) {
        if (!done[task])
          order.push_back(task);
        done[task] = true;
        stack.pop_back();
        continue;
      }
      unsigned next = producers.pop_back_val();
      if (!done[next])
        push(next);
    }
  };
  for (unsigned task = 0; task < model.tasks; ++task)
    if (model.succs(task).empty())
      visit(task);
  return order;
}
