// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The independent checker: proves from an artifact's table alone that its plan
// is right. It shares nothing with the planners, with emit or with the runtime
// but abi.h, so that a fault in one of them does not hide here as well. What is
// proven, and what a table cannot show, is in docs/checker.md. Invariant: any
// bytes at all may be handed in; the result is an error, never a crash.

#ifndef TERCET_COMPILER_CHECK_CHECK_H
#define TERCET_COMPILER_CHECK_CHECK_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace tercet::check {

/// What was proven of one entry point.
struct EntryStatistics {
  std::string name;
  uint32_t commands = 0;
  /// Engines with at least one command.
  uint32_t queues = 0;
  uint32_t tokens = 0;
  uint32_t waits = 0;
  /// Buffers that the commands name.
  uint32_t buffers = 0;
  /// Pairs of commands with a conflict over bytes that were found to be
  /// ordered. A pair that follows from two others is not looked at again.
  uint64_t orderedPairs = 0;
  /// Sums over commands, in bytes; scratch is not counted.
  uint64_t bytesRead = 0;
  uint64_t bytesWritten = 0;
};

struct CheckStatistics {
  std::vector<EntryStatistics> entries;
};

/// Most problems that one check lists.
constexpr unsigned kMaxProblems = 20;

/// Checks the table that starts at the first byte of `table` (it need not be
/// aligned; bytes behind its end are ignored). Success means proven. Otherwise
/// the error holds one plain error for each problem (ErrorList), at most
/// kMaxProblems and a line that counts the rest. `statistics` may be null; it
/// is filled for the entries that were looked at.
llvm::Error checkTable(llvm::StringRef table, CheckStatistics *statistics = nullptr);

} // namespace tercet::check

#endif // TERCET_COMPILER_CHECK_CHECK_H
