// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Clocks of commands and what follows from them for memory.

#include "passes/plan/HappensBefore.h"

#include "llvm/ADT/STLExtras.h"

#include <limits>

using namespace tercet::plan;

int64_t HappensBefore::add(unsigned queue, llvm::ArrayRef<int64_t> waits) {
  int64_t command = queueOfCommand.size();
  size_t queues = last.size(), at = clocks.size();
  clocks.resize(at + queues, -1);
  auto join = [&](int64_t earlier) {
    for (size_t q = 0; q < queues; ++q)
      clocks[at + q] = std::max(clocks[at + q], clocks[earlier * queues + q]);
  };
  if (last[queue] >= 0)
    join(last[queue]);
  for (int64_t wait : waits)
    join(wait);
  clocks[at + queue] = command;
  queueOfCommand.push_back(queue);
  last[queue] = command;
  return command;
}

void Accesses::add(const HappensBefore &order, int64_t command) {
  unsigned queue = order.queueOf(command);
  if (first[queue] < 0)
    first[queue] = last[queue] = command;
  first[queue] = std::min(first[queue], command);
  last[queue] = std::max(last[queue], command);
}

void Accesses::merge(const Accesses &other) {
  for (size_t queue = 0; queue < first.size(); ++queue) {
    if (other.first[queue] < 0)
      continue;
    first[queue] =
        first[queue] < 0 ? other.first[queue] : std::min(first[queue], other.first[queue]);
    last[queue] = std::max(last[queue], other.last[queue]);
  }
}

bool Accesses::empty() const {
  return llvm::all_of(first, [](int64_t command) { return command < 0; });
}

llvm::SmallVector<unsigned> Accesses::getQueues() const {
  llvm::SmallVector<unsigned> queues;
  for (unsigned queue = 0; queue < first.size(); ++queue)
    if (first[queue] >= 0)
      queues.push_back(queue);
  return queues;
}

std::pair<int64_t, int64_t> Accesses::span() const {
  if (empty())
    return {0, -1};
  int64_t begin = std::numeric_limits<int64_t>::max(), end = -1;
  for (size_t queue = 0; queue < first.size(); ++queue) {
    if (first[queue] >= 0)
      begin = std::min(begin, first[queue]);
    end = std::max(end, last[queue]);
  }
  return {begin, end};
}

bool Accesses::isBefore(const HappensBefore &order, const Accesses &other) const {
  for (int64_t mine : last)
    for (int64_t theirs : other.first)
      if (mine >= 0 && theirs >= 0 && !order.isBefore(mine, theirs))
        return false;
  return true;
}

bool Accesses::isBeforeOrIs(const HappensBefore &order, int64_t command) const {
  return llvm::all_of(last, [&](int64_t mine) {
    return mine < 0 || mine == command || order.isBefore(mine, command);
  });
}
