// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which bytes a command reads and writes. A *space* is memory in which two
// offsets name the same byte exactly if they are equal: a pool, or a single
// buffer of an IO pool, which the application binds where it likes.

#ifndef TERCET_COMPILER_CHECK_ACCESSES_H
#define TERCET_COMPILER_CHECK_ACCESSES_H

#include "compiler/check/Table.h"

#include "llvm/ADT/SmallVector.h"

namespace tercet::check {

/// Bytes [begin, end) of a space, never empty, named through a buffer.
struct Range {
  uint32_t space = 0;
  uint64_t begin = 0, end = 0;
  uint32_t buffer = 0;
};

/// What one command does. Ranges of `reads` may overlap one another.
struct Accesses {
  llvm::SmallVector<Range, 8> reads;
  llvm::SmallVector<Range, 4> writes;
  /// Written too, with contents that nobody may read; at most one.
  llvm::SmallVector<Range, 1> scratch;
};

uint32_t spaceOf(const Table &table, uint32_t buffer);

/// [offset, offset + bytes) of the buffer in its space.
Range rangeOf(const Table &table, uint32_t buffer, uint64_t offset, uint64_t bytes);

/// How many workers the scratch of a command is for: those of its engine where
/// a driver runs it, else as many as any engine may have.
uint32_t scratchWorkers(const Table &table, const tercet_command_record &command);

/// The runs of a strided copy are ranges of their own; more of them than this
/// are not looked at one by one, and cannot be proven.
constexpr uint64_t kMaxRuns = 1 << 20;

/// False if the command is a copy of more than kMaxRuns runs. The command's own
/// rules (checkEntry) have been checked.
bool collectAccesses(const Table &table, const tercet_command_record &command, Accesses &accesses);

} // namespace tercet::check

#endif // TERCET_COMPILER_CHECK_ACCESSES_H
