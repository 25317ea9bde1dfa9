// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a planned module keeps in its arenas and when, read from its commands
// alone: what is live at the peak, what TFLite's greedy-by-size would take for
// the same buffers, and what an arena for each engine would. Values computed in
// place count as one allocation, as they do for the planner.

#ifndef TERCET_COMPILER_REPORT_PLANNEDMEMORY_H
#define TERCET_COMPILER_REPORT_PLANNEDMEMORY_H

#include "dialects/cmd/Cmd.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"

#include <string>
#include <vector>

namespace tercet::report {

/// Buffers that share bytes in place, and all that the commands do to them.
struct PlannedAllocation {
  cmd::EntryOp entry;
  cmd::PoolOp pool;
  /// The buffer that is written first, and those computed in its place.
  llvm::SmallVector<cmd::BufferOp, 2> buffers;
  int64_t offset = 0, bytes = 0;
  /// First and last command that touches it, as numbers within the entry.
  int64_t first = 0, last = 0;
  /// The engine that writes it first.
  std::string engine;
  bool isScratch = false;

  /// Source nodes of what it holds first.
  llvm::SmallVector<llvm::StringRef> getNodes() const;
};

struct PlannedArena {
  cmd::PoolOp pool;
  /// The entry that needs most of it, what is live when it does, as indices of
  /// the allocations, the largest first, and the sum of their bytes, which no
  /// plan of that entry's commands can go below.
  cmd::EntryOp peakEntry;
  llvm::SmallVector<unsigned> livePeak;
  int64_t peakBytes = 0;
  /// Bytes by TFLite's greedy-by-size with the same buffers shared in place.
  int64_t greedyBySizeBytes = 0;
  struct Separate {
    llvm::StringRef engine;
    int64_t bytes;
  };
  /// With several engines: the arenas that each would take by itself for what
  /// it writes, by greedy-by-size. Empty with one.
  llvm::SmallVector<Separate> separateArenas;

  int64_t getSeparateBytes() const;
};

struct PlannedMemory {
  /// By entry, then by the command that writes them first.
  std::vector<PlannedAllocation> allocations;
  std::vector<PlannedArena> arenas;
};

PlannedMemory getPlannedMemory(mlir::ModuleOp planned);

} // namespace tercet::report

#endif // TERCET_COMPILER_REPORT_PLANNEDMEMORY_H
