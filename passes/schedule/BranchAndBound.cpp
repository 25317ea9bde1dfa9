// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exact schedules of up to 64 tasks. Parts are placed in the order of their
// starts, each as early as it can be: some optimal schedule arises so, and what
// runs when a part starts only ends afterwards, so that the bandwidth that is
// free only grows. Partial schedules in which the same tasks are done (and the
// same parts of begun tasks) are compared: one in which no engine, input or byte
// of bandwidth is free later, and that starts its next part no later, dominates.
// Layers of partial schedules are bounded in width; the width grows until
// nothing is cut off, which is the proof, or until the budget is spent. One file:
// bound, dominance and expansion all work on the same representation of a state.

#include "passes/schedule/ScheduleSolvers.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"

#include <algorithm>
#include <map>

using namespace tercet::schedule;

namespace {

/// A task some of whose parts are placed.
struct Begun {
  uint8_t task;
  unsigned mode;
  uint64_t placed;
  bool operator==(const Begun &other) const {
    return task == other.task && mode == other.mode && placed == other.placed;
  }
};

/// The times of a partial schedule.
struct Times {
  /// No part starts before it any more.
  int64_t last = 0;
  int64_t end = 0;
  llvm::SmallVector<int64_t, 4> free;
  /// What runs on each engine: until when, with what share of the bandwidth.
  llvm::SmallVector<int64_t, 4> busyUntil, busyShare;
  /// Earliest start of each row (task, or task behind the window) on each
  /// engine, at [row * engines + engine].
  llvm::SmallVector<int64_t, 96> ready;
};

/// The decision that led to a partial schedule.
struct Node {
  unsigned parent;
  uint8_t task;
  uint8_t part;
  unsigned mode;
  int64_t start;
};

struct State {
  uint64_t done;
  llvm::SmallVector<Begun, 1> begun;
  int64_t bound;
  unsigned node;
  size_t values;
  /// The next state of the layer with the same hash, plus 1.
  unsigned next;
  bool dominated = false;
};

struct Layer {
  std::vector<State> states;
  std::vector<int64_t> values;
  llvm::DenseMap<uint64_t, unsigned> chains;
};

class WindowSearch {
public:
  WindowSearch(const ScheduleModel &model, const Window &window);
  WindowResult run(uint64_t nodeLimit);

private:
  using Mode = ScheduleModel::Mode;
  using Part = ScheduleModel::Part;
  struct Arc {
    unsigned row;
    const int64_t *lag;
  };

  llvm::ArrayRef<Mode> modes(unsigned i) const { return model.modes(window.tasks[i]); }
  void search(size_t width);
  void expand(const Layer &layer, const State &state);
  void place(const State &state, unsigned task, unsigned mode, unsigned part, int64_t start);
  bool normalise(Times &times, uint64_t done, llvm::ArrayRef<Begun> begun, int64_t &bound);
  int64_t loadBound(uint64_t done, llvm::ArrayRef<Begun> begun, const Times &times,
                    llvm::ArrayRef<int64_t> firstUse, int64_t bound) const;
  bool insert(State state, const Times &times);
  void finish(const Times &times, unsigned node);
  bool isTouched(unsigned row, uint64_t begun) const { return (rowPreds[row] & begun) != 0; }
  void pack(const State &state, const Times &times, std::vector<int64_t> &values) const;
  void unpack(const State &state, const int64_t *values, Times &times) const;
  bool dominates(const State &state, const int64_t *a, const int64_t *b, size_t size) const;
  int64_t earliest(const Times &times, int64_t from, int64_t share) const;

  static const Begun *find(llvm::ArrayRef<Begun> begun, unsigned task) {
    auto it = llvm::find_if(begun, [&](const Begun &b) { return b.task == task; });
    return it == begun.end() ? nullptr : it;
  }
  static uint64_t touching(const State &state) {
    uint64_t mask = state.done;
    for (const Begun &b : state.begun)
      mask |= uint64_t(1) << b.task;
    return mask;
  }

  const ScheduleModel &model;
  const Window &window;
  const unsigned engines, tasks;
  unsigned rows;
  uint64_t all;
  /// Predecessors of each row among the window's tasks.
  llvm::SmallVector<uint64_t, 64> rowPreds;
  std::vector<llvm::SmallVector<Arc, 4>> arcs;
  /// Within the window, from the end of a part on an engine; and the largest
  /// lag to any successor.
  std::vector<int64_t> tails, lagOut;
  /// Of multipliers, the least price of each task.
  std::vector<Multipliers> multipliers;
  std::vector<std::vector<int64_t>> prices;
  std::vector<int64_t> leastTail;
  std::vector<unsigned> byTail;

  int64_t limit;
  int64_t slack = 0;
  int64_t rootBound = 0;
  int64_t dropped = never;
  bool truncated = false;
  std::vector<Node> nodes;
  std::map<unsigned, Layer> layers;
  uint64_t opened = 0;
  WindowResult result;
  /// What each found schedule leaves behind, parallel to result.schedules.
  std::vector<std::vector<int64_t>> leaves;
  // Kept between calls.
  Times parentTimes, childTimes;
  llvm::SmallVector<int64_t, 96> heads;
};

WindowSearch::WindowSearch(const ScheduleModel &model, const Window &window)
    : model(model), window(window), engines(model.engines), tasks(window.tasks.size()),
      limit(window.limit) {
  all = tasks == 64 ? ~uint64_t(0) : (uint64_t(1) << tasks) - 1;
  llvm::DenseMap<unsigned, unsigned> rowOf;
  for (unsigned i = 0; i < tasks; ++i)
    rowOf[window.tasks[i]] = i;
  rows = tasks;
  rowPreds.assign(tasks, 0);
  arcs.resize(tasks);
  lagOut.assign(size_t(tasks) * engines, 0);
  for (unsigned i = 0; i < tasks; ++i) {
    for (const ScheduleModel::Arc &arc : model.succs(window.tasks[i])) {
      auto [it, isNew] = rowOf.try_emplace(arc.task, rows);
      if (isNew) {
        ++rows;
        rowPreds.push_back(0);
      }
      rowPreds[it->second] |= uint64_t(1) << i;
      arcs[i].push_back({it->second, arc.lag});
      for (unsigned p = 0; p < engines; ++p) {
        for (unsigned q = 0; q < engines; ++q) {
          int64_t lag = arc.lag[p * engines + q];
          lagOut[i * engines + p] = std::max(lagOut[i * engines + p], lag);
          if (it->second >= tasks)
            slack = std::max(slack, lag);
        }
      }
    }
  }
  tails.assign(size_t(tasks) * engines, 0);
  for (unsigned i = tasks; i-- > 0;) {
    for (const Arc &arc : arcs[i]) {
      if (arc.row >= tasks)
        continue;
      for (unsigned q = 0; q < engines; ++q) {
        int64_t least = never;
        for (const Mode &mode : modes(arc.row)) {
          int64_t longest = 0;
          for (const Part &part : mode.parts)
            longest = std::max(longest, arc.lag[q * engines + part.engine] + part.duration +
                                            tails[arc.row * engines + part.engine]);
          least = std::min(least, longest);
        }
        tails[i * engines + q] = std::max(tails[i * engines + q], least);
      }
    }
  }
  leastTail.assign(tasks, never);
  for (unsigned i = 0; i < tasks; ++i) {
    byTail.push_back(i);
    for (const Mode &mode : modes(i))
      for (const Part &part : mode.parts)
        leastTail[i] = std::min(leastTail[i], tails[i * engines + part.engine]);
  }
  llvm::stable_sort(byTail, [&](unsigned a, unsigned b) { return leastTail[a] > leastTail[b]; });
  if (tasks > 2) {
    multipliers.push_back(loadMultipliers(model, window.tasks));
    // The tasks in the middle and at the end may suit others.
    for (unsigned skip : {tasks / 3, 2 * tasks / 3})
      multipliers.push_back(loadMultipliers(model, llvm::ArrayRef(window.tasks).drop_front(skip)));
  }
  for (const Multipliers &m : multipliers) {
    prices.emplace_back();
    for (unsigned i = 0; i < tasks; ++i) {
      int64_t least = never * 4;
      for (const Mode &mode : modes(i))
        least = std::min(least, priceOf(model, mode, m));
      prices.back().push_back(least);
    }
  }
}

int64_t WindowSearch::earliest(const Times &times, int64_t from, int64_t share) const {
  if (share == 0)
    return from;
  while (true) {
    int64_t used = 0, next = never;
    for (unsigned q = 0; q < engines; ++q) {
      if (times.busyUntil[q] > from) {
        used += times.busyShare[q];
        next = std::min(next, times.busyUntil[q]);
      }
    }
    if (used + share <= ScheduleProblem::bandwidthShares)
      return from;
    from = next;
  }
}

int64_t WindowSearch::loadBound(uint64_t done, llvm::ArrayRef<Begun> begun, const Times &times,
                                llvm::ArrayRef<int64_t> firstUse, int64_t bound) const {
  for (auto [m, price] : llvm::zip(multipliers, prices)) {
    int64_t sum = 0;
    for (unsigned i : byTail) {
      if (done >> i & 1)
        continue;
      if (const Begun *b = find(begun, i)) {
        for (auto [number, part] : llvm::enumerate(modes(i)[b->mode].parts))
          if (!(b->placed >> number & 1))
            sum += m[part.engine] * part.duration;
      } else {
        sum += price[i];
      }
      // An engine that is not needed in this time says nothing.
      int64_t idle = 0;
      for (unsigned q = 0; q < engines; ++q)
        idle += m[q] * std::min(firstUse[q], bound - leastTail[i]);
      if (model.limited)
        idle += m[engines] * std::min(times.last, bound - leastTail[i]);
      bound = std::max(bound, (idle + sum + multiplierSum - 1) / multiplierSum + leastTail[i]);
    }
  }
  return bound;
}

/// Raises all times to what they must be at least, so that states which differ
/// only in what does not matter become equal. False if the schedule cannot end
/// within the limit.
bool WindowSearch::normalise(Times &times, uint64_t done, llvm::ArrayRef<Begun> begun,
                             int64_t &bound) {
  heads = times.ready;
  bound = times.end;
  llvm::SmallVector<int64_t, 4> firstUse(engines, never);
  llvm::SmallVector<uint64_t, 64> viable(tasks, 0);
  int64_t first = never;
  for (unsigned i = 0; i < tasks; ++i) {
    if (done >> i & 1)
      continue;
    int64_t *head = &heads[i * engines];
    for (unsigned q = 0; q < engines; ++q)
      head[q] = std::max({head[q], times.free[q], times.last});
    const Begun *b = find(begun, i);
    bool isEligible = (rowPreds[i] & ~done) == 0;
    int64_t least = never;
    auto visit = [&](const Mode &mode, uint64_t placed, auto what) {
      for (auto [number, part] : llvm::enumerate(mode.parts))
        if (!(placed >> number & 1))
          what(part);
    };
    llvm::SmallVector<bool, 8> excluded(modes(i).size(), false);
    auto forModes = [&](auto what) {
      for (unsigned number = 0; number < modes(i).size(); ++number)
        if (!excluded[number] && (!b || b->mode == number))
          what(number, modes(i)[number], b ? b->placed : 0);
    };
    forModes([&](unsigned number, const Mode &mode, uint64_t placed) {
      int64_t longest = 0;
      visit(mode, placed, [&](const Part &part) {
        longest =
            std::max(longest, head[part.engine] + part.duration + tails[i * engines + part.engine]);
      });
      least = std::min(least, longest);
      excluded[number] = longest > limit;
      if (!excluded[number])
        visit(mode, placed, [&](const Part &part) {
          viable[i] |= uint64_t(1) << part.engine;
          firstUse[part.engine] = std::min(firstUse[part.engine], head[part.engine]);
          if (isEligible)
            first = std::min(first, head[part.engine]);
        });
    });
    bound = std::max(bound, least);
    if (bound > limit)
      return false;
    for (const Arc &arc : arcs[i]) {
      if (arc.row >= tasks)
        continue;
      for (unsigned q = 0; q < engines; ++q) {
        int64_t soonest = never;
        forModes([&](unsigned, const Mode &mode, uint64_t placed) {
          int64_t longest = 0;
          visit(mode, placed, [&](const Part &part) {
            longest = std::max(longest, head[part.engine] + part.duration +
                                            arc.lag[part.engine * engines + q]);
          });
          soonest = std::min(soonest, longest);
        });
        int64_t &next = heads[arc.row * engines + q];
        next = std::max(next, soonest);
      }
    }
  }
  if (first < never) {
    times.last = first;
    bound = loadBound(done, begun, times, firstUse, bound);
    if (bound > limit)
      return false;
  }
  for (unsigned q = 0; q < engines; ++q)
    times.free[q] = firstUse[q];
  for (unsigned i = 0; i < tasks; ++i)
    if (!(done >> i & 1))
      for (unsigned q = 0; q < engines; ++q)
        times.ready[i * engines + q] =
            viable[i] >> q & 1 ? std::min(never, heads[i * engines + q]) : never;
  for (unsigned i = tasks * engines; i < rows * engines; ++i)
    times.ready[i] = std::max(times.ready[i], bound);
  times.end = std::max(times.end, bound);
  if (model.limited)
    for (unsigned q = 0; q < engines; ++q)
      if (times.busyUntil[q] <= times.last)
        times.busyUntil[q] = times.busyShare[q] = 0;
  return true;
}

void WindowSearch::pack(const State &state, const Times &times,
                        std::vector<int64_t> &values) const {
  values.push_back(times.last);
  values.push_back(times.end);
  llvm::append_range(values, times.free);
  uint64_t touch = touching(state);
  for (unsigned row = 0; row < rows; ++row) {
    if ((row < tasks && (state.done >> row & 1)) || !isTouched(row, touch))
      continue;
    values.insert(values.end(), &times.ready[row * engines], &times.ready[row * engines] + engines);
  }
  // Last, because they compare in a way of their own.
  if (model.limited) {
    llvm::append_range(values, times.busyUntil);
    llvm::append_range(values, times.busyShare);
  }
}

void WindowSearch::unpack(const State &state, const int64_t *values, Times &times) const {
  times.last = *values++;
  times.end = *values++;
  times.free.assign(values, values + engines);
  values += engines;
  times.ready.assign(size_t(rows) * engines, 0);
  std::copy(window.ready.begin(), window.ready.end(), times.ready.begin());
  uint64_t touch = touching(state);
  for (unsigned row = 0; row < rows; ++row) {
    if ((row < tasks && (state.done >> row & 1)) || !isTouched(row, touch))
      continue;
    std::copy_n(values, engines, &times.ready[row * engines]);
    values += engines;
  }
  if (model.limited) {
    times.busyUntil.assign(values, values + engines);
    times.busyShare.assign(values + engines, values + 2 * engines);
  }
}

bool WindowSearch::dominates(const State &state, const int64_t *a, const int64_t *b,
                             size_t size) const {
  size_t simple = model.limited ? size - 2 * engines : size;
  for (size_t i = 0; i < simple; ++i)
    if (a[i] > b[i])
      return false;
  if (!model.limited)
    return true;
  // The share in use only falls: compare where that of b falls.
  auto used = [&](const int64_t *values, int64_t at) {
    int64_t sum = 0;
    for (unsigned q = 0; q < engines; ++q)
      if (values[simple + q] > at)
        sum += values[simple + engines + q];
    return sum;
  };
  if (used(a, b[0]) > used(b, b[0]))
    return false;
  for (unsigned q = 0; q < engines; ++q)
    if (used(a, std::max(b[0], b[simple + q])) > used(b, std::max(b[0], b[simple + q])))
      return false;
  return true;
}

/// False if another state dominates this one.
bool WindowSearch::insert(State state, const Times &times) {
  // Every part placed brings a state further; a whole task counts the same in
  // any number of parts, so that states with the same tasks meet in a layer.
  unsigned progress = llvm::popcount(state.done) * model.maxParts;
  for (const Begun &b : state.begun)
    progress += llvm::popcount(b.placed);
  Layer &layer = layers[progress];
  state.values = layer.values.size();
  pack(state, times, layer.values);
  size_t size = layer.values.size() - state.values;
  llvm::hash_code code = llvm::hash_value(state.done);
  for (const Begun &b : state.begun)
    code = llvm::hash_combine(code, b.task, b.mode, b.placed);
  // The two largest keys are the map's own.
  uint64_t hash = static_cast<size_t>(code) >> 1;
  unsigned &chain = layer.chains[hash];
  const int64_t *mine = &layer.values[state.values];
  for (unsigned at = chain; at; at = layer.states[at - 1].next) {
    State &other = layer.states[at - 1];
    if (other.dominated || other.done != state.done || other.begun != state.begun)
      continue;
    const int64_t *theirs = &layer.values[other.values];
    if (dominates(other, theirs, mine, size)) {
      layer.values.resize(state.values);
      return false;
    }
    if (dominates(state, mine, theirs, size))
      other.dominated = true;
  }
  state.next = chain;
  layer.states.push_back(std::move(state));
  chain = layer.states.size();
  return true;
}

void WindowSearch::finish(const Times &times, unsigned node) {
  std::vector<int64_t> leaf{times.end};
  for (unsigned i = tasks * engines; i < rows * engines; ++i)
    leaf.push_back(std::max(times.ready[i], times.end));
  auto noWorse = [](const std::vector<int64_t> &a, const std::vector<int64_t> &b) {
    return std::equal(a.begin(), a.end(), b.begin(), [](int64_t x, int64_t y) { return x <= y; });
  };
  for (const auto &other : leaves)
    if (noWorse(other, leaf))
      return;
  for (size_t i = leaves.size(); i-- > 0;) {
    if (noWorse(leaf, leaves[i])) {
      leaves.erase(leaves.begin() + i);
      result.schedules.erase(result.schedules.begin() + i);
    }
  }
  WindowSchedule schedule;
  schedule.modes.assign(tasks, 0);
  schedule.finishes.assign(size_t(tasks) * model.maxParts, 0);
  schedule.end = times.end;
  for (; node; node = nodes[node].parent) {
    const Node &n = nodes[node];
    schedule.modes[n.task] = n.mode;
    schedule.finishes[n.task * model.maxParts + n.part] =
        n.start + modes(n.task)[n.mode].parts[n.part].duration;
  }
  result.schedules.push_back(std::move(schedule));
  leaves.push_back(std::move(leaf));
  // A later end by the largest lag behind the window is no better anywhere.
  limit = std::min(limit, times.end + slack - 1);
}

void WindowSearch::place(const State &state, unsigned task, unsigned mode, unsigned part,
                         int64_t start) {
  const Mode &chosen = modes(task)[mode];
  const Part &placed = chosen.parts[part];
  Times &times = childTimes;
  times = parentTimes;
  State child;
  child.done = state.done;
  child.begun = state.begun;
  uint64_t parts = uint64_t(1) << part;
  auto it = llvm::find_if(child.begun, [&](const Begun &b) { return b.task == task; });
  if (it != child.begun.end()) {
    parts |= it->placed;
    child.begun.erase(it);
  }
  if (llvm::popcount(parts) == static_cast<int>(chosen.parts.size())) {
    child.done |= uint64_t(1) << task;
  } else {
    auto at = llvm::find_if(child.begun, [&](const Begun &b) { return b.task > task; });
    child.begun.insert(at, {static_cast<uint8_t>(task), mode, parts});
  }
  int64_t end = start + placed.duration;
  times.last = start;
  times.end = std::max(times.end, end);
  times.free[placed.engine] = end;
  if (model.limited) {
    times.busyUntil[placed.engine] = end;
    times.busyShare[placed.engine] = chosen.share;
  }
  for (const Arc &arc : arcs[task])
    for (unsigned q = 0; q < engines; ++q) {
      int64_t &ready = times.ready[arc.row * engines + q];
      ready = std::max(ready, end + arc.lag[placed.engine * engines + q]);
    }
  if (!normalise(times, child.done, child.begun, child.bound))
    return;
  child.node = nodes.size();
  nodes.push_back(
      {state.node, static_cast<uint8_t>(task), static_cast<uint8_t>(part), mode, start});
  if (child.done == all) {
    finish(times, child.node);
    nodes.pop_back();
    return;
  }
  if (!insert(std::move(child), times))
    nodes.pop_back();
}

void WindowSearch::expand(const Layer &layer, const State &state) {
  ++opened;
  Times &times = parentTimes;
  unpack(state, &layer.values[state.values], times);
  struct Choice {
    uint8_t task;
    uint8_t part;
    unsigned mode;
    int64_t start;
  };
  llvm::SmallVector<Choice, 32> choices;
  // The least time by which a task could be done, and read everywhere, before
  // the next part starts: a schedule that lets this time pass is no better than
  // one with that task in it.
  int64_t unused = never, unusedInstant = never;
  for (unsigned i = 0; i < tasks; ++i) {
    if (state.done >> i & 1 || (rowPreds[i] & ~state.done) != 0)
      continue;
    const Begun *b = find(state.begun, i);
    for (unsigned number = 0; number < modes(i).size(); ++number) {
      if (b && b->mode != number)
        continue;
      const Mode &mode = modes(i)[number];
      for (auto [index, part] : llvm::enumerate(mode.parts)) {
        if (b && b->placed >> index & 1)
          continue;
        int64_t start =
            std::max({times.last, times.free[part.engine], times.ready[i * engines + part.engine]});
        if (part.duration > 0)
          start = earliest(times, start, mode.share);
        if (start + part.duration + tails[i * engines + part.engine] > limit)
          continue;
        choices.push_back({static_cast<uint8_t>(i), static_cast<uint8_t>(index), number, start});
        if (mode.parts.size() > 1)
          continue;
        int64_t span = part.duration + lagOut[i * engines + part.engine];
        int64_t &least = span == 0 ? unusedInstant : unused;
        least = std::min(least, start + span);
      }
    }
  }
  for (const Choice &c : choices)
    if (c.start < unused && c.start <= unusedInstant)
      place(state, c.task, c.mode, c.part, c.start);
}

void WindowSearch::search(size_t width) {
  nodes.assign(1, {0, 0, 0, 0, 0});
  layers.clear();
  truncated = false;
  dropped = never;
  State root;
  root.done = 0;
  root.node = 0;
  Times &times = childTimes;
  times = Times();
  times.free.assign(engines, 0);
  times.busyUntil.assign(engines, 0);
  times.busyShare.assign(engines, 0);
  times.ready.assign(size_t(rows) * engines, 0);
  std::copy(window.ready.begin(), window.ready.end(), times.ready.begin());
  if (!normalise(times, 0, {}, root.bound))
    return;
  rootBound = std::max(rootBound, root.bound);
  insert(std::move(root), times);
  while (!layers.empty()) {
    Layer layer = std::move(layers.begin()->second);
    layers.erase(layers.begin());
    std::vector<unsigned> order;
    for (unsigned i = 0; i < layer.states.size(); ++i)
      if (!layer.states[i].dominated)
        order.push_back(i);
    // Better ones first: they bring the limit down.
    llvm::stable_sort(order, [&](unsigned a, unsigned b) {
      return layer.states[a].bound < layer.states[b].bound;
    });
    for (size_t rank = 0; rank < order.size(); ++rank) {
      const State &state = layer.states[order[rank]];
      if (state.bound > limit)
        break;
      if (rank >= width) {
        truncated = true;
        dropped = std::min(dropped, state.bound);
        break;
      }
      expand(layer, state);
    }
  }
}

WindowResult WindowSearch::run(uint64_t nodeLimit) {
  size_t depth = size_t(tasks) * model.maxParts;
  for (size_t width = 16;; width *= 8) {
    search(width);
    int64_t best = never;
    for (const WindowSchedule &schedule : result.schedules)
      best = std::min(best, schedule.end);
    // What was not cut off and not found ends later than what was found, or
    // than the limit that was asked for.
    int64_t bound = std::min(truncated ? dropped : never, best);
    if (best == never)
      bound = truncated ? std::min(dropped, window.limit) : never;
    result.lowerBound = std::max({result.lowerBound, rootBound, bound});
    if (!truncated) {
      result.exact = true;
      break;
    }
    if (opened >= nodeLimit || width * 8 * depth > (nodeLimit - opened) * 4)
      break;
  }
  llvm::stable_sort(result.schedules,
                    [](const WindowSchedule &a, const WindowSchedule &b) { return a.end < b.end; });
  result.nodes = opened;
  return std::move(result);
}

} // namespace

WindowResult tercet::schedule::searchWindow(const ScheduleModel &model, const Window &window,
                                            uint64_t nodeLimit) {
  return WindowSearch(model, window).run(nodeLimit);
}
