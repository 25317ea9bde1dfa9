// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Clocks are made in the order of the list, which every queue and every token
// follows, so that those of all predecessors are final.

#include "compiler/check/HappensBefore.h"

#include "llvm/ADT/DenseMap.h"

using namespace tercet;
using namespace tercet::check;

HappensBefore::HappensBefore(const Table &table, const tercet_entry_record &entry) {
  llvm::DenseMap<uint32_t, uint32_t> queueOfEngine;
  std::vector<uint32_t> lengths; // commands so far in each queue
  for (uint32_t c = 0; c < entry.command_count; ++c) {
    uint32_t engine = table.commands[entry.first_command + c].engine;
    uint32_t queue = queueOfEngine.try_emplace(engine, queueOfEngine.size()).first->second;
    lengths.resize(queueOfEngine.size());
    queueOf.push_back(queue);
    positions.push_back(lengths[queue]++);
  }
  queues = lengths.size();
  clocks.resize(uint64_t(entry.command_count) * queues);
  std::vector<uint32_t> signallers;
  std::vector<uint32_t> last(queues, TERCET_NONE); // command at the end of each queue so far
  for (uint32_t c = 0; c < entry.command_count; ++c) {
    const tercet_command_record &command = table.commands[entry.first_command + c];
    uint32_t *clock = &clocks[uint64_t(c) * queues];
    auto follow = [&](uint32_t before) {
      const uint32_t *other = &clocks[uint64_t(before) * queues];
      for (uint32_t q = 0; q < queues; ++q)
        clock[q] = std::max(clock[q], other[q]);
      uint32_t &own = clock[queueOf[before]];
      own = std::max(own, positions[before] + 1);
    };
    if (last[queueOf[c]] != TERCET_NONE)
      follow(last[queueOf[c]]);
    last[queueOf[c]] = c;
    for (uint32_t w = 0; w < command.wait_count; ++w) {
      uint32_t before = signallers[table.waits[command.first_wait + w]];
      if (!isOrdered(before, c))
        follow(before);
    }
    if (command.signal_token != TERCET_NONE)
      signallers.push_back(c);
  }
}
