// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lower bounds of the makespan. Engines and the shared bandwidth are resources;
// with multipliers for them that add up to one, every task has a least price
// over its modes, and prices add up to a bound: the dual of the relaxation that
// splits tasks at will. Any multipliers give a valid bound, so a coarse ascent
// in whole numbers is enough. For the tasks that can neither start before some
// time nor end later than some time before the end, the bound holds between.

#include "passes/schedule/ScheduleSolvers.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>

using namespace tercet::schedule;

int64_t ScheduleBounds::best() const { return std::max({criticalPath, load, bandwidth, window}); }

/// What the mode takes of the bandwidth, as the time that it would need at all
/// of it. Rounded down: a bound may be too small.
static int64_t bandwidthTime(const ScheduleModel::Mode &mode) {
  int64_t taken = 0;
  for (const ScheduleModel::Part &part : mode.parts)
    taken += part.duration * mode.share;
  return taken / ScheduleProblem::bandwidthShares;
}

int64_t tercet::schedule::priceOf(const ScheduleModel &model, const ScheduleModel::Mode &mode,
                                  const Multipliers &multipliers) {
  int64_t price = 0;
  for (const ScheduleModel::Part &part : mode.parts)
    price += multipliers[part.engine] * part.duration;
  if (model.limited)
    price += multipliers[model.engines] * bandwidthTime(mode);
  return price;
}

namespace {

/// The least price of the task, and which mode has it.
std::pair<int64_t, unsigned> leastPrice(const ScheduleModel &model, unsigned task,
                                        const Multipliers &multipliers) {
  std::pair<int64_t, unsigned> least(never * 4, 0);
  for (auto [number, mode] : llvm::enumerate(model.modes(task)))
    least = std::min(least, {priceOf(model, mode, multipliers), static_cast<unsigned>(number)});
  return least;
}

/// Earliest start of each task on each engine, at [task * engines + engine].
std::vector<int64_t> headsOf(const ScheduleModel &model) {
  std::vector<int64_t> heads(size_t(model.tasks) * model.engines, 0);
  for (unsigned task = 0; task < model.tasks; ++task) {
    for (const ScheduleModel::Arc &arc : model.preds(task)) {
      for (unsigned q = 0; q < model.engines; ++q) {
        int64_t least = never;
        for (const ScheduleModel::Mode &mode : model.modes(arc.task)) {
          int64_t longest = 0;
          for (const ScheduleModel::Part &part : mode.parts)
            longest = std::max(longest, heads[arc.task * model.engines + part.engine] +
                                            part.duration + model.lag(arc, part.engine, q));
          least = std::min(least, longest);
        }
        int64_t &head = heads[task * model.engines + q];
        head = std::max(head, least);
      }
    }
  }
  return heads;
}

} // namespace

Multipliers tercet::schedule::loadMultipliers(const ScheduleModel &model,
                                              llvm::ArrayRef<unsigned> tasks) {
  unsigned resources = model.engines + (model.limited ? 1 : 0);
  Multipliers current(resources, multiplierSum / resources), best;
  current[0] += multiplierSum - llvm::sum_of(current);
  best = current;
  int64_t bestValue = -1;
  // Moves a multiplier's worth from the resource that the prices leave idle
  // most to the busiest one, in smaller and smaller steps.
  int64_t step = multiplierSum / 4;
  for (unsigned round = 0; round < 80 && step > 0; ++round) {
    int64_t value = 0;
    llvm::SmallVector<int64_t, 5> use(resources, 0);
    for (unsigned task : tasks) {
      auto [price, number] = leastPrice(model, task, current);
      value += price;
      const ScheduleModel::Mode &mode = model.modes(task)[number];
      for (const ScheduleModel::Part &part : mode.parts)
        use[part.engine] += part.duration;
      if (model.limited)
        use[model.engines] += bandwidthTime(mode);
    }
    if (value > bestValue) {
      bestValue = value;
      best = current;
    } else {
      current = best;
      step = step / 2;
      if (step == 0)
        break;
      // Uses belong to the multipliers that they were counted for.
      use.assign(resources, 0);
      for (unsigned task : tasks) {
        const ScheduleModel::Mode &mode = model.modes(task)[leastPrice(model, task, best).second];
        for (const ScheduleModel::Part &part : mode.parts)
          use[part.engine] += part.duration;
        if (model.limited)
          use[model.engines] += bandwidthTime(mode);
      }
    }
    unsigned busiest = llvm::max_element(use) - use.begin();
    unsigned idle = busiest;
    for (unsigned r = 0; r < resources; ++r)
      if (r != busiest && current[r] > 0 && (idle == busiest || use[r] < use[idle]))
        idle = r;
    if (idle == busiest)
      break;
    int64_t moved = std::min(step, current[idle]);
    current[idle] -= moved;
    current[busiest] += moved;
  }
  return best;
}

ScheduleBounds tercet::schedule::boundsOf(const ScheduleModel &model) {
  ScheduleBounds bounds;
  if (model.tasks == 0)
    return bounds;
  unsigned n = model.tasks;
  std::vector<int64_t> heads = headsOf(model);
  // Of each task, before its start and after its end on whichever engine.
  std::vector<int64_t> before(n, never), after(n, never);
  std::vector<unsigned> all;
  for (unsigned task = 0; task < n; ++task) {
    all.push_back(task);
    int64_t least = never;
    for (const ScheduleModel::Mode &mode : model.modes(task)) {
      int64_t longest = 0;
      for (const ScheduleModel::Part &part : mode.parts) {
        int64_t head = heads[task * model.engines + part.engine];
        int64_t tail = model.tail(task, part.engine);
        longest = std::max(longest, head + part.duration + tail);
        before[task] = std::min(before[task], head);
        after[task] = std::min(after[task], tail);
      }
      least = std::min(least, longest);
    }
    bounds.criticalPath = std::max(bounds.criticalPath, least);
  }

  auto divide = [](int64_t sum) { return (sum + multiplierSum - 1) / multiplierSum; };
  std::vector<Multipliers> pool{loadMultipliers(model, all)};
  int64_t sum = 0;
  for (unsigned task : all)
    sum += leastPrice(model, task, pool[0]).first;
  bounds.load = divide(sum);
  if (model.limited) {
    for (unsigned task : all) {
      int64_t least = never;
      for (const ScheduleModel::Mode &mode : model.modes(task))
        least = std::min(least, bandwidthTime(mode));
      bounds.bandwidth += least;
    }
  }

  // Windows. Heads are thinned out for large graphs: a bound needs not be tight.
  std::vector<int64_t> starts(before);
  llvm::sort(starts);
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  size_t stride = starts.size() * n / 400'000 + 1;
  std::vector<unsigned> byTail(all);
  llvm::stable_sort(byTail, [&](unsigned a, unsigned b) { return after[a] > after[b]; });
  auto sweep = [&](const Multipliers &multipliers) {
    std::vector<int64_t> price;
    for (unsigned task : all)
      price.push_back(leastPrice(model, task, multipliers).first);
    std::pair<int64_t, std::pair<int64_t, int64_t>> best;
    for (size_t i = 0; i < starts.size(); i += stride) {
      int64_t sum = 0;
      for (unsigned task : byTail) {
        if (before[task] < starts[i])
          continue;
        sum += price[task];
        best = std::max(best, {starts[i] + divide(sum) + after[task], {starts[i], after[task]}});
      }
    }
    bounds.window = std::max(bounds.window, best.first);
    return best.second;
  };
  // A window has multipliers of its own that suit it best, and they may find
  // another window.
  for (unsigned resource = 0; resource < pool[0].size(); ++resource) {
    Multipliers unit(pool[0].size(), 0);
    unit[resource] = multiplierSum;
    sweep(unit);
  }
  Multipliers multipliers = pool[0];
  for (unsigned round = 0; round < 4; ++round) {
    auto [from, to] = sweep(multipliers);
    std::vector<unsigned> within;
    for (unsigned task : all)
      if (before[task] >= from && after[task] >= to)
        within.push_back(task);
    Multipliers next = loadMultipliers(model, within);
    if (next == multipliers)
      break;
    multipliers = std::move(next);
  }
  return bounds;
}

ScheduleBounds tercet::schedule::boundsOf(const ScheduleProblem &problem) {
  return boundsOf(ScheduleModel(problem));
}
