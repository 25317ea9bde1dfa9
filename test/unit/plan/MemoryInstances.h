// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Instances of the memory problem, and oracles that find the least arena by
// trying everything. They share no code with the planner: bounds are recounted
// step by step or subset by subset, overlaps compared pair by pair.

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

/// A partial order on up to `count` buffers: some of the edges that go forward
/// in a random order, and what follows from them.
inline MemoryProblem randomOrderProblem(std::mt19937 &random, size_t count, unsigned percent,
                                        int64_t size) {
  MemoryProblem problem;
  for (size_t i = 0; i < count; ++i)
    problem.buffers.push_back(
        {static_cast<int64_t>(i), 0, 0, static_cast<int64_t>(1 + random() % size)});
  std::vector<unsigned> order(count);
  for (unsigned i = 0; i < count; ++i)
    order[i] = i;
  std::shuffle(order.begin(), order.end(), random);
  problem.precedes.assign(count, llvm::BitVector(count));
  for (size_t i = 0; i < count; ++i)
    for (size_t j = i + 1; j < count; ++j)
      if (random() % 100 < percent)
        problem.precedes[order[i]].set(order[j]);
  for (size_t via = 0; via < count; ++via)
    for (size_t from = 0; from < count; ++from)
      for (size_t to = 0; to < count; ++to)
        if (problem.precedes[from][via] && problem.precedes[via][to])
          problem.precedes[from].set(to);
  return problem;
}

/// The order that lifetimes state.
inline MemoryProblem asPartialOrder(const MemoryProblem &problem) {
  MemoryProblem result = problem;
  size_t count = problem.buffers.size();
  result.precedes.assign(count, llvm::BitVector(count));
  for (size_t a = 0; a < count; ++a)
    for (size_t b = 0; b < count; ++b)
      if (problem.buffers[a].upper <= problem.buffers[b].lower)
        result.precedes[a].set(b);
  for (MemoryBuffer &buffer : result.buffers)
    buffer.lower = buffer.upper = 0;
  return result;
}

/// The same problem as a partial order that no lifetimes state: two chains of
/// two, which nothing else meets, follow all the rest.
inline MemoryProblem asGeneralOrder(const MemoryProblem &problem) {
  MemoryProblem result = asPartialOrder(problem);
  size_t count = problem.buffers.size();
  for (llvm::BitVector &after : result.precedes) {
    after.resize(count + 4);
    after.set(count, count + 4);
  }
  for (size_t i = 0; i < 4; ++i) {
    result.buffers.push_back({static_cast<int64_t>(1000 + i), 0, 0, 1});
    result.precedes.emplace_back(count + 4);
  }
  result.precedes[count].set(count + 1);
  result.precedes[count + 2].set(count + 3);
  return result;
}

inline bool liveTogether(const MemoryProblem &problem, size_t i, size_t j) {
  if (!problem.precedes.empty())
    return !problem.precedes[i][j] && !problem.precedes[j][i];
  const MemoryBuffer &a = problem.buffers[i], &b = problem.buffers[j];
  return std::max(a.lower, b.lower) < std::min(a.upper, b.upper);
}

/// The greatest sum of sizes of buffers that all live together, over all
/// subsets. For at most about fifteen buffers.
inline int64_t enumeratedBound(const MemoryProblem &problem) {
  size_t count = problem.buffers.size();
  int64_t most = 0;
  for (uint32_t subset = 0; subset < (1u << count); ++subset) {
    int64_t sum = 0;
    bool together = true;
    for (size_t i = 0; i < count && together; ++i) {
      if (!(subset >> i & 1))
        continue;
      sum += problem.buffers[i].size;
      for (size_t j = 0; j < i; ++j)
        together &= !(subset >> j & 1) || liveTogether(problem, i, j);
    }
    if (together)
      most = std::max(most, sum);
  }
  return most;
}

/// Whether an arena of `capacity` is enough. Every plan can be pushed down until
/// each buffer lies at 0 or on another one, so placing buffers by ascending
/// offset and number, each at 0 or at the end of one placed before, misses none.
class Oracle {
public:
  Oracle(const MemoryProblem &problem, int64_t capacity)
      : problem(problem), capacity(capacity), offsets(problem.buffers.size(), -1) {}

  bool fits() { return place(0, 0, -1); }

private:
  bool place(size_t placed, int64_t floor, int64_t last) {
    if (placed == offsets.size())
      return true;
    for (int64_t i = 0, count = offsets.size(); i < count; ++i) {
      if (offsets[i] >= 0)
        continue;
      // The least offset that is free above the buffers placed before.
      int64_t lowest = 0;
      for (size_t j = 0; j < offsets.size(); ++j)
        if (offsets[j] >= 0 && liveTogether(problem, i, j))
          lowest = std::max(lowest, offsets[j] + problem.buffers[j].size);
      if (lowest < floor || (lowest == floor && i < last) ||
          lowest + problem.buffers[i].size > capacity)
        continue;
      offsets[i] = lowest;
      if (place(placed + 1, lowest, i))
        return true;
      offsets[i] = -1;
    }
    return false;
  }

  const MemoryProblem &problem;
  int64_t capacity;
  std::vector<int64_t> offsets;
};

/// Whether an arena of `capacity` is enough, by trying every offset of every
/// buffer. For about six buffers in an arena of a dozen bytes.
class OffsetOracle {
public:
  OffsetOracle(const MemoryProblem &problem, int64_t capacity)
      : problem(problem), capacity(capacity) {}

  bool fits() {
    size_t i = offsets.size();
    if (i == problem.buffers.size())
      return true;
    const MemoryBuffer &buffer = problem.buffers[i];
    for (int64_t at = 0; at + buffer.size <= capacity; ++at) {
      bool fine = !buffer.offset || *buffer.offset == at;
      for (size_t j = 0; j < i && fine; ++j)
        fine = !liveTogether(problem, i, j) || at + buffer.size <= offsets[j] ||
               offsets[j] + problem.buffers[j].size <= at;
      if (!fine)
        continue;
      offsets.push_back(at);
      if (fits())
        return true;
      offsets.pop_back();
    }
    return false;
  }

private:
  const MemoryProblem &problem;
  int64_t capacity;
  std::vector<int64_t> offsets;
};

/// The least arena. For at most about ten buffers.
inline int64_t leastArena(const MemoryProblem &problem) {
  int64_t capacity = enumeratedBound(problem);
  while (!Oracle(problem, capacity).fits())
    ++capacity;
  return capacity;
}

/// Buffers that fill an arena of `capacity` over `steps` steps as well as random
/// rectangles do: it is enough, and close to the bound or equal to it. All their
/// offsets are given.
inline MemoryProblem filledArenaWithOffsets(std::mt19937 &random, int64_t steps, int64_t capacity,
                                            int64_t longest, int64_t largest) {
  MemoryProblem problem;
  std::vector<std::vector<bool>> taken(steps, std::vector<bool>(capacity));
  for (int64_t at = 0; at < capacity; ++at)
    for (int64_t step = 0; step < steps; ++step) {
      if (taken[step][at])
        continue;
      int64_t upper = step + 1, top = at + 1;
      int64_t upperLimit = std::min<int64_t>(steps, step + 1 + random() % longest);
      while (upper < upperLimit && !taken[upper][at])
        ++upper;
      int64_t topLimit = std::min<int64_t>(capacity, at + 1 + random() % largest);
      auto rowIsFree = [&](int64_t row) {
        for (int64_t i = step; i < upper; ++i)
          if (taken[i][row])
            return false;
        return true;
      };
      while (top < topLimit && rowIsFree(top))
        ++top;
      for (int64_t i = step; i < upper; ++i)
        for (int64_t row = at; row < top; ++row)
          taken[i][row] = true;
      problem.buffers.push_back({0, step, upper, top - at, at});
    }
  std::shuffle(problem.buffers.begin(), problem.buffers.end(), random);
  for (size_t i = 0; i < problem.buffers.size(); ++i)
    problem.buffers[i].id = i;
  return problem;
}

/// The same without offsets.
inline MemoryProblem filledArena(std::mt19937 &random, int64_t steps, int64_t capacity,
                                 int64_t longest, int64_t largest) {
  MemoryProblem problem = filledArenaWithOffsets(random, steps, capacity, longest, largest);
  for (MemoryBuffer &buffer : problem.buffers)
    buffer.offset.reset();
  return problem;
}

/// An arena of `capacity` over `steps` steps that was cut into `count` buffers,
/// again and again the one of the greatest area, so that it is just enough.
inline MemoryProblem cutArena(std::mt19937 &random, int64_t steps, int64_t capacity, size_t count) {
  MemoryProblem problem;
  problem.buffers.push_back({0, 0, steps, capacity});
  auto area = [](const MemoryBuffer &buffer) {
    return (buffer.upper - buffer.lower) * buffer.size;
  };
  while (problem.buffers.size() < count) {
    MemoryBuffer &whole = *std::max_element(
        problem.buffers.begin(), problem.buffers.end(),
        [&](const MemoryBuffer &a, const MemoryBuffer &b) { return area(a) < area(b); });
    MemoryBuffer part = whole;
    part.id = problem.buffers.size();
    int64_t duration = whole.upper - whole.lower;
    // At a fourth to three fourths of its duration or its size.
    bool inTime = whole.size < 4 || (duration >= 4 && random() % 2);
    if (inTime) {
      part.lower = whole.upper = whole.lower + duration / 4 + random() % (duration / 2 + 1);
    } else {
      part.size = whole.size / 4 + random() % (whole.size / 2 + 1);
      whole.size -= part.size;
    }
    problem.buffers.push_back(part);
  }
  std::shuffle(problem.buffers.begin(), problem.buffers.end(), random);
  return problem;
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
