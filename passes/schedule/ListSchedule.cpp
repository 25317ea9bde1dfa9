// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// List schedulers: tasks in an order of priority, each in the mode and at the
// place where its end is best. HEFT and CPOP are after Topcuoglu, Hariri and Wu
// (2002), PEFT after Arabnejad and Barbosa (2014); their averages over engines
// become averages over modes, in whole picoseconds.

#include "passes/schedule/ScheduleSolvers.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <functional>
#include <set>

using namespace tercet::schedule;

namespace {

/// Busy intervals of one engine, ascending.
class Calendar {
public:
  /// The start of the first gap from `from` on that holds `duration`.
  int64_t earliest(int64_t from, int64_t duration) const {
    int64_t start = from;
    auto next = std::upper_bound(
        busy.begin(), busy.end(), from,
        [](int64_t time, const std::pair<int64_t, int64_t> &b) { return time < b.second; });
    for (; next != busy.end() && next->first < start + std::max<int64_t>(duration, 1); ++next)
      start = std::max(start, next->second);
    return start;
  }
  void add(int64_t start, int64_t duration) {
    if (duration == 0)
      return;
    std::pair<int64_t, int64_t> interval(start, start + duration);
    busy.insert(llvm::lower_bound(busy, interval), interval);
  }

private:
  std::vector<std::pair<int64_t, int64_t>> busy;
};

/// Places tasks one after another into gaps.
class ListScheduler {
public:
  /// The value of a mode that would end at the times given; the least is taken.
  using Value = std::function<int64_t(unsigned task, unsigned mode, llvm::ArrayRef<int64_t> ends)>;

  explicit ListScheduler(const ScheduleModel &model)
      : model(model), calendars(model.engines), modes(model.tasks, 0),
        finishes(size_t(model.tasks) * model.maxParts, 0) {}

  void place(unsigned task, const Value &value) {
    unsigned best = 0;
    int64_t bestValue = never;
    for (unsigned mode = 0; mode < model.modes(task).size(); ++mode) {
      int64_t cost = value(task, mode, endsOf(task, mode, /*commit=*/false));
      if (cost < bestValue) {
        best = mode;
        bestValue = cost;
      }
    }
    modes[task] = best;
    llvm::SmallVector<int64_t, 2> ends = endsOf(task, best, /*commit=*/true);
    llvm::copy(ends, finishes.begin() + size_t(task) * model.maxParts);
  }

  /// Takes over where a task is.
  void fix(unsigned task, unsigned mode, const int64_t *ends) {
    modes[task] = mode;
    for (auto [number, part] : llvm::enumerate(model.modes(task)[mode].parts)) {
      int64_t start = ends[number] - part.duration;
      finishes[task * model.maxParts + number] = ends[number];
      calendars[part.engine].add(start, part.duration);
      profile.add(start, part.duration, model.modes(task)[mode].share);
    }
  }

  /// Of all tasks: those whose inputs are placed, by ascending key.
  template <typename Key> void placeAll(Key key, const Value &value) {
    llvm::SmallVector<unsigned> missing, ready;
    for (unsigned task = 0; task < model.tasks; ++task) {
      missing.push_back(model.preds(task).size());
      if (missing.back() == 0)
        ready.push_back(task);
    }
    while (!ready.empty()) {
      auto best = ready.begin();
      auto bestKey = std::pair(key(*best), *best);
      for (auto it = std::next(best); it != ready.end(); ++it) {
        auto other = std::pair(key(*it), *it);
        if (other < bestKey) {
          best = it;
          bestKey = other;
        }
      }
      unsigned task = *best;
      ready.erase(best);
      place(task, value);
      placed.push_back(task);
      for (const ScheduleModel::Arc &arc : model.succs(task))
        if (--missing[arc.task] == 0)
          ready.push_back(arc.task);
    }
  }

  const ScheduleModel &model;
  std::vector<Calendar> calendars;
  BandwidthProfile profile;
  std::vector<unsigned> modes;
  std::vector<unsigned> placed;
  Finishes finishes;

private:
  llvm::SmallVector<int64_t, 2> endsOf(unsigned task, unsigned number, bool commit) {
    const ScheduleModel::Mode &mode = model.modes(task)[number];
    llvm::SmallVector<int64_t, 2> ends;
    // Parts of one task compete for the bandwidth too.
    BandwidthProfile before;
    bool restore = model.limited && !commit && mode.parts.size() > 1 && mode.share > 0;
    if (restore)
      before = profile;
    for (const ScheduleModel::Part &part : mode.parts) {
      int64_t start = 0;
      for (const ScheduleModel::Arc &arc : model.preds(task)) {
        auto parts = model.modes(arc.task)[modes[arc.task]].parts;
        for (unsigned i = 0; i < parts.size(); ++i)
          start = std::max(start, finishes[arc.task * model.maxParts + i] +
                                      model.lag(arc, parts[i].engine, part.engine));
      }
      while (true) {
        int64_t gap = calendars[part.engine].earliest(start, part.duration);
        start = profile.earliest(gap, part.duration, mode.share);
        if (start == gap)
          break;
      }
      ends.push_back(start + part.duration);
      if (commit)
        calendars[part.engine].add(start, part.duration);
      if (commit || restore)
        profile.add(start, part.duration, mode.share);
    }
    if (restore)
      profile = std::move(before);
    return ends;
  }
};

int64_t averageTime(const ScheduleModel &model, unsigned task) {
  int64_t sum = 0;
  for (const ScheduleModel::Mode &mode : model.modes(task)) {
    int64_t longest = 0;
    for (const ScheduleModel::Part &part : mode.parts)
      longest = std::max(longest, part.duration);
    sum += longest;
  }
  return sum / static_cast<int64_t>(model.modes(task).size());
}

int64_t averageLag(const ScheduleModel &model, const ScheduleModel::Arc &arc) {
  int64_t sum = 0;
  for (unsigned i = 0; i < model.engines * model.engines; ++i)
    sum += arc.lag[i];
  return sum / (model.engines * model.engines);
}

/// Longest average path from the start of each task to the end.
std::vector<int64_t> upwardRanks(const ScheduleModel &model) {
  std::vector<int64_t> ranks(model.tasks, 0);
  for (unsigned task = model.tasks; task-- > 0;) {
    for (const ScheduleModel::Arc &arc : model.succs(task))
      ranks[task] = std::max(ranks[task], averageLag(model, arc) + ranks[arc.task]);
    ranks[task] += averageTime(model, task);
  }
  return ranks;
}

/// Longest average path to the start of each task.
std::vector<int64_t> downwardRanks(const ScheduleModel &model) {
  std::vector<int64_t> ranks(model.tasks, 0);
  for (unsigned task = 0; task < model.tasks; ++task)
    for (const ScheduleModel::Arc &arc : model.preds(task))
      ranks[task] = std::max(ranks[task], ranks[arc.task] + averageTime(model, arc.task) +
                                              averageLag(model, arc));
  return ranks;
}

int64_t latest(llvm::ArrayRef<int64_t> ends) { return *llvm::max_element(ends); }

/// The engine on which the tasks of the critical path take least together, if
/// it can run all of them.
int criticalEngine(const ScheduleModel &model, const std::vector<bool> &critical) {
  int best = -1;
  int64_t bestTime = never;
  for (unsigned engine = 0; engine < model.engines; ++engine) {
    int64_t time = 0;
    for (unsigned task = 0; task < model.tasks && time < never; ++task) {
      if (!critical[task])
        continue;
      int64_t least = never;
      for (const ScheduleModel::Mode &mode : model.modes(task))
        if (mode.parts.size() == 1 && mode.parts[0].engine == engine)
          least = std::min(least, mode.parts[0].duration);
      time = std::min(never, time + least);
    }
    if (time < bestTime) {
      bestTime = time;
      best = engine;
    }
  }
  return best;
}

} // namespace

Sequence tercet::schedule::sequenceOf(const ScheduleModel &model, llvm::ArrayRef<unsigned> modes,
                                      const Finishes &finishes) {
  std::vector<int64_t> first(model.tasks, never);
  for (unsigned task = 0; task < model.tasks; ++task)
    for (auto [number, part] : llvm::enumerate(model.modes(task)[modes[task]].parts))
      first[task] = std::min(first[task], finishes[task * model.maxParts + number] - part.duration);
  Sequence sequence;
  sequence.modes.assign(modes.begin(), modes.end());
  for (unsigned task = 0; task < model.tasks; ++task)
    sequence.order.push_back(task);
  llvm::stable_sort(sequence.order, [&](unsigned a, unsigned b) { return first[a] < first[b]; });
  return sequence;
}

Sequence tercet::schedule::fillGaps(const ScheduleModel &model, const std::vector<bool> &isFixed,
                                    llvm::ArrayRef<unsigned> modes, const Finishes &finishes) {
  ListScheduler list(model);
  for (unsigned task = 0; task < model.tasks; ++task)
    if (isFixed[task])
      list.fix(task, modes[task], &finishes[task * model.maxParts]);
  for (unsigned task = 0; task < model.tasks; ++task)
    if (!isFixed[task])
      list.place(task,
                 [](unsigned, unsigned, llvm::ArrayRef<int64_t> ends) { return latest(ends); });
  // A fixed task may be before what it waits for: then it moves back.
  Sequence byStart = sequenceOf(model, list.modes, list.finishes), result;
  result.modes = byStart.modes;
  std::vector<unsigned> rank(model.tasks), missing(model.tasks);
  for (unsigned i = 0; i < model.tasks; ++i)
    rank[byStart.order[i]] = i;
  std::set<unsigned> ready;
  for (unsigned task = 0; task < model.tasks; ++task)
    if ((missing[task] = model.preds(task).size()) == 0)
      ready.insert(rank[task]);
  while (!ready.empty()) {
    unsigned task = byStart.order[*ready.begin()];
    ready.erase(ready.begin());
    result.order.push_back(task);
    for (const ScheduleModel::Arc &arc : model.succs(task))
      if (--missing[arc.task] == 0)
        ready.insert(rank[arc.task]);
  }
  return result;
}

std::vector<Candidate> tercet::schedule::listSchedules(const ScheduleModel &model) {
  std::vector<Candidate> candidates;
  auto add = [&](const char *method, Sequence sequence) {
    Candidate candidate{method, std::move(sequence), {}, 0};
    candidate.makespan = runSequence(model, candidate.sequence, candidate.finishes);
    candidates.push_back(std::move(candidate));
  };
  // Run again: what a gap was left for may have become earlier meanwhile.
  auto addPlaced = [&](const char *method, const ListScheduler &list) {
    add(method, sequenceOf(model, list.modes, list.finishes));
  };
  Sequence program;
  program.modes.assign(model.tasks, 0);
  for (unsigned task = 0; task < model.tasks; ++task)
    program.order.push_back(task);
  add("input", program);
  for (unsigned engine = 0; engine < model.engines; ++engine) {
    Sequence single = program;
    bool all = true;
    for (unsigned task = 0; task < model.tasks && all; ++task) {
      int64_t least = never;
      for (auto [number, mode] : llvm::enumerate(model.modes(task))) {
        if (mode.parts.size() == 1 && mode.parts[0].engine == engine &&
            mode.parts[0].duration < least) {
          least = mode.parts[0].duration;
          single.modes[task] = number;
        }
      }
      all = least < never;
    }
    if (all)
      add("single-engine", std::move(single));
  }

  std::vector<int64_t> up = upwardRanks(model), down = downwardRanks(model);
  auto earliest = [](unsigned, unsigned, llvm::ArrayRef<int64_t> ends) { return latest(ends); };
  // The end of the schedule that the mode allows at best.
  auto optimistic = [&](unsigned task, unsigned mode, llvm::ArrayRef<int64_t> ends) {
    int64_t end = 0;
    for (auto [part, at] : llvm::zip(model.modes(task)[mode].parts, ends))
      end = std::max(end, at + model.tail(task, part.engine));
    return end;
  };
  {
    ListScheduler list(model);
    list.placeAll([&](unsigned task) { return -up[task]; }, earliest);
    addPlaced("heft", list);
  }
  {
    std::vector<int64_t> ranks(model.tasks, 0);
    for (unsigned task = 0; task < model.tasks; ++task)
      for (unsigned engine = 0; engine < model.engines; ++engine)
        ranks[task] += model.tail(task, engine);
    ListScheduler list(model);
    list.placeAll([&](unsigned task) { return -ranks[task]; }, optimistic);
    addPlaced("peft", list);
  }
  {
    ListScheduler list(model);
    list.placeAll([&](unsigned task) { return -up[task]; }, optimistic);
    addPlaced("heft-lookahead", list);
  }
  {
    // Where the engines are the bound, not the paths: a mode that takes more of
    // what is scarce has to end the earlier for it.
    std::vector<unsigned> all(program.order);
    Multipliers multipliers = loadMultipliers(model, all);
    for (int64_t weight : {2, 8}) {
      auto value = [&](unsigned task, unsigned mode, llvm::ArrayRef<int64_t> ends) {
        int64_t price = priceOf(model, model.modes(task)[mode], multipliers) / multiplierSum;
        return latest(ends) + weight * price;
      };
      ListScheduler list(model);
      list.placeAll([&](unsigned task) { return -up[task]; }, value);
      addPlaced("load-aware", list);
    }
  }
  {
    int64_t longest = 0;
    for (unsigned task = 0; task < model.tasks; ++task)
      longest = std::max(longest, up[task] + down[task]);
    std::vector<bool> critical(model.tasks);
    for (unsigned task = 0; task < model.tasks; ++task)
      critical[task] = up[task] + down[task] == longest;
    int engine = criticalEngine(model, critical);
    auto value = [&](unsigned task, unsigned mode, llvm::ArrayRef<int64_t> ends) {
      auto parts = model.modes(task)[mode].parts;
      bool elsewhere = parts.size() != 1 || static_cast<int>(parts[0].engine) != engine;
      if (engine >= 0 && critical[task] && elsewhere)
        return never - 1;
      return latest(ends);
    };
    ListScheduler list(model);
    list.placeAll([&](unsigned task) { return -(up[task] + down[task]); }, value);
    addPlaced("cpop", list);
  }
  {
    std::vector<unsigned> order = depthFirstOrder(model);
    std::vector<unsigned> place(model.tasks);
    for (unsigned i = 0; i < model.tasks; ++i)
      place[order[i]] = i;
    ListScheduler list(model);
    list.placeAll([&](unsigned task) { return place[task]; }, optimistic);
    addPlaced("depth-first", list);
  }
  {
    ListScheduler list(model);
    std::vector<unsigned> readers(model.tasks);
    // What stays alive after the task, of its result and its inputs.
    auto growth = [&](unsigned task) {
      int64_t bytes = model.succs(task).empty() ? 0 : model.problem.tasks[task].resultBytes;
      for (const ScheduleModel::Arc &arc : model.preds(task)) {
        bool others = llvm::any_of(model.succs(arc.task), [&](const ScheduleModel::Arc &reader) {
          return reader.task != task && !readers[reader.task];
        });
        if (!others)
          bytes -= model.problem.tasks[arc.task].resultBytes;
      }
      return std::pair(bytes, -up[task]);
    };
    auto value = [&](unsigned task, unsigned mode, llvm::ArrayRef<int64_t> ends) {
      readers[task] = 1;
      return optimistic(task, mode, ends);
    };
    list.placeAll(growth, value);
    addPlaced("memory-aware", list);
  }
  return candidates;
}
