// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which commands of an entry have completed before which others start, from
// the order within each queue and from tokens alone: never from predicted
// times. One clock for each command (Mattern, "Virtual Time and Global States
// of Distributed Systems", 1989) answers that in constant time.

#ifndef TERCET_PASSES_PLAN_HAPPENSBEFORE_H
#define TERCET_PASSES_PLAN_HAPPENSBEFORE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <vector>

namespace tercet::plan {

class HappensBefore {
public:
  explicit HappensBefore(unsigned queues = 1) : last(queues, -1) {}

  /// Appends a command to a queue, behind the commands whose tokens it waits
  /// for; returns its number. Commands are added in the order of the list.
  int64_t add(unsigned queue, llvm::ArrayRef<int64_t> waits);

  unsigned queues() const { return last.size(); }
  unsigned queueOf(int64_t command) const { return queueOfCommand[command]; }

  /// Whether `a` has completed before `b` starts, in every execution.
  bool isBefore(int64_t a, int64_t b) const {
    return a != b && clocks[b * last.size() + queueOfCommand[a]] >= a;
  }

private:
  llvm::SmallVector<int64_t> last;
  std::vector<unsigned> queueOfCommand;
  /// Of command c and queue q: the last command of q that is known to have
  /// completed when c starts, c itself for its own queue.
  std::vector<int64_t> clocks;
};

/// The commands that touch some bytes: of each queue the first and the last.
class Accesses {
public:
  explicit Accesses(unsigned queues = 1) : first(queues, -1), last(queues, -1) {}

  void add(const HappensBefore &order, int64_t command);
  void merge(const Accesses &other);
  bool empty() const;
  /// The range of command numbers, both included; {0, -1} without any.
  std::pair<int64_t, int64_t> span() const;
  llvm::SmallVector<unsigned> getQueues() const;
  /// Whether every access of this has completed before any of `other` starts.
  bool isBefore(const HappensBefore &order, const Accesses &other) const;
  /// The same for one command, which may be one of this itself.
  bool isBeforeOrIs(const HappensBefore &order, int64_t command) const;

private:
  llvm::SmallVector<int64_t, 2> first, last;
};

} // namespace tercet::plan

#endif // TERCET_PASSES_PLAN_HAPPENSBEFORE_H
