// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Instances of the memory problem, and an oracle that finds the least arena by
// trying everything. Shares no code with the planner: bounds are recounted step
// by step, overlaps compared pair by pair.

#ifndef TERCET_TEST_UNIT_PLAN_MEMORYINSTANCES_H
#define TERCET_TEST_UNIT_PLAN_MEMORYINSTANCES_H

#include "passes/plan/MemoryProblem.h"

#include <algorithm>
#include <initializer_list>
#include <random>

namespace tercet::plan {

struct Lifetime {
  int64_t lower, upper, size;
};

inline MemoryProblem problemOf(std::initializer_list<Lifetime> buffers, int64_t alignment = 1) {
  MemoryProblem problem;
  problem.alignment = alignment;
  for (const Lifetime &buffer : buffers)
    problem.buffers.push_back(
        {static_cast<int64_t>(problem.buffers.size()), buffer.lower, buffer.upper, buffer.size});
  return problem;
}

/// Up to `count` buffers over `steps` steps, sizes up to `size`.
inline MemoryProblem randomProblem(std::mt19937 &random, int64_t count, int64_t steps,
                                   int64_t size) {
  MemoryProblem problem;
  for (int64_t i = 0; i < count; ++i) {
    int64_t lower = random() % steps;
    int64_t upper = lower + 1 + random() % (steps - lower);
    problem.buffers.push_back({i, lower, upper, static_cast<int64_t>(1 + random() % size)});
  }
  return problem;
}

/// The greatest sum of sizes at any step, by adding up at every step.
inline int64_t naiveBound(const MemoryProblem &problem) {
  int64_t bound = 0;
  for (const MemoryBuffer &at : problem.buffers) {
    int64_t live = 0;
    for (const MemoryBuffer &other : problem.buffers)
      if (other.lower <= at.lower && at.lower < other.upper)
        live += (other.size + problem.alignment - 1) / problem.alignment * problem.alignment;
    bound = std::max(bound, live);
  }
  return bound;
}

/// Whether an arena of `capacity` is enough. Every plan can be pushed down until
/// each buffer lies at 0 or on another one, so placing buffers by ascending
/// offset, each at 0 or at the end of one placed before, misses none.
class Oracle {
public:
  Oracle(const MemoryProblem &problem, int64_t capacity)
      : problem(problem), capacity(capacity), offsets(problem.buffers.size(), -1) {}

  bool fits() { return place(0, 0); }

private:
  bool place(size_t placed, int64_t floor) {
    if (placed == offsets.size())
      return true;
    for (size_t i = 0; i < offsets.size(); ++i) {
      if (offsets[i] >= 0)
        continue;
      // The least offset that is free above the buffers placed before.
      int64_t lowest = 0;
      for (size_t j = 0; j < offsets.size(); ++j)
        if (offsets[j] >= 0 && together(i, j))
          lowest = std::max(lowest, offsets[j] + problem.buffers[j].size);
      if (lowest < floor || lowest + problem.buffers[i].size > capacity)
        continue;
      offsets[i] = lowest;
      if (place(placed + 1, lowest))
        return true;
      offsets[i] = -1;
    }
    return false;
  }

  bool together(size_t i, size_t j) const {
    const MemoryBuffer &a = problem.buffers[i], &b = problem.buffers[j];
    return a.lower < b.upper && b.lower < a.upper;
  }

  const MemoryProblem &problem;
  int64_t capacity;
  std::vector<int64_t> offsets;
};

/// The least arena. For at most about ten buffers.
inline int64_t leastArena(const MemoryProblem &problem) {
  int64_t capacity = naiveBound(problem);
  while (!Oracle(problem, capacity).fits())
    ++capacity;
  return capacity;
}

/// Two instances whose least arena is above the bound, found by filling arenas
/// at random: 7 and 8, 9 and 10.
inline MemoryProblem firstHardInstance() {
  return problemOf({{8, 9, 1},
                    {5, 8, 3},
                    {4, 7, 2},
                    {4, 7, 2},
                    {2, 5, 1},
                    {8, 10, 3},
                    {7, 10, 3},
                    {1, 3, 2},
                    {2, 4, 3},
                    {1, 5, 1},
                    {0, 2, 4},
                    {3, 4, 1},
                    {9, 10, 1},
                    {0, 1, 3}});
}
inline MemoryProblem secondHardInstance() {
  return problemOf({{6, 9, 4},
                    {4, 7, 3},
                    {2, 6, 2},
                    {7, 9, 4},
                    {0, 5, 4},
                    {0, 2, 4},
                    {5, 7, 2},
                    {1, 2, 1},
                    {8, 9, 1},
                    {5, 6, 1},
                    {2, 4, 2},
                    {5, 6, 1},
                    {3, 4, 1},
                    {7, 8, 1}});
}

} // namespace tercet::plan

#endif // TERCET_TEST_UNIT_PLAN_MEMORYINSTANCES_H
