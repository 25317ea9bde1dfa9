// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Placing buffers in one arena: which of them may share bytes is known, offsets
// are wanted such that no others overlap and the arena is small. Two buffers may
// share bytes if their lifetimes do not meet or, where there are several queues,
// if one is dead before the other is born whatever the timing. Knows nothing of
// MLIR.

#ifndef TERCET_PASSES_PLAN_MEMORYPROBLEM_H
#define TERCET_PASSES_PLAN_MEMORYPROBLEM_H

#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tercet::plan {

/// Live from `lower` to just before `upper`; `size` in bytes.
struct MemoryBuffer {
  int64_t id = 0;
  int64_t lower = 0;
  int64_t upper = 0;
  int64_t size = 0;
  /// Where it has to be, in bytes, if that is given.
  std::optional<int64_t> offset = std::nullopt;
};

/// A number of bytes that no plan can go below, and why.
struct MemoryBound {
  int64_t bytes = 0;
  /// Indices of buffers that all live together and take that many bytes, or of
  /// the one buffer whose given offset reaches so far. The largest first.
  llvm::SmallVector<unsigned> witness;
};

struct MemoryProblem {
  llvm::SmallVector<MemoryBuffer> buffers;
  /// Offsets are multiples of it; sizes are rounded up to it.
  int64_t alignment = 1;
  /// If set, bit b of row a says that every access of buffer a happens before
  /// the definition of buffer b: a strict partial order, transitively closed.
  /// Lifetimes then do not count; they may be absent (0, 0), and otherwise only
  /// guide the search.
  std::vector<llvm::BitVector> precedes = {};
  /// If set, bytes that the arena has. The search is content with any plan
  /// within it.
  std::optional<int64_t> capacity = std::nullopt;

  /// An error if a lifetime is empty, a size or the capacity negative, the order
  /// none, given offsets misaligned or in conflict, or if the sum overflows.
  llvm::Error check() const;
  /// Whether the buffers must not share bytes.
  bool conflict(unsigned a, unsigned b) const;
  /// The greatest number of bytes live at once. A sweep over lifetimes or, with
  /// `precedes`, an antichain of the greatest weight.
  MemoryBound findBound() const;
  int64_t lowerBound() const { return findBound().bytes; }
};

enum class PlanStatus {
  /// No plan is smaller.
  Optimal,
  /// A smaller plan was neither found nor refuted.
  Gap
};

struct MemoryPlan {
  /// Offset of each buffer, in the order of the problem.
  llvm::SmallVector<int64_t> offsets;
  /// Bytes of the arena.
  int64_t peak = 0;
  /// The problem's lower bound.
  int64_t lowerBound = 0;
  /// The least peak that search has not refuted, if that is above the bound.
  int64_t refutedBelow = 0;
  /// Which algorithm found it.
  std::string method;
  /// Nodes of the search.
  int64_t nodes = 0;

  /// The greater of the two bounds.
  int64_t provenBound() const { return std::max(lowerBound, refutedBelow); }
  PlanStatus status() const {
    return peak <= provenBound() ? PlanStatus::Optimal : PlanStatus::Gap;
  }
  bool isOptimal() const { return status() == PlanStatus::Optimal; }
  /// An error if buffers that live together overlap, an offset is not aligned or
  /// not the one that was given, the peak is not what the offsets say, or is
  /// above the capacity. Compares all pairs; shares no code with the solvers.
  llvm::Error verify(const MemoryProblem &problem) const;
};

/// How much to search. Steps are buffers looked at, about 1.5 ns each, so that
/// the result depends on neither clock nor machine.
struct MemoryBudget {
  int64_t steps = 0;
  /// Of the orders that are tried after the given ones.
  uint64_t seed = 0x9E3779B97F4A7C15ull;

  /// For every pool of every compilation: some 30 ms up to 500 buffers. One
  /// try takes steps by the square of their number, so that beyond a fixed
  /// budget would not pay for a single one: 0.3 s at 800, and 1.5 s at most.
  static MemoryBudget forCompiler(size_t buffers) {
    int64_t scale = buffers <= 500 ? 1 : std::min<int64_t>(buffers * buffers / (250 * 250), 50);
    return {20'000'000 * scale};
  }
  /// Some 10 s, for tercet-plan.
  static MemoryBudget forTool() { return {6'000'000'000}; }
};

/// The best plan that greedy orders and then exact search find within the
/// budget. The problem has passed `check`. Deterministic.
MemoryPlan solveMemory(const MemoryProblem &problem, const MemoryBudget &budget);

/// The same with a compiler's budget.
inline MemoryPlan solveMemory(const MemoryProblem &problem) {
  return solveMemory(problem, MemoryBudget::forCompiler(problem.buffers.size()));
}

/// How greedy placement chooses among the gaps that a buffer fits in.
enum class Fit { First, Best };

/// Places the buffers one after another in the given order, after those whose
/// offset is given.
MemoryPlan placeInOrder(const MemoryProblem &problem, llvm::ArrayRef<unsigned> order, Fit fit);

/// The plan of TFLite's greedy-by-size: the largest buffer first, each into the
/// tightest gap (arXiv 2001.03288, section 5.2).
MemoryPlan placeBySize(const MemoryProblem &problem);

/// The best of the greedy orders.
MemoryPlan placeGreedily(const MemoryProblem &problem);

} // namespace tercet::plan

#endif // TERCET_PASSES_PLAN_MEMORYPROBLEM_H
