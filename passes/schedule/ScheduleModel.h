// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The problem laid out for the algorithms (flat arrays, edges by task, tails),
// and what the algorithms exchange: orders with modes, and times of parts.
// Internal to the solver.

#ifndef TERCET_PASSES_SCHEDULE_SCHEDULEMODEL_H
#define TERCET_PASSES_SCHEDULE_SCHEDULEMODEL_H

#include "passes/schedule/ScheduleProblem.h"

namespace tercet::schedule {

/// Later than any time, and far enough from overflow to add times to it.
constexpr int64_t never = int64_t(1) << 60;

class ScheduleModel {
public:
  struct Part {
    unsigned engine;
    int64_t duration;
  };
  struct Mode {
    llvm::ArrayRef<Part> parts;
    int64_t share;
  };
  /// The other task of an edge. `lag[p * engines + q]` is from p to q.
  struct Arc {
    unsigned task;
    const int64_t *lag;
    int64_t bytes;
  };

  /// `problem` must outlive the model.
  explicit ScheduleModel(const ScheduleProblem &problem);
  // Modes refer to `partStorage`.
  ScheduleModel(const ScheduleModel &) = delete;

  const ScheduleProblem &problem;
  const unsigned engines;
  const unsigned tasks;
  /// The greatest number of parts of a mode.
  unsigned maxParts = 1;
  /// Some part takes a share of the bandwidth.
  bool limited = false;

  llvm::ArrayRef<Mode> modes(unsigned task) const {
    return llvm::ArrayRef(modeStorage)
        .slice(modeBegin[task], modeBegin[task + 1] - modeBegin[task]);
  }
  llvm::ArrayRef<Arc> preds(unsigned task) const {
    return llvm::ArrayRef(predStorage)
        .slice(predBegin[task], predBegin[task + 1] - predBegin[task]);
  }
  llvm::ArrayRef<Arc> succs(unsigned task) const {
    return llvm::ArrayRef(succStorage)
        .slice(succBegin[task], succBegin[task + 1] - succBegin[task]);
  }
  /// At least this much time passes between the end of a part of `task` on
  /// `engine` and the end of the schedule.
  int64_t tail(unsigned task, unsigned engine) const { return tails[task * engines + engine]; }
  int64_t lag(const Arc &arc, unsigned from, unsigned to) const {
    return arc.lag[from * engines + to];
  }

private:
  std::vector<Part> partStorage;
  std::vector<Mode> modeStorage;
  std::vector<unsigned> modeBegin, predBegin, succBegin;
  std::vector<Arc> predStorage, succStorage;
  std::vector<int64_t> noLags, tails;
};

/// Tasks in a topological order, with a mode each (by task).
struct Sequence {
  std::vector<unsigned> order;
  std::vector<unsigned> modes;
};

/// The end of each part, at [task * maxParts + part].
using Finishes = std::vector<int64_t>;

/// The sum of shares over time: a list of steps.
class BandwidthProfile {
public:
  void clear() { steps.assign(1, {0, 0}); }
  BandwidthProfile() { clear(); }
  /// The first time from `from` on at which `share` is free for `duration`.
  int64_t earliest(int64_t from, int64_t duration, int64_t share) const;
  void add(int64_t start, int64_t duration, int64_t share);

private:
  struct Step {
    int64_t time, level;
  };
  std::vector<Step> steps;
};

/// Runs the sequence: each part starts when its inputs are there, its engine
/// has done the parts before it, and the bandwidth suffices. Returns the
/// makespan, or `never` once it is certain to be above `limit`.
int64_t runSequence(const ScheduleModel &model, const Sequence &sequence, Finishes &finishes,
                    int64_t limit = never);

/// A plan (without bounds) from modes and finishes.
SchedulePlan planOf(const ScheduleModel &model, llvm::ArrayRef<unsigned> modes,
                    const Finishes &finishes);

/// Tasks that are comparable to all others: whatever precedes one is done when
/// it starts, and what follows starts when it is done. Ascending.
std::vector<unsigned> cutTasks(const ScheduleModel &model);

/// Results first, producers of the larger inputs before those of the smaller.
std::vector<unsigned> depthFirstOrder(const ScheduleModel &model);

/// A small generator of fixed seed; the sequence is part of the algorithms.
struct Random {
  uint64_t state;
  uint64_t next() {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
  }
  uint64_t below(uint64_t bound) { return next() % bound; }
};

} // namespace tercet::schedule

#endif // TERCET_PASSES_SCHEDULE_SCHEDULEMODEL_H
