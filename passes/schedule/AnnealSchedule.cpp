// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Local search over sequences (an order of the tasks and a mode of each):
// simulated annealing that moves tasks and changes modes, critical tasks more
// often, and a descent to less memory at the same makespan. Temperatures and
// the exponential distribution are whole numbers, and the budget is counted in
// placed tasks, so that the result is the same everywhere.

#include "passes/schedule/ScheduleSolvers.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>

using namespace tercet::schedule;

namespace {

/// 256 * -ln((i + 1/2) / 32): with i at random, the exponential distribution in
/// 1/256 of its mean.
constexpr int64_t exponential[32] = {1065, 783, 653, 567, 502, 451, 408, 371, 339, 311, 285,
                                     262,  241, 221, 203, 186, 170, 154, 140, 127, 114, 102,
                                     90,   79,  68,  58,  48,  39,  30,  21,  12,  4};

class Annealer {
  using Mode = ScheduleModel::Mode;
  using Part = ScheduleModel::Part;

public:
  Annealer(const ScheduleModel &model, Sequence &sequence, uint64_t seed)
      : model(model), n(model.tasks), current(sequence), place(n), random{seed} {
    for (unsigned i = 0; i < n; ++i)
      place[current.order[i]] = i;
    rerun();
    std::vector<unsigned> all;
    for (unsigned task = 0; task < n; ++task)
      all.push_back(task);
    Multipliers multipliers = loadMultipliers(model, all);
    prices.resize(n);
    for (unsigned task = 0; task < n; ++task)
      for (const Mode &mode : model.modes(task))
        prices[task].push_back(priceOf(model, mode, multipliers));
  }

  /// `heat`: how much of the makespan the first temperature is, as a divisor.
  int64_t run(uint64_t moves, int64_t bound, int64_t heat, int64_t heaviest, Sequence &best);

private:
  const Mode &modeOf(unsigned task) const { return model.modes(task)[current.modes[task]]; }
  void rerun() {
    ends.assign(size_t(n) * model.maxParts, 0);
    free.assign(size_t(n + 1) * model.engines, 0);
    trialEnds = ends;
    trialFree = free;
    makespan = runFrom(0, never);
    std::swap(ends, trialEnds);
    std::swap(free, trialFree);
    findCritical();
  }
  int64_t runFrom(unsigned from, int64_t limit);
  void findCritical();
  unsigned pick() {
    if (!critical.empty() && random.below(4) != 0)
      return critical[random.below(critical.size())];
    return random.below(n);
  }
  bool move(unsigned task, unsigned &changed);

  const ScheduleModel &model;
  const unsigned n;
  Sequence current;
  std::vector<unsigned> place;
  Random random;
  int64_t makespan = 0;
  /// Ends of parts, and when engines are free before each place of the order.
  Finishes ends, trialEnds;
  std::vector<int64_t> free, trialFree;
  std::vector<unsigned> critical;
  /// What each mode of each task adds to the bound of the load. A makespan says
  /// little of most moves; that a task takes less of what is scarce points the
  /// way, much at first and less and less.
  std::vector<llvm::SmallVector<int64_t, 4>> prices;
};

/// Runs the tasks from a place of the order on. What is before has not changed.
int64_t Annealer::runFrom(unsigned from, int64_t limit) {
  if (model.limited) {
    // The bandwidth has no state to begin from in the middle.
    return runSequence(model, current, trialEnds, limit);
  }
  trialEnds = ends;
  std::copy_n(&free[size_t(from) * model.engines], model.engines,
              &trialFree[size_t(from) * model.engines]);
  int64_t end = 0;
  for (unsigned i = from; i < n; ++i) {
    unsigned task = current.order[i];
    int64_t *now = &trialFree[size_t(i) * model.engines], *next = now + model.engines;
    std::copy_n(now, model.engines, next);
    const Mode &mode = modeOf(task);
    for (unsigned number = 0; number < mode.parts.size(); ++number) {
      const Part &part = mode.parts[number];
      int64_t start = now[part.engine];
      for (const ScheduleModel::Arc &arc : model.preds(task)) {
        auto parts = modeOf(arc.task).parts;
        const int64_t *before = &trialEnds[arc.task * model.maxParts];
        for (unsigned p = 0; p < parts.size(); ++p)
          start = std::max(start, before[p] + model.lag(arc, parts[p].engine, part.engine));
      }
      int64_t finish = start + part.duration;
      if (finish + model.tail(task, part.engine) > limit)
        return never;
      next[part.engine] = finish;
      trialEnds[task * model.maxParts + number] = finish;
    }
  }
  for (unsigned q = 0; q < model.engines; ++q)
    end = std::max(end, trialFree[size_t(n) * model.engines + q]);
  return end;
}

/// Tasks that cannot end later without making the schedule longer.
void Annealer::findCritical() {
  critical.clear();
  std::vector<int64_t> after(n, 0);
  llvm::SmallVector<int64_t, 8> queue(model.engines, 0);
  for (unsigned i = n; i-- > 0;) {
    unsigned task = current.order[i];
    const Mode &mode = modeOf(task);
    bool tight = false;
    for (unsigned number = 0; number < mode.parts.size(); ++number) {
      const Part &part = mode.parts[number];
      // From the end of this part: the part behind it, and the readers.
      int64_t longest = queue[part.engine];
      for (const ScheduleModel::Arc &arc : model.succs(task))
        for (const Part &reader : modeOf(arc.task).parts)
          longest = std::max(longest, model.lag(arc, part.engine, reader.engine) + after[arc.task]);
      tight |= ends[task * model.maxParts + number] + longest >= makespan;
      queue[part.engine] = longest + part.duration;
      after[task] = std::max(after[task], longest + part.duration);
    }
    if (tight)
      critical.push_back(task);
  }
}

/// Changes the sequence; false if there is nothing to change. `changed` is the
/// first place that differs.
bool Annealer::move(unsigned task, unsigned &changed) {
  unsigned at = place[task], kind = random.below(8);
  changed = n;
  if (kind < 5 && model.modes(task).size() > 1) {
    unsigned other = random.below(model.modes(task).size() - 1);
    current.modes[task] = other + (other >= current.modes[task]);
    changed = at;
    if (kind < 3)
      return true;
  }
  unsigned low = 0, high = n - 1;
  for (const ScheduleModel::Arc &arc : model.preds(task))
    low = std::max(low, place[arc.task] + 1);
  for (const ScheduleModel::Arc &arc : model.succs(task))
    high = std::min(high, place[arc.task] - 1);
  if (low >= high)
    return changed < n;
  unsigned to = low + random.below(high - low + 1);
  if (to == at)
    return changed < n;
  auto begin = current.order.begin();
  if (to < at)
    std::rotate(begin + to, begin + at, begin + at + 1);
  else
    std::rotate(begin + at, begin + at + 1, begin + to + 1);
  changed = std::min(at, to);
  for (unsigned i = changed; i <= std::max(at, to); ++i)
    place[current.order[i]] = i;
  return true;
}

int64_t Annealer::run(uint64_t moves, int64_t bound, int64_t heat, int64_t heaviest,
                      Sequence &best) {
  int64_t bestSpan = makespan;
  best = current;
  constexpr unsigned levels = 100;
  // Down by a factor of some 170.
  int64_t temperature = makespan / heat + 1;
  for (unsigned level = 0; level < levels; ++level) {
    int64_t weight = heaviest * (levels - level) / levels + heaviest / 5;
    for (uint64_t i = 0; i < moves / levels && bestSpan > bound; ++i) {
      unsigned task = pick(), at = place[task], mode = current.modes[task], changed = n;
      if (!move(task, changed))
        continue;
      int64_t dearer = prices[task][current.modes[task]] - prices[task][mode];
      int64_t allowed = makespan + temperature * exponential[random.below(32)] / 256 -
                        dearer * weight / multiplierSum;
      int64_t span = runFrom(changed, allowed);
      if (span > allowed) {
        current.modes[task] = mode;
        unsigned now = place[task];
        auto begin = current.order.begin();
        if (now < at)
          std::rotate(begin + now, begin + now + 1, begin + at + 1);
        else if (now > at)
          std::rotate(begin + at, begin + now, begin + now + 1);
        for (unsigned p = std::min(at, now); p <= std::max(at, now); ++p)
          place[current.order[p]] = p;
        continue;
      }
      std::swap(ends, trialEnds);
      if (!model.limited)
        std::copy(trialFree.begin() + size_t(changed) * model.engines, trialFree.end(),
                  free.begin() + size_t(changed) * model.engines);
      makespan = span;
      findCritical();
      if (span < bestSpan) {
        bestSpan = span;
        best = current;
      }
    }
    temperature = temperature * 95 / 100;
    // What was lost on the way is not found again when it has become cold.
    if (level == levels / 2 || level == levels * 3 / 4) {
      current = best;
      for (unsigned i = 0; i < n; ++i)
        place[current.order[i]] = i;
      rerun();
    }
  }
  return bestSpan;
}

} // namespace

int64_t tercet::schedule::annealSchedule(const ScheduleModel &model, Sequence &sequence,
                                         Finishes &finishes, int64_t bound, ScheduleEffort effort,
                                         uint64_t seed) {
  bool thorough = effort == ScheduleEffort::Thorough;
  uint64_t placements = thorough ? 80'000'000 : 6'000'000, moves = thorough ? 500'000 : 50'000;
  int64_t best = runSequence(model, sequence, finishes);
  auto tryRun = [&](Sequence found, uint64_t count, int64_t heat, int64_t heaviest) {
    Annealer annealer(model, found, seed++);
    int64_t span = annealer.run(count, bound, heat, heaviest, found);
    if (span < best) {
      best = span;
      sequence = found;
    }
  };
  uint64_t count = std::min(placements / model.tasks, moves);
  // A second run from the best, less hot, forgives what the prices led to.
  tryRun(sequence, count * 2 / 3, 32, 8);
  tryRun(sequence, count / 3, 64, 4);
  return runSequence(model, sequence, finishes);
}

void tercet::schedule::lowerPeak(const ScheduleModel &model, SchedulePlan &plan,
                                 ScheduleEffort effort) {
  // Parts of a task and its neighbours on the engines, by start.
  auto latestStart = [&](unsigned task, unsigned number) {
    const ScheduleModel::Part &part = model.modes(task)[plan.modes[task]].parts[number];
    int64_t start = plan.starts[task][number], latest = plan.makespan - part.duration;
    for (const ScheduleModel::Arc &arc : model.succs(task))
      for (auto [reader, at] :
           llvm::zip(model.modes(arc.task)[plan.modes[arc.task]].parts, plan.starts[arc.task]))
        latest = std::min(latest, at - model.lag(arc, part.engine, reader.engine) - part.duration);
    for (unsigned other = 0; other < model.tasks; ++other)
      for (auto [queued, at] :
           llvm::zip(model.modes(other)[plan.modes[other]].parts, plan.starts[other]))
        if (other != task && queued.engine == part.engine &&
            (at > start || (at == start && queued.duration > 0)))
          latest = std::min(latest, at - part.duration);
    return std::max(latest, start);
  };
  // A part that waits may find less bandwidth than before.
  if (model.limited || model.tasks > 2000)
    return;
  unsigned rounds = effort == ScheduleEffort::Thorough ? 4 : 1;
  for (unsigned round = 0; round < rounds && plan.peak > plan.peakLowerBound; ++round) {
    bool changed = false;
    llvm::SmallVector<unsigned> order = plan.order();
    for (unsigned task : llvm::reverse(order)) {
      auto starts = plan.starts[task];
      for (unsigned number = 0; number < starts.size(); ++number)
        plan.starts[task][number] = latestStart(task, number);
      if (plan.starts[task] == starts)
        continue;
      int64_t peak = model.problem.peak(plan.order());
      if (peak > plan.peak) {
        plan.starts[task] = starts;
        continue;
      }
      changed |= peak < plan.peak;
      plan.peak = peak;
    }
    if (!changed)
      break;
  }
}
