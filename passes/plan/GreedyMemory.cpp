// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Greedy placement: buffers go, one after another, into a gap between those
// placed before that live at the same time. The order decides the quality, so
// several are tried, and the best is improved by exchanging places in it.

#include "passes/plan/MemoryProblem.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace tercet::plan;

MemoryPlan tercet::plan::placeInOrder(const MemoryProblem &problem, llvm::ArrayRef<unsigned> order,
                                      Fit fit) {
  MemoryPlan plan;
  plan.offsets.assign(problem.buffers.size(), -1);
  plan.lowerBound = problem.lowerBound();
  llvm::SmallVector<std::pair<int64_t, int64_t>> occupied;
  for (unsigned index : order) {
    const MemoryBuffer &buffer = problem.buffers[index];
    int64_t size = llvm::alignTo(buffer.size, problem.alignment);
    occupied.clear();
    for (unsigned other = 0; other < problem.buffers.size(); ++other) {
      const MemoryBuffer &placed = problem.buffers[other];
      if (plan.offsets[other] >= 0 && placed.lower < buffer.upper && buffer.lower < placed.upper)
        occupied.push_back(
            {plan.offsets[other], plan.offsets[other] + static_cast<int64_t>(llvm::alignTo(
                                                            placed.size, problem.alignment))});
    }
    llvm::sort(occupied);
    int64_t end = 0, chosen = -1, smallest = std::numeric_limits<int64_t>::max();
    for (auto [from, to] : occupied) {
      int64_t gap = from - end;
      if (gap >= size && gap < smallest && (fit == Fit::Best || chosen < 0)) {
        chosen = end;
        smallest = gap;
      }
      end = std::max(end, to);
    }
    plan.offsets[index] = chosen < 0 ? end : chosen;
    plan.peak = std::max(plan.peak, plan.offsets[index] + size);
  }
  return plan;
}

namespace {

using Order = llvm::SmallVector<unsigned>;

template <typename Key> Order sortedBy(const MemoryProblem &problem, Key key) {
  Order order = llvm::to_vector_of<unsigned>(llvm::seq<size_t>(0, problem.buffers.size()));
  llvm::stable_sort(order, [&](unsigned a, unsigned b) {
    return key(problem.buffers[a]) > key(problem.buffers[b]);
  });
  return order;
}

/// A small generator of fixed seed; the sequence is part of the algorithm.
struct Random {
  uint64_t state = 0x9E3779B97F4A7C15ull;
  uint64_t below(uint64_t bound) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % bound;
  }
};

} // namespace

MemoryPlan tercet::plan::solveMemory(const MemoryProblem &problem) {
  struct Candidate {
    const char *name;
    Order order;
  };
  Candidate candidates[] = {
      {"greedy-by-size", sortedBy(problem, [](const MemoryBuffer &b) { return b.size; })},
      {"greedy-by-area",
       sortedBy(problem, [](const MemoryBuffer &b) { return b.size * (b.upper - b.lower); })},
      {"greedy-by-duration",
       sortedBy(problem, [](const MemoryBuffer &b) { return b.upper - b.lower; })},
      {"greedy-by-start", sortedBy(problem, [](const MemoryBuffer &b) { return -b.lower; })},
      {"greedy-by-end", sortedBy(problem, [](const MemoryBuffer &b) { return b.upper; })}};

  MemoryPlan best;
  best.peak = std::numeric_limits<int64_t>::max();
  Order bestOrder;
  Fit bestFit = Fit::First;
  for (const Candidate &candidate : candidates)
    for (Fit fit : {Fit::First, Fit::Best}) {
      MemoryPlan plan = placeInOrder(problem, candidate.order, fit);
      if (plan.peak >= best.peak)
        continue;
      best = std::move(plan);
      best.method = std::string(candidate.name) + (fit == Fit::First ? "-first-fit" : "-best-fit");
      bestOrder = candidate.order;
      bestFit = fit;
    }
  if (problem.buffers.empty()) {
    best.peak = 0;
    best.method = "empty";
    return best;
  }

  // Exchange two places, keep what is no worse. The budget shrinks with the
  // square of the size, as one placement costs that much.
  Random random;
  int64_t count = problem.buffers.size();
  int64_t budget = std::min<int64_t>(2000, 20000000 / (count * count + 1));
  for (int64_t step = 0; step < budget && !best.isOptimal() && count > 1; ++step) {
    Order order = bestOrder;
    std::swap(order[random.below(count)], order[random.below(count)]);
    MemoryPlan plan = placeInOrder(problem, order, bestFit);
    if (plan.peak > best.peak)
      continue;
    if (plan.peak < best.peak)
      plan.method = "exchange";
    else
      plan.method = best.method;
    best = std::move(plan);
    bestOrder = std::move(order);
  }
  return best;
}
