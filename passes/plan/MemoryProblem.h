// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Placing buffers in one arena: buffers with half-open lifetimes and sizes,
// offsets wanted such that buffers which live at the same time do not overlap
// and the arena is small. Knows nothing of MLIR.

#ifndef TERCET_PASSES_PLAN_MEMORYPROBLEM_H
#define TERCET_PASSES_PLAN_MEMORYPROBLEM_H

#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace tercet::plan {

/// Live from `lower` to just before `upper`; `size` in bytes.
struct MemoryBuffer {
  int64_t id = 0;
  int64_t lower = 0;
  int64_t upper = 0;
  int64_t size = 0;
};

struct MemoryProblem {
  llvm::SmallVector<MemoryBuffer> buffers;
  std::vector<llvm::BitVector> precedes;
  /// Offsets are multiples of it; sizes are rounded up to it.
  int64_t alignment = 1;

  /// An error if a lifetime is empty, a size negative, or the sum overflows.
  llvm::Error check() const;
  /// The greatest number of bytes live at once, which no plan can go below.
  int64_t lowerBound() const;
};

struct MemoryPlan {
  /// Offset of each buffer, in the order of the problem.
  llvm::SmallVector<int64_t> offsets;
  /// Bytes of the arena.
  int64_t peak = 0;
  int64_t lowerBound = 0;
  /// Which algorithm found it.
  std::string method;

  bool isOptimal() const { return peak == lowerBound; }
  /// An error if buffers that live together overlap, an offset is not aligned,
  /// or the peak is not what the offsets say. Compares all pairs.
  llvm::Error verify(const MemoryProblem &problem) const;
};

/// The best plan that the portfolio finds: greedy orders, then a local search
/// with a fixed budget while there is a gap. Deterministic.
MemoryPlan solveMemory(const MemoryProblem &problem);

/// How greedy placement chooses among the gaps that a buffer fits in.
enum class Fit { First, Best };

/// Places the buffers one after another in the given order.
MemoryPlan placeInOrder(const MemoryProblem &problem, llvm::ArrayRef<unsigned> order, Fit fit);

} // namespace tercet::plan

#endif // TERCET_PASSES_PLAN_MEMORYPROBLEM_H
