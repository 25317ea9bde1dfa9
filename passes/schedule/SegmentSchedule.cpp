// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Schedules a graph segment by segment. Between two cut tasks nothing of the
// rest can run, so a segment needs to know of its past only when its inputs are
// there on each engine, relative to the end of the cut: the interface. From each
// interface that no other dominates, the segment's best schedules lead to the
// next ones: a dynamic program whose steps are exact searches. A segment that
// equals an earlier one (a layer of a transformer) and is entered in the same
// way is not searched again. A chain is the case of one task a segment.

#include "passes/schedule/ScheduleSolvers.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <map>

using namespace tercet::schedule;

namespace {

/// A way to have done everything up to a cut.
struct Interface {
  int64_t time = 0;
  /// Tasks behind the cut that may not start on every engine at `time`, with
  /// the earliest start on each.
  std::map<unsigned, llvm::SmallVector<int64_t, 4>> ready;
  int previous = -1;
  /// How the segment before ran.
  const WindowSchedule *schedule = nullptr;

  int64_t at(unsigned task, unsigned engine) const {
    auto it = ready.find(task);
    return it == ready.end() ? time : std::max(time, it->second[engine]);
  }
};

class SegmentScheduler {
public:
  SegmentScheduler(const ScheduleModel &model, int64_t upper, ScheduleEffort effort)
      : model(model), upper(upper), thorough(effort == ScheduleEffort::Thorough) {}

  SegmentResult run();

private:
  using Key = std::pair<unsigned, llvm::SmallVector<int64_t, 64>>;

  unsigned kindOf(unsigned first, unsigned last);
  const WindowResult &search(unsigned kind, const Window &window);
  void step(unsigned first, unsigned last, bool isLast, const std::vector<Interface> &from,
            std::vector<Interface> &to);
  void leave(unsigned first, unsigned last, const Interface &from, const WindowSchedule &schedule,
             Interface &to) const;
  int64_t relaxedBound(unsigned first, unsigned last);

  const ScheduleModel &model;
  const int64_t upper;
  const bool thorough;
  /// What a segment is, in numbers, with all indices relative to its start.
  std::map<std::vector<int64_t>, unsigned> kinds;
  std::map<Key, WindowResult> searched;
  uint64_t nodesLeft = 0;
  SegmentResult result;
};

unsigned SegmentScheduler::kindOf(unsigned first, unsigned last) {
  std::vector<int64_t> text{static_cast<int64_t>(last - first)};
  for (unsigned task = first; task < last; ++task) {
    text.push_back(model.modes(task).size());
    for (const ScheduleModel::Mode &mode : model.modes(task)) {
      text.push_back(mode.parts.size());
      text.push_back(mode.share);
      for (const ScheduleModel::Part &part : mode.parts) {
        text.push_back(part.engine);
        text.push_back(part.duration);
      }
    }
    text.push_back(model.succs(task).size());
    for (const ScheduleModel::Arc &arc : model.succs(task)) {
      text.push_back(arc.task - first);
      text.insert(text.end(), arc.lag, arc.lag + model.engines * model.engines);
    }
  }
  return kinds.try_emplace(std::move(text), kinds.size()).first->second;
}

const WindowResult &SegmentScheduler::search(unsigned kind, const Window &window) {
  // The limit of the last segment depends on the way there: part of the key.
  Key key(kind, window.ready);
  key.second.push_back(window.limit);
  auto [it, isNew] = searched.try_emplace(std::move(key));
  if (isNew) {
    ++result.searches;
    // Each partial schedule has more successors, and each costs more, the more
    // tasks there are.
    uint64_t size = std::max<uint64_t>(window.tasks.size(), 16);
    uint64_t share = std::max<uint64_t>(nodesLeft / 2 * 256 / (size * size), 200);
    it->second = searchWindow(model, window, share);
    nodesLeft -= std::min(nodesLeft, it->second.nodes * size * size / 256);
    result.nodes += it->second.nodes;
  }
  return it->second;
}

/// What the segment's schedule, begun at `from`, leaves behind.
void SegmentScheduler::leave(unsigned first, unsigned last, const Interface &from,
                             const WindowSchedule &schedule, Interface &to) const {
  to.time = from.time + schedule.end;
  to.schedule = &schedule;
  for (const auto &[task, times] : from.ready)
    if (task >= last && llvm::any_of(times, [&](int64_t time) { return time > to.time; }))
      to.ready[task] = times;
  for (unsigned task = first; task < last; ++task) {
    auto parts = model.modes(task)[schedule.modes[task - first]].parts;
    for (const ScheduleModel::Arc &arc : model.succs(task)) {
      if (arc.task < last)
        continue;
      for (unsigned q = 0; q < model.engines; ++q) {
        int64_t time = 0;
        for (auto [number, part] : llvm::enumerate(parts))
          time = std::max(time, from.time +
                                    schedule.finishes[(task - first) * model.maxParts + number] +
                                    model.lag(arc, part.engine, q));
        if (time <= to.time)
          continue;
        auto &times = to.ready.try_emplace(arc.task, model.engines, int64_t(0)).first->second;
        times[q] = std::max(times[q], time);
      }
    }
  }
}

static bool noWorse(const Interface &a, const Interface &b, unsigned engines) {
  if (a.time > b.time)
    return false;
  for (const auto &[task, times] : a.ready)
    for (unsigned q = 0; q < engines; ++q)
      if (a.at(task, q) > b.at(task, q))
        return false;
  // Where a has no entry, it is ready at its time, which is no later than b's.
  return true;
}

void SegmentScheduler::step(unsigned first, unsigned last, bool isLast,
                            const std::vector<Interface> &from, std::vector<Interface> &to) {
  unsigned kind = kindOf(first, last);
  Window window;
  for (unsigned task = first; task < last; ++task)
    window.tasks.push_back(task);
  int64_t bestEnd = upper;
  for (auto [index, interface] : llvm::enumerate(from)) {
    window.ready.clear();
    for (unsigned task = first; task < last; ++task)
      for (unsigned q = 0; q < model.engines; ++q)
        window.ready.push_back(interface.at(task, q) - interface.time);
    if (isLast)
      window.limit = bestEnd - 1 - interface.time;
    if (window.limit < 0)
      continue;
    const WindowResult &found = search(kind, window);
    result.exact &= found.exact;
    for (const WindowSchedule &schedule : found.schedules) {
      Interface next;
      next.previous = static_cast<int>(index);
      leave(first, last, interface, schedule, next);
      if (isLast)
        bestEnd = std::min(bestEnd, next.time);
      if (llvm::any_of(to,
                       [&](const Interface &other) { return noWorse(other, next, model.engines); }))
        continue;
      llvm::erase_if(to,
                     [&](const Interface &other) { return noWorse(next, other, model.engines); });
      to.push_back(std::move(next));
    }
  }
  llvm::stable_sort(to, [](const Interface &a, const Interface &b) { return a.time < b.time; });
  size_t most = thorough ? 256 : 32;
  if (to.size() > most) {
    to.resize(most);
    result.exact = false;
  }
}

/// No schedule spends less in the segment, whatever came before: its inputs are
/// there when the cut ends, plus at least the lag from the mode that suits best.
int64_t SegmentScheduler::relaxedBound(unsigned first, unsigned last) {
  Window window;
  for (unsigned task = first; task < last; ++task)
    window.tasks.push_back(task);
  window.ready.assign(size_t(last - first) * model.engines, 0);
  int64_t least = never;
  if (first == 0)
    return search(kindOf(first, last), window).lowerBound;
  for (const ScheduleModel::Mode &mode : model.modes(first - 1)) {
    llvm::fill(window.ready, 0);
    for (const ScheduleModel::Arc &arc : model.succs(first - 1)) {
      if (arc.task >= last)
        continue;
      for (unsigned q = 0; q < model.engines; ++q) {
        int64_t lag = never;
        for (const ScheduleModel::Part &part : mode.parts)
          lag = std::min(lag, model.lag(arc, part.engine, q));
        int64_t &ready = window.ready[(arc.task - first) * model.engines + q];
        ready = std::max(ready, lag);
      }
    }
    least = std::min(least, search(kindOf(first, last), window).lowerBound);
  }
  return least;
}

SegmentResult SegmentScheduler::run() {
  std::vector<unsigned> ends = cutTasks(model);
  if (ends.empty() || ends.back() + 1 != model.tasks)
    ends.push_back(model.tasks - 1);
  result.segments = ends.size();
  unsigned first = 0;
  for (unsigned end : ends) {
    if (end + 1 - first > 64)
      return std::move(result);
    first = end + 1;
  }
  nodesLeft = thorough ? 1'500'000 : 30'000;
  result.exact = true;
  // All interfaces of each cut; the way back goes by `previous`.
  std::vector<std::vector<Interface>> reached(1);
  reached[0].emplace_back();
  first = 0;
  for (unsigned end : ends) {
    std::vector<Interface> next;
    step(first, end + 1, end + 1 == model.tasks, reached.back(), next);
    reached.push_back(std::move(next));
    first = end + 1;
    if (reached.back().empty())
      break;
  }
  if (reached.size() == ends.size() + 1 && !reached.back().empty()) {
    // By time: the first is the best.
    result.modes.assign(model.tasks, 0);
    result.finishes.assign(size_t(model.tasks) * model.maxParts, 0);
    result.makespan = reached.back().front().time;
    int index = 0;
    for (size_t segment = ends.size(); segment > 0; --segment) {
      const Interface &here = reached[segment][index];
      const Interface &before = reached[segment - 1][here.previous];
      unsigned begin = segment == 1 ? 0 : ends[segment - 2] + 1;
      for (unsigned task = begin; task <= ends[segment - 1]; ++task) {
        unsigned i = task - begin;
        result.modes[task] = here.schedule->modes[i];
        for (unsigned part = 0; part < model.modes(task)[result.modes[task]].parts.size(); ++part)
          result.finishes[task * model.maxParts + part] =
              before.time + here.schedule->finishes[i * model.maxParts + part];
      }
      index = here.previous;
    }
  }
  if (result.exact) {
    result.lowerBound = std::min(result.makespan, upper);
    return std::move(result);
  }
  first = 0;
  for (unsigned end : ends) {
    result.lowerBound += relaxedBound(first, end + 1);
    first = end + 1;
  }
  result.lowerBound = std::min({result.lowerBound, result.makespan, upper});
  return std::move(result);
}

} // namespace

SegmentResult tercet::schedule::scheduleSegments(const ScheduleModel &model, int64_t upper,
                                                 ScheduleEffort effort) {
  return SegmentScheduler(model, upper, effort).run();
}
