// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Generators of schedule problems with fixed seeds, and oracles that share no
// code with the solver: the least makespan by trying every order of parts in
// every mode, the least peak over all topological orders, and an optimum of a
// graph with known cuts by trying everything between each two of them.

#ifndef TERCET_TEST_UNIT_SCHEDULE_SCHEDULEINSTANCES_H
#define TERCET_TEST_UNIT_SCHEDULE_SCHEDULEINSTANCES_H

#include "passes/schedule/ScheduleProblem.h"

#include <algorithm>
#include <random>
#include <vector>

namespace tercet::schedule {

using Rng = std::mt19937;

inline int64_t between(Rng &rng, int64_t low, int64_t high) {
  return low + static_cast<int64_t>(rng() % static_cast<uint32_t>(high - low + 1));
}

/// Three engines of comparable speed; `lagPermille` of a task's mean time passes
/// between engines.
struct Shape {
  Rng rng;
  ScheduleProblem problem;
  unsigned engines;

  Shape(unsigned seed, int64_t lagPermille, unsigned engines = 3) : rng(seed), engines(engines) {
    problem.engines = engines;
    problem.defaultLags.assign(engines * engines, lagPermille * 100);
    for (unsigned q = 0; q < engines; ++q)
      problem.defaultLags[q * engines + q] = 0;
  }

  /// A task of about 100000 ps with its own speed on each engine; 15 % cannot
  /// run on the last one.
  unsigned add(std::initializer_list<unsigned> inputs) {
    return add(std::vector<unsigned>(inputs));
  }
  unsigned add(const std::vector<unsigned> &inputs) {
    ScheduleTask task;
    int64_t work = between(rng, 20000, 180000);
    bool everywhere = rng() % 100 >= 15;
    for (unsigned q = 0; q < engines; ++q) {
      int64_t time = work * between(rng, 60, 160) / 100;
      if (q + 1 < engines || engines == 1 || everywhere)
        task.modes.push_back({{{q, time}}, 0});
    }
    task.resultBytes = between(rng, 1, 64) * 1024;
    unsigned index = problem.tasks.size();
    problem.tasks.push_back(task);
    for (unsigned input : inputs)
      problem.edges.push_back({input, index, problem.tasks[input].resultBytes, {}});
    return index;
  }
};

inline ScheduleProblem chain(unsigned seed, unsigned count, int64_t lagPermille) {
  Shape s(seed, lagPermille);
  unsigned last = s.add({});
  while (s.problem.tasks.size() < count)
    last = s.add({last});
  return s.problem;
}

/// Modules of four branches, 10 tasks each.
inline ScheduleProblem inception(unsigned seed, unsigned modules, int64_t lagPermille) {
  Shape s(seed, lagPermille);
  unsigned x = s.add({});
  for (unsigned m = 0; m < modules; ++m) {
    unsigned a = s.add({x});
    unsigned b = s.add({s.add({x})});
    unsigned c = s.add({s.add({s.add({x})})});
    unsigned d = s.add({s.add({x})});
    x = s.add({s.add({a, b, c, d})});
  }
  return s.problem;
}

/// Transformer blocks of 11 tasks: norm, q, k, v, attention, projection with
/// residual, norm, gate, up, product, down with residual. All blocks cost the
/// same if `equal`. `cuts` gets the tasks that everything goes through.
inline ScheduleProblem transformer(unsigned seed, unsigned blocks, int64_t lagPermille, bool equal,
                                   std::vector<unsigned> *cuts = nullptr) {
  Shape s(seed, lagPermille);
  unsigned x = s.add({});
  std::vector<unsigned> through{x};
  for (unsigned b = 0; b < blocks; ++b) {
    unsigned first = s.problem.tasks.size();
    unsigned norm = s.add({x});
    unsigned q = s.add({norm}), k = s.add({norm}), v = s.add({norm});
    unsigned attention = s.add({q, k, v});
    unsigned residual = s.add({attention, x});
    unsigned norm2 = s.add({residual});
    unsigned gate = s.add({norm2}), up = s.add({norm2});
    unsigned product = s.add({gate, up});
    x = s.add({product, residual});
    for (unsigned cut : {norm, attention, residual, norm2, product, x})
      through.push_back(cut);
    if (equal && b > 0)
      for (unsigned i = first; i < s.problem.tasks.size(); ++i)
        s.problem.tasks[i] = s.problem.tasks[i - 11];
  }
  for (ScheduleEdge &edge : s.problem.edges)
    edge.bytesOut = s.problem.tasks[edge.from].resultBytes;
  if (cuts)
    *cuts = through;
  return s.problem;
}

/// About 1.5 inputs a task, from the `reach` tasks before it.
inline ScheduleProblem branchy(unsigned seed, unsigned count, int64_t lagPermille,
                               unsigned reach = 12, unsigned engines = 3) {
  Shape s(seed, lagPermille, engines);
  s.add({});
  while (s.problem.tasks.size() < count) {
    unsigned at = s.problem.tasks.size(), low = at > reach ? at - reach : 0;
    std::vector<unsigned> inputs;
    for (unsigned i = 0, n = between(s.rng, 1, 2); i < n; ++i) {
      unsigned input = between(s.rng, low, at - 1);
      if (std::find(inputs.begin(), inputs.end(), input) == inputs.end())
        inputs.push_back(input);
    }
    s.add(inputs);
  }
  return s.problem;
}

/// Small, with everything that the model has: shares, lags of edges, bandwidth.
inline ScheduleProblem mixed(Rng &rng, unsigned count, unsigned engines, bool limited,
                             unsigned maxModes) {
  ScheduleProblem problem;
  problem.engines = engines;
  auto lags = [&] {
    llvm::SmallVector<int64_t, 0> table;
    for (unsigned p = 0; p < engines; ++p)
      for (unsigned q = 0; q < engines; ++q)
        table.push_back(p == q ? 0 : between(rng, 0, 4));
    return table;
  };
  if (rng() % 2)
    problem.defaultLags = lags();
  if (limited)
    problem.bandwidth = 1000000000000; // A byte a picosecond.
  for (unsigned t = 0; t < count; ++t) {
    ScheduleTask task;
    for (int64_t m = between(rng, 1, maxModes); m > 0; --m) {
      TaskMode mode;
      int64_t sum = 0;
      bool isShare = engines > 1 && rng() % 4 == 0;
      unsigned engine = rng() % engines;
      for (unsigned p = 0; p < (isShare ? 2u : 1u); ++p) {
        int64_t time = between(rng, rng() % 8 == 0 ? 0 : 1, 9);
        mode.parts.push_back({(engine + p) % engines, time});
        sum += time;
      }
      if (limited)
        mode.bandwidthBytes = between(rng, 0, sum);
      task.modes.push_back(mode);
    }
    task.resultBytes = between(rng, 0, 9);
    problem.tasks.push_back(task);
    for (unsigned from = 0; from < t; ++from)
      if (rng() % 3 == 0) {
        problem.edges.push_back({from, t, 1, {}});
        if (rng() % 4 == 0)
          problem.edges.back().lags = lags();
      }
  }
  return problem;
}

/// Tries every order of parts in every mode.
class ScheduleOracle {
public:
  explicit ScheduleOracle(const ScheduleProblem &problem) : problem(problem) {
    modes.assign(problem.tasks.size(), -1);
    left.assign(problem.tasks.size(), 0);
    for (const ScheduleTask &task : problem.tasks) {
      for (const TaskMode &mode : task.modes)
        shares.push_back(naiveShare(mode));
      firstShare.push_back(shares.size() - task.modes.size());
    }
  }
  int64_t least() {
    place(0);
    return best;
  }

private:
  struct Placed {
    unsigned task, engine;
    int64_t start, end, share;
  };

  /// The first share that is enough, by counting up.
  int64_t naiveShare(const TaskMode &mode) const {
    __extension__ using Wide = __int128;
    int64_t sum = 0;
    for (const TaskPart &part : mode.parts)
      sum += part.duration;
    if (problem.bandwidth == 0 || sum == 0)
      return 0;
    int64_t share = 0;
    while (share < 4096 &&
           Wide(share) * problem.bandwidth * sum < Wide(mode.bandwidthBytes) * 4096 * 1000000000000)
      ++share;
    return share;
  }

  bool fits(int64_t start, int64_t duration, int64_t share) const {
    if (share == 0 || duration == 0)
      return true;
    std::vector<int64_t> moments{start};
    for (const Placed &p : placed)
      if (p.start > start && p.start < start + duration)
        moments.push_back(p.start);
    for (int64_t moment : moments) {
      int64_t sum = share;
      for (const Placed &p : placed)
        if (p.start <= moment && moment < p.end)
          sum += p.share;
      if (sum > 4096)
        return false;
    }
    return true;
  }

  void place(unsigned done) {
    int64_t end = 0;
    for (const Placed &p : placed)
      end = std::max(end, p.end);
    if (end >= best)
      return;
    if (done == problem.tasks.size()) {
      best = end;
      return;
    }
    for (unsigned task = 0; task < problem.tasks.size(); ++task) {
      if (modes[task] >= 0 && left[task] == 0)
        continue;
      bool ready = true;
      for (const ScheduleEdge &edge : problem.edges)
        ready &= edge.to != task || (modes[edge.from] >= 0 && left[edge.from] == 0);
      if (!ready)
        continue;
      bool isNew = modes[task] < 0;
      int first = isNew ? 0 : modes[task];
      int last = isNew ? problem.tasks[task].modes.size() : first + 1;
      for (int number = first; number < last; ++number) {
        const TaskMode &mode = problem.tasks[task].modes[number];
        unsigned open = isNew ? (1u << mode.parts.size()) - 1 : left[task];
        for (unsigned p = 0; p < mode.parts.size(); ++p) {
          if (!(open >> p & 1))
            continue;
          unsigned engine = mode.parts[p].engine;
          int64_t start = 0, duration = mode.parts[p].duration;
          for (const Placed &other : placed) {
            if (other.engine == engine)
              start = std::max(start, other.end);
            for (const ScheduleEdge &edge : problem.edges)
              if (edge.from == other.task && edge.to == task)
                start = std::max(start, other.end + lag(edge, other.engine, engine));
          }
          int64_t share = duration == 0 ? 0 : shares[firstShare[task] + number];
          std::vector<int64_t> starts{start};
          for (const Placed &other : placed)
            if (other.end > start)
              starts.push_back(other.end);
          std::sort(starts.begin(), starts.end());
          for (int64_t moment : starts) {
            if (!fits(moment, duration, share))
              continue;
            start = moment;
            break;
          }
          modes[task] = number;
          unsigned before = left[task];
          left[task] = open & ~(1u << p);
          placed.push_back({task, engine, start, start + duration, share});
          place(done + (left[task] == 0));
          placed.pop_back();
          left[task] = before;
          if (isNew)
            modes[task] = -1;
        }
      }
    }
  }

  int64_t lag(const ScheduleEdge &edge, unsigned p, unsigned q) const {
    if (!edge.lags.empty())
      return edge.lags[p * problem.engines + q];
    return problem.defaultLags.empty() ? 0 : problem.defaultLags[p * problem.engines + q];
  }

  const ScheduleProblem &problem;
  std::vector<int> modes;
  std::vector<unsigned> left;
  std::vector<int64_t> shares;
  std::vector<unsigned> firstShare;
  std::vector<Placed> placed;
  int64_t best = int64_t(1) << 60;
};

inline int64_t leastMakespan(const ScheduleProblem &problem) {
  return ScheduleOracle(problem).least();
}

/// A bound of a graph whose `cuts` everything goes through and whose tasks run
/// on one engine each: between two cuts everything is tried for each pair of
/// modes of the cuts; edges over a cut are left out.
inline int64_t boundThroughCuts(const ScheduleProblem &problem, const std::vector<unsigned> &cuts) {
  // Least end of the last cut by its mode.
  std::vector<int64_t> ends;
  for (size_t c = 0; c < cuts.size(); ++c) {
    unsigned cut = cuts[c], before = c == 0 ? 0 : cuts[c - 1];
    std::vector<int64_t> next(problem.tasks[cut].modes.size(), int64_t(1) << 60);
    size_t entries = c == 0 ? 1 : problem.tasks[before].modes.size();
    for (size_t a = 0; a < entries; ++a) {
      for (size_t b = 0; b < next.size(); ++b) {
        ScheduleProblem part;
        part.engines = problem.engines;
        part.defaultLags = problem.defaultLags;
        unsigned first = c == 0 ? 0 : before;
        for (unsigned t = first; t <= cut; ++t)
          part.tasks.push_back(problem.tasks[t]);
        if (c > 0) {
          TaskMode entry = problem.tasks[before].modes[a];
          entry.parts[0].duration = 0;
          part.tasks.front().modes = {entry};
        }
        part.tasks.back().modes = {problem.tasks[cut].modes[b]};
        for (const ScheduleEdge &edge : problem.edges)
          if (edge.from >= first && edge.to <= cut)
            part.edges.push_back({edge.from - first, edge.to - first, 0, edge.lags});
        next[b] = std::min(next[b], (c == 0 ? 0 : ends[a]) + leastMakespan(part));
      }
    }
    ends = next;
  }
  return *std::min_element(ends.begin(), ends.end());
}

/// Peak of one order, step by step.
inline int64_t naivePeak(const ScheduleProblem &problem, const std::vector<unsigned> &order) {
  int64_t most = 0;
  for (size_t at = 0; at < order.size(); ++at) {
    int64_t live = 0;
    for (size_t made = 0; made <= at; ++made) {
      bool needed = made == at;
      for (const ScheduleEdge &edge : problem.edges)
        for (size_t later = at; later < order.size(); ++later)
          needed |= edge.from == order[made] && edge.to == order[later];
      if (needed)
        live += problem.tasks[order[made]].resultBytes;
    }
    most = std::max(most, live);
  }
  return most;
}

/// The least peak over all topological orders.
inline int64_t leastPeak(const ScheduleProblem &problem) {
  std::vector<unsigned> order;
  for (unsigned t = 0; t < problem.tasks.size(); ++t)
    order.push_back(t);
  int64_t best = int64_t(1) << 60;
  do {
    std::vector<size_t> place(order.size());
    for (size_t i = 0; i < order.size(); ++i)
      place[order[i]] = i;
    bool topological = true;
    for (const ScheduleEdge &edge : problem.edges)
      topological &= place[edge.from] < place[edge.to];
    if (topological)
      best = std::min(best, naivePeak(problem, order));
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

} // namespace tercet::schedule

#endif // TERCET_TEST_UNIT_SCHEDULE_SCHEDULEINSTANCES_H
