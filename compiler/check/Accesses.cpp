// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operands, scratch of all workers, and the runs of strided copies, of which
// each side is exact: bytes between two runs are not touched.

#include "compiler/check/Accesses.h"

using namespace tercet;
using namespace tercet::check;

uint32_t check::spaceOf(const Table &table, uint32_t buffer) {
  return table.poolKind(buffer) == TERCET_POOL_IO ? table.pools.size() + buffer
                                                  : table.buffers[buffer].pool;
}

Range check::rangeOf(const Table &table, uint32_t buffer, uint64_t offset, uint64_t bytes) {
  uint64_t base = table.poolKind(buffer) == TERCET_POOL_IO ? 0 : table.buffers[buffer].offset;
  return {spaceOf(table, buffer), base + offset, base + offset + bytes, buffer};
}

uint32_t check::scratchWorkers(const Table &table, const tercet_command_record &command) {
  uint32_t most = table.limits[0].max_workers, own = table.engines[command.engine].workers;
  return command.opcode == TERCET_COMMAND_SUBMIT && own ? std::min(most, own) : most;
}

/// Appends the runs of one side of a copy; neighbours become one range.
static bool addRuns(const tercet_copy_record &copy, const uint64_t stride[2], const Range &whole,
                    llvm::SmallVectorImpl<Range> &ranges) {
  uint64_t bytes = copy.run_bytes, outer = copy.count[0], inner = copy.count[1];
  if (inner == 1 || stride[1] == 0) {
    inner = 1;
  } else if (stride[1] == bytes) {
    bytes *= inner;
    inner = 1;
  }
  if (outer == 1 || stride[0] == 0) {
    outer = 1;
  } else if (inner == 1 && stride[0] == bytes) {
    bytes *= outer;
    outer = 1;
  }
  if (outer * inner > kMaxRuns)
    return false;
  for (uint64_t i = 0; i < outer; ++i)
    for (uint64_t j = 0; j < inner; ++j) {
      uint64_t begin = whole.begin + i * stride[0] + j * stride[1];
      ranges.push_back({whole.space, begin, begin + bytes, whole.buffer});
    }
  return true;
}

bool check::collectAccesses(const Table &table, const tercet_command_record &command,
                            Accesses &accesses) {
  accesses.reads.clear();
  accesses.writes.clear();
  accesses.scratch.clear();
  auto operandRange = [&](uint32_t i) {
    const tercet_operand_record &operand = table.operands[command.first_operand + i];
    return rangeOf(table, operand.buffer, operand.offset, operand.bytes);
  };
  if (command.opcode == TERCET_COMMAND_COPY && command.target != TERCET_NONE) {
    const tercet_copy_record &copy = table.copies[command.target];
    return addRuns(copy, copy.source_stride, operandRange(0), accesses.reads) &&
           addRuns(copy, copy.destination_stride, operandRange(1), accesses.writes);
  }
  for (uint32_t i = 0; i < command.operand_count; ++i) {
    Range range = operandRange(i);
    if (range.begin == range.end)
      continue;
    uint32_t access = table.operands[command.first_operand + i].access;
    if (access & TERCET_ACCESS_READ)
      accesses.reads.push_back(range);
    if (access & TERCET_ACCESS_WRITE)
      accesses.writes.push_back(range);
  }
  if (command.scratch_buffer != TERCET_NONE && command.scratch_stride)
    accesses.scratch.push_back(rangeOf(table, command.scratch_buffer, 0,
                                       command.scratch_stride * scratchWorkers(table, command)));
  return true;
}
