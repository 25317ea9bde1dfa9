// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Orders tasks so that few bytes of results live at once: where one engine runs
// all, this is the whole problem. Segments between cut tasks are independent,
// because what lives across a cut is the same in every order. In each, a search
// over sets of done tasks (as in SERENITY, MLSys 2020) visits sets by the peak
// on the way to them, so that the first complete one is optimal.

#include "passes/schedule/ScheduleSolvers.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"

#include <algorithm>
#include <queue>

using namespace tercet::schedule;

namespace {

/// Results and who reads them, without duplicates, for tasks in [first, last).
class Segment {
public:
  Segment(const ScheduleModel &model, unsigned first, unsigned last)
      : model(model), first(first), last(last) {
    for (unsigned task = first; task < last; ++task) {
      llvm::SmallVector<unsigned, 4> from;
      for (const ScheduleModel::Arc &arc : model.preds(task))
        from.push_back(arc.task);
      llvm::sort(from);
      from.erase(std::unique(from.begin(), from.end()), from.end());
      inputs.push_back(std::move(from));
    }
    // What lives through the cut before this segment.
    for (unsigned task = 0; task < first; ++task)
      if (llvm::any_of(model.succs(task), [&](auto &arc) { return arc.task >= first; }))
        liveBefore += bytes(task);
  }

  unsigned size() const { return last - first; }
  int64_t bytes(unsigned task) const { return model.problem.tasks[task].resultBytes; }

  /// What of the inputs and result of `task` dies with it; `done(t)` says
  /// whether a task of the segment was before it.
  template <typename Done> int64_t freedBy(unsigned task, Done done) const {
    int64_t freed = model.succs(task).empty() ? bytes(task) : 0;
    for (unsigned input : inputs[task - first])
      if (llvm::all_of(model.succs(input), [&](const ScheduleModel::Arc &arc) {
            return arc.task == task || arc.task < first || (arc.task < last && done(arc.task));
          }))
        freed += bytes(input);
    return freed;
  }

  int64_t peak(llvm::ArrayRef<unsigned> order, int64_t limit = never) const {
    llvm::SmallVector<bool, 64> done(size(), false);
    int64_t live = liveBefore, most = liveBefore;
    for (unsigned task : order) {
      live += bytes(task);
      most = std::max(most, live);
      if (most > limit)
        return never;
      live -= freedBy(task, [&](unsigned other) { return done[other - first]; });
      done[task - first] = true;
    }
    return most;
  }

  /// Each task needs its inputs and its result.
  int64_t lowerBound() const {
    int64_t most = liveBefore;
    for (unsigned task = first; task < last; ++task) {
      int64_t needed = bytes(task);
      for (unsigned input : inputs[task - first])
        needed += bytes(input);
      most = std::max(most, needed);
    }
    return most;
  }

  const ScheduleModel &model;
  const unsigned first, last;
  llvm::SmallVector<llvm::SmallVector<unsigned, 4>> inputs;
  int64_t liveBefore = 0;
};

/// Among the tasks whose inputs are there, the one that leaves the fewest bytes
/// alive, then the one that needs the fewest while it runs.
std::vector<unsigned> greedyOrder(const Segment &segment) {
  llvm::SmallVector<unsigned> missing, ready;
  llvm::SmallVector<bool> done(segment.size(), false);
  for (unsigned i = 0; i < segment.size(); ++i) {
    missing.push_back(
        llvm::count_if(segment.inputs[i], [&](unsigned t) { return t >= segment.first; }));
    if (missing.back() == 0)
      ready.push_back(segment.first + i);
  }
  std::vector<unsigned> order;
  while (!ready.empty()) {
    size_t best = 0;
    int64_t bestGrowth = never, bestBytes = never;
    for (auto [at, task] : llvm::enumerate(ready)) {
      int64_t growth = segment.bytes(task) - segment.freedBy(task, [&](unsigned other) {
        return done[other - segment.first];
      });
      if (std::pair(growth, segment.bytes(task)) < std::pair(bestGrowth, bestBytes)) {
        best = at;
        bestGrowth = growth;
        bestBytes = segment.bytes(task);
      }
    }
    unsigned task = ready[best];
    ready.erase(ready.begin() + best);
    done[task - segment.first] = true;
    order.push_back(task);
    llvm::SmallVector<unsigned, 8> consumers;
    for (const ScheduleModel::Arc &arc : segment.model.succs(task))
      if (arc.task < segment.last && !llvm::is_contained(consumers, arc.task))
        consumers.push_back(arc.task);
    for (unsigned consumer : consumers)
      if (--missing[consumer - segment.first] == 0)
        ready.push_back(consumer);
  }
  return order;
}

/// Sets of done tasks, by the peak on the way to them.
class DownsetSearch {
public:
  /// `work` counts looks at a task; what is left comes back in it.
  DownsetSearch(const Segment &segment, int64_t upper, int64_t lower, uint64_t &work)
      : segment(segment), words((segment.size() + 63) / 64), upper(upper), threshold(lower),
        work(work) {}

  /// An order with a peak below `upper`, or nothing. Then `bound` says that none
  /// has a peak below it.
  std::vector<unsigned> run() {
    masks.assign(words, 0);
    sets.push_back({0, 0, segment.liveBefore, std::max(threshold, segment.liveBefore), 0, 0});
    sets[0].next = 0;
    queue.push({sets[0].peak, 0, 0});
    std::vector<uint64_t> mask(words);
    llvm::SmallVector<Step, 16> steps;
    while (!queue.empty()) {
      Entry entry = queue.top();
      queue.pop();
      Set set = sets[entry.set];
      if (set.closed || set.peak != entry.peak)
        continue;
      threshold = std::max(threshold, entry.peak);
      if (threshold >= upper)
        break;
      if (set.count == segment.size())
        return pathTo(entry.set);
      if (work < segment.size() || sets.size() > maxSets) {
        work = 0;
        return {};
      }
      work -= segment.size();
      ++nodes;
      sets[entry.set].closed = true;
      std::copy_n(&masks[size_t(entry.set) * words], words, mask.begin());
      collect(mask, set, steps);
      for (const Step &step : steps)
        insert(mask, entry.set, set, step);
    }
    threshold = upper;
    return {};
  }

  int64_t bound() const { return threshold; }
  uint64_t nodes = 0;

private:
  struct Set {
    unsigned parent, task;
    int64_t live, peak;
    unsigned count, next;
    bool closed = false;
  };
  struct Entry {
    int64_t peak;
    unsigned count, set;
    // The top of the queue is the largest: least peak, then most tasks.
    bool operator<(const Entry &other) const {
      return std::tuple(other.peak, count, other.set) < std::tuple(peak, other.count, set);
    }
  };
  struct Step {
    unsigned task;
    int64_t during, after;
  };
  static constexpr size_t maxSets = size_t(1) << 21;

  static bool contains(const std::vector<uint64_t> &mask, unsigned i) {
    return mask[i / 64] >> (i % 64) & 1;
  }

  void collect(const std::vector<uint64_t> &mask, const Set &set,
               llvm::SmallVectorImpl<Step> &steps) {
    steps.clear();
    for (unsigned i = 0; i < segment.size(); ++i) {
      if (contains(mask, i) || !llvm::all_of(segment.inputs[i], [&](unsigned input) {
            return input < segment.first || contains(mask, input - segment.first);
          }))
        continue;
      unsigned task = segment.first + i;
      int64_t during = set.live + segment.bytes(task);
      int64_t after = during - segment.freedBy(task, [&](unsigned other) {
        return contains(mask, other - segment.first);
      });
      // A task that needs no more than what is spent and leaves no more alive
      // may come first: the later it runs, the less it frees by itself, never
      // more, so what follows needs no more than without it.
      if (during <= threshold && after <= set.live) {
        steps.assign(1, {task, during, after});
        return;
      }
      steps.push_back({task, during, after});
    }
  }

  void insert(std::vector<uint64_t> &mask, unsigned parent, const Set &from, const Step &step) {
    int64_t peak = std::max(from.peak, step.during);
    if (peak >= upper)
      return;
    unsigned bit = step.task - segment.first;
    mask[bit / 64] |= uint64_t(1) << (bit % 64);
    uint64_t hash = llvm::hash_combine_range(mask.begin(), mask.end());
    // The two largest keys are the map's own.
    hash >>= 1;
    unsigned found = 0;
    auto it = chains.find(hash);
    for (found = it == chains.end() ? 0 : it->second; found; found = sets[found].next)
      if (std::equal(mask.begin(), mask.end(), &masks[size_t(found) * words]))
        break;
    if (!found) {
      found = sets.size();
      unsigned &chain = chains[hash];
      sets.push_back({parent, step.task, step.after, peak, from.count + 1, chain});
      chain = found;
      masks.insert(masks.end(), mask.begin(), mask.end());
      queue.push({peak, from.count + 1, found});
    } else if (peak < sets[found].peak) {
      sets[found].parent = parent;
      sets[found].task = step.task;
      sets[found].peak = peak;
      queue.push({peak, from.count + 1, found});
    }
    mask[bit / 64] &= ~(uint64_t(1) << (bit % 64));
  }

  std::vector<unsigned> pathTo(unsigned set) const {
    std::vector<unsigned> order;
    for (; set != 0; set = sets[set].parent)
      order.push_back(sets[set].task);
    std::reverse(order.begin(), order.end());
    return order;
  }

  const Segment &segment;
  const size_t words;
  const int64_t upper;
  int64_t threshold;
  uint64_t &work;
  std::vector<uint64_t> masks;
  std::vector<Set> sets;
  llvm::DenseMap<uint64_t, unsigned> chains;
  std::priority_queue<Entry> queue;
};

/// Moves single tasks to other places; keeps what is not worse.
int64_t improve(const Segment &segment, std::vector<unsigned> &order, int64_t peak, int64_t bound,
                uint64_t moves, Random &random) {
  unsigned n = order.size();
  std::vector<unsigned> place(n);
  std::vector<unsigned> trial;
  for (uint64_t move = 0; move < moves && peak > bound; ++move) {
    for (unsigned i = 0; i < n; ++i)
      place[order[i] - segment.first] = i;
    unsigned from = random.below(n), task = order[from];
    unsigned low = 0, high = n - 1;
    for (unsigned input : segment.inputs[task - segment.first])
      if (input >= segment.first)
        low = std::max(low, place[input - segment.first] + 1);
    for (const ScheduleModel::Arc &arc : segment.model.succs(task))
      if (arc.task < segment.last)
        high = std::min(high, place[arc.task - segment.first] - 1);
    if (low >= high)
      continue;
    unsigned to = low + random.below(high - low + 1);
    trial = order;
    if (to < from)
      std::rotate(trial.begin() + to, trial.begin() + from, trial.begin() + from + 1);
    else
      std::rotate(trial.begin() + from, trial.begin() + from + 1, trial.begin() + to + 1);
    int64_t cost = segment.peak(trial, peak);
    if (cost > peak)
      continue;
    peak = cost;
    order.swap(trial);
  }
  return peak;
}

} // namespace

PeakOrder tercet::schedule::leastPeakOrder(const ScheduleModel &model, ScheduleEffort effort) {
  PeakOrder result;
  bool thorough = effort == ScheduleEffort::Thorough;
  uint64_t work = thorough ? 200'000'000 : 2'000'000;
  uint64_t moveWork = thorough ? 20'000'000 : 1'000'000;
  std::vector<unsigned> depthFirst = depthFirstOrder(model);
  std::vector<unsigned> ends = cutTasks(model);
  if (ends.empty() || ends.back() + 1 != model.tasks)
    ends.push_back(model.tasks - 1);
  Random random{0x9E3779B97F4A7C15ull};
  bool searched = false, improved = false;
  unsigned first = 0;
  for (unsigned end : ends) {
    unsigned last = end + 1;
    Segment segment(model, first, last);
    // Every topological order runs through the segments one after another.
    std::vector<unsigned> best;
    for (unsigned task = first; task < last; ++task)
      best.push_back(task);
    int64_t peak = segment.peak(best), bound = segment.lowerBound();
    auto consider = [&](std::vector<unsigned> order) {
      int64_t other = segment.peak(order);
      if (other < peak) {
        peak = other;
        best = std::move(order);
      }
    };
    if (peak > bound)
      consider({depthFirst.begin() + first, depthFirst.begin() + last});
    if (peak > bound)
      consider(greedyOrder(segment));
    if (peak > bound && segment.size() > 1) {
      searched = true;
      // Half of what is left, so that one hard segment does not take it all.
      uint64_t share = work / 2;
      work -= share;
      DownsetSearch search(segment, peak, bound, share);
      std::vector<unsigned> order = search.run();
      work += share;
      result.nodes += search.nodes;
      bound = search.bound();
      if (!order.empty())
        consider(std::move(order));
      if (peak > bound) {
        improved = true;
        peak = improve(segment, best, peak, bound, moveWork / model.tasks, random);
      }
    }
    result.peak = std::max(result.peak, peak);
    result.lowerBound = std::max(result.lowerBound, bound);
    llvm::append_range(result.order, best);
    first = last;
  }
  result.method = improved ? "peak-local-search" : searched ? "peak-downsets" : "peak-list";
  return result;
}
