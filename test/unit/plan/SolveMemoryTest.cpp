// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The planner against an oracle and against itself: plans are valid, never
// below the bound, the same every time, and as good as small cases allow.

#include "test/unit/plan/MemoryInstances.h"

#include "llvm/ADT/STLExtras.h"

#include "gtest/gtest.h"

using namespace tercet::plan;

/// Solves and verifies.
static MemoryPlan solve(const MemoryProblem &problem,
                        const MemoryBudget &budget = MemoryBudget::forCompiler(0)) {
  EXPECT_EQ(llvm::toString(problem.check()), "");
  MemoryPlan plan = solveMemory(problem, budget);
  EXPECT_EQ(llvm::toString(plan.verify(problem)), "");
  if (problem.precedes.empty() &&
      llvm::none_of(problem.buffers, [](const MemoryBuffer &b) { return b.offset; }))
    EXPECT_EQ(plan.lowerBound, naiveBound(problem));
  EXPECT_GE(plan.peak, plan.provenBound());
  EXPECT_FALSE(plan.method.empty());
  return plan;
}

TEST(SolveMemory, Empty) {
  MemoryPlan plan = solve(MemoryProblem());
  EXPECT_EQ(plan.peak, 0);
  EXPECT_TRUE(plan.isOptimal());
}

TEST(SolveMemory, BuffersOfNoBytesTakeNone) {
  EXPECT_EQ(solve(problemOf({{0, 3, 0}, {0, 3, 5}, {1, 2, 0}})).peak, 5);
}

TEST(SolveMemory, LifetimesThatTouchShare) {
  EXPECT_EQ(solve(problemOf({{0, 1, 8}, {1, 2, 8}, {2, 3, 8}})).peak, 8);
}

TEST(SolveMemory, OffsetsAreAligned) {
  std::mt19937 random(2);
  for (int round = 0; round < 50; ++round) {
    MemoryProblem problem = randomProblem(random, 12, 8, 300);
    problem.alignment = 64;
    MemoryPlan plan = solve(problem);
    for (int64_t offset : plan.offsets)
      EXPECT_EQ(offset % 64, 0);
    EXPECT_EQ(plan.peak % 64, 0);
  }
}

TEST(SolveMemory, SameInputSamePlan) {
  std::mt19937 random(3);
  MemoryProblem problem = randomProblem(random, 60, 30, 1000);
  MemoryPlan first = solve(problem), second = solve(problem);
  EXPECT_EQ(first.offsets, second.offsets);
  EXPECT_EQ(first.method, second.method);
}

// As good as the oracle, and known to be.
TEST(SolveMemory, AgainstTheOracle) {
  std::mt19937 random(4);
  for (int round = 0; round < 400; ++round) {
    MemoryProblem problem = randomProblem(random, 1 + random() % 9, 2 + random() % 8, 9);
    MemoryPlan plan = solve(problem);
    EXPECT_EQ(plan.peak, leastArena(problem));
    EXPECT_TRUE(plan.isOptimal());
  }
}

TEST(SolveMemory, PartialOrdersAgainstTheOracle) {
  std::mt19937 random(6);
  for (int round = 0; round < 400; ++round) {
    MemoryProblem problem =
        randomOrderProblem(random, 1 + random() % 9, 10 + random() % 60, 1 + random() % 9);
    MemoryPlan plan = solve(problem);
    EXPECT_EQ(plan.lowerBound, enumeratedBound(problem));
    EXPECT_EQ(plan.peak, leastArena(problem));
    EXPECT_TRUE(plan.isOptimal());
  }
}

TEST(SolveMemory, GivenOffsetsAgainstTheOracle) {
  std::mt19937 random(7);
  for (int round = 0; round < 600; ++round) {
    MemoryProblem problem = round % 2 ? randomProblem(random, 2 + random() % 5, 2 + random() % 4, 4)
                                      : randomOrderProblem(random, 2 + random() % 5, 40, 4);
    for (MemoryBuffer &buffer : problem.buffers)
      if (random() % 3 == 0) {
        buffer.offset = random() % 9;
        if (llvm::Error clash = problem.check()) {
          llvm::consumeError(std::move(clash));
          buffer.offset.reset();
        }
      }
    MemoryPlan plan = solve(problem);
    int64_t least = 0;
    while (!OffsetOracle(problem, least).fits())
      ++least;
    EXPECT_EQ(plan.peak, least);
    EXPECT_TRUE(plan.isOptimal());
  }
}

// Exact though the bound is not reached: what reversing time, scaling sizes,
// other numbers, another buffer and stating lifetimes as an order do is known.
TEST(SolveMemory, RelationsBetweenProblems) {
  std::mt19937 random(5);
  for (int round = 0; round < 60; ++round) {
    MemoryProblem problem = round == 0   ? firstHardInstance()
                            : round == 1 ? secondHardInstance()
                                         : filledArena(random, 8, 9, 4, 5);
    MemoryPlan plan = solve(problem);
    EXPECT_TRUE(plan.isOptimal());
    MemoryProblem reversed = problem, scaled = problem, shuffled = problem, more = problem;
    for (MemoryBuffer &buffer : reversed.buffers)
      std::tie(buffer.lower, buffer.upper) = std::pair(-buffer.upper, -buffer.lower);
    for (MemoryBuffer &buffer : scaled.buffers)
      buffer.size *= 1'000'003;
    std::shuffle(shuffled.buffers.begin(), shuffled.buffers.end(), random);
    more.buffers.push_back({99, 2, 5, 3});
    EXPECT_EQ(solve(reversed).peak, plan.peak);
    EXPECT_EQ(solve(scaled).peak, 1'000'003 * plan.peak);
    EXPECT_EQ(solve(shuffled).peak, plan.peak);
    EXPECT_GE(solve(more).peak, plan.peak);
    EXPECT_EQ(solve(asPartialOrder(problem)).peak, plan.peak);
    MemoryPlan general = solve(asGeneralOrder(problem));
    EXPECT_EQ(general.peak, plan.peak);
    EXPECT_TRUE(general.isOptimal());
    // Enough is what is as large as the least arena, and nothing below.
    problem.capacity = plan.peak + round % 4;
    EXPECT_LE(solve(problem).peak, *problem.capacity);
    problem.capacity = plan.peak - 1;
    EXPECT_GT(solveMemory(problem).provenBound(), *problem.capacity);
  }
}

// An arena that random rectangles filled is enough for them.
TEST(SolveMemory, FindsPackingsWithoutGaps) {
  std::mt19937 random(8);
  for (int round = 0; round < 200; ++round) {
    int64_t capacity = 6 + random() % 30;
    MemoryProblem problem =
        filledArena(random, 6 + random() % 30, capacity, 2 + random() % 12, 2 + random() % 12);
    MemoryPlan plan = solve(problem, MemoryBudget::forTool());
    EXPECT_EQ(plan.peak, capacity) << problem.buffers.size() << " buffers";
    EXPECT_TRUE(plan.isOptimal());
  }
}

// Here the bound cannot be reached, which is proven.
TEST(SolveMemory, InstancesAboveTheirBound) {
  MemoryPlan first = solve(firstHardInstance()), second = solve(secondHardInstance());
  EXPECT_EQ(first.lowerBound, 7);
  EXPECT_EQ(first.peak, 8);
  EXPECT_TRUE(first.isOptimal());
  EXPECT_EQ(second.lowerBound, 9);
  EXPECT_EQ(second.peak, 10);
  EXPECT_TRUE(second.isOptimal());
  EXPECT_FALSE(Oracle(firstHardInstance(), 7).fits());
  EXPECT_FALSE(Oracle(secondHardInstance(), 9).fits());
}

// Hundreds of buffers that leave nothing free at any moment.
TEST(SolveMemory, FindsLargePackings) {
  std::mt19937 random(11);
  for (size_t count : {100, 200, 300, 400}) {
    MemoryProblem problem = cutArena(random, 100'000, 1'000, count);
    MemoryPlan plan = solve(problem, MemoryBudget::forTool());
    EXPECT_EQ(plan.peak, 1'000);
  }
}

TEST(SolveMemory, WithoutBudgetTheGapIsSaid) {
  MemoryPlan plan = solve(firstHardInstance(), MemoryBudget{0});
  EXPECT_EQ(plan.nodes, 0);
  EXPECT_EQ(plan.status(), PlanStatus::Gap);
}

TEST(SolveMemory, CapacityIsEnough) {
  MemoryProblem problem = firstHardInstance();
  problem.capacity = 100;
  MemoryPlan plan = solve(problem, MemoryBudget{0});
  EXPECT_EQ(plan.nodes, 0);
  EXPECT_LE(plan.peak, 100);
}

TEST(SolveMemory, PartsThatDoNotTouchAreSolvedApart) {
  MemoryProblem problem;
  for (int64_t copy = 0; copy < 300; ++copy)
    for (MemoryBuffer buffer : firstHardInstance().buffers)
      problem.buffers.push_back({static_cast<int64_t>(problem.buffers.size()),
                                 buffer.lower + 10 * copy, buffer.upper + 10 * copy, buffer.size});
  MemoryPlan plan = solve(problem);
  EXPECT_EQ(plan.peak, 8);
  EXPECT_TRUE(plan.isOptimal());
}

TEST(SolveMemory, HugeSizesDoNotOverflow) {
  int64_t half = std::numeric_limits<int64_t>::max() / 2;
  EXPECT_EQ(solve(problemOf({{0, 2, half}, {1, 3, half}})).peak, 2 * half);
  EXPECT_EQ(solve(problemOf({{0, 2, half - 1}, {1, 3, 3}, {2, 4, half - 5}})).peak, half + 2);
  MemoryProblem large = firstHardInstance();
  for (MemoryBuffer &buffer : large.buffers)
    buffer.size *= (int64_t(1) << 55) + 1;
  EXPECT_GE(solve(large).peak, 8 * ((int64_t(1) << 55) + 1));
  MemoryProblem wide = problemOf({{0, 1, 5}, {0, 1, 7}});
  wide.buffers[0].lower = std::numeric_limits<int64_t>::min();
  wide.buffers[1].upper = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(solve(wide).peak, 12);
}

// Many more buffers than the search takes, and more conflicts than are listed.
TEST(SolveMemory, ManyBuffers) {
  std::mt19937 random(9);
  MemoryProblem chain, crowd;
  for (int64_t i = 0; i < 100'000; ++i)
    chain.buffers.push_back({i, i, i + 2 + static_cast<int64_t>(random() % 8),
                             64 + 64 * static_cast<int64_t>(random() % 100)});
  for (int64_t i = 0; i < 20'000; ++i)
    crowd.buffers.push_back({i, i % 100, 10'000 + i, 1 + static_cast<int64_t>(random() % 100)});
  for (const MemoryProblem &problem : {chain, crowd}) {
    MemoryPlan plan = solveMemory(problem);
    ASSERT_EQ(plan.offsets.size(), problem.buffers.size());
    EXPECT_LE(plan.peak, 2 * plan.lowerBound);
  }
}

// The shape of a network: a chain with a long-lived value beside each block.
// Blocks that alternate between the two ends of the arena reach the bound, which
// no greedy order finds.
TEST(SolveMemory, ResidualChainReachesTheBound) {
  MemoryProblem problem;
  for (int64_t layer = 0; layer < 40; ++layer) {
    int64_t at = layer * 3, id = problem.buffers.size();
    problem.buffers.push_back({id, at, at + 4, 1536});
    problem.buffers.push_back({id + 1, at + 1, at + 3, 6144});
    problem.buffers.push_back({id + 2, at + 2, at + 4, 1536});
  }
  problem.alignment = 64;
  MemoryPlan plan = solve(problem);
  EXPECT_EQ(plan.lowerBound, 9216);
  EXPECT_EQ(plan.peak, 9216);
  EXPECT_GT(placeGreedily(problem).peak, 9216);
}

TEST(PlaceInOrder, FirstFitTakesTheLowestGapAndBestFitTheTightest) {
  // Gaps of 6 at 2 and of 3 at 10, below a buffer at 13.
  MemoryProblem problem =
      problemOf({{0, 2, 2}, {0, 1, 6}, {0, 2, 2}, {0, 1, 3}, {0, 2, 1}, {1, 2, 3}});
  unsigned order[] = {0, 1, 2, 3, 4, 5};
  MemoryPlan first = placeInOrder(problem, order, Fit::First);
  MemoryPlan best = placeInOrder(problem, order, Fit::Best);
  EXPECT_EQ(first.offsets[5], 2);
  EXPECT_EQ(best.offsets[5], 10);
  EXPECT_EQ(first.peak, 14);
}

TEST(PlaceBySize, IsNeverBelowTheSearch) {
  std::mt19937 random(10);
  for (int round = 0; round < 50; ++round) {
    MemoryProblem problem = randomProblem(random, 40, 20, 100);
    MemoryPlan plan = placeBySize(problem);
    EXPECT_EQ(llvm::toString(plan.verify(problem)), "");
    EXPECT_LE(solve(problem).peak, plan.peak);
  }
}
