// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which commands have completed when a command starts, in every execution: its
// predecessors in its queue, the signallers of the tokens that it waits for,
// and theirs. One vector clock a command: how far each queue is for certain.

#ifndef TERCET_COMPILER_CHECK_HAPPENSBEFORE_H
#define TERCET_COMPILER_CHECK_HAPPENSBEFORE_H

#include "compiler/check/Table.h"

namespace tercet::check {

class HappensBefore {
public:
  /// Waits must be for tokens of earlier commands (checkEntry).
  HappensBefore(const Table &table, const tercet_entry_record &entry);

  /// Whether `before` has always completed when `after` starts. Commands are
  /// counted within the entry. O(1).
  bool isOrdered(uint32_t before, uint32_t after) const {
    return clocks[uint64_t(after) * queues + queueOf[before]] > positions[before];
  }
  /// 0 to getQueueCount() - 1, in the order of their first commands.
  uint32_t getQueue(uint32_t command) const { return queueOf[command]; }
  uint32_t getQueueCount() const { return queues; }

private:
  uint32_t queues = 0;
  std::vector<uint32_t> queueOf;
  std::vector<uint32_t> positions; // of a command in its queue
  /// clocks[c * queues + q]: commands of q completed before c starts.
  std::vector<uint32_t> clocks;
};

} // namespace tercet::check

#endif // TERCET_COMPILER_CHECK_HAPPENSBEFORE_H
