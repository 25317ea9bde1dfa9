// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The problem's own checks: what it refuses, its bound, and that its verifier
// finds every kind of mistake in a plan.

#include "test/unit/plan/MemoryInstances.h"

#include "gtest/gtest.h"

using namespace tercet::plan;

static std::string textOf(llvm::Error error) { return llvm::toString(std::move(error)); }

TEST(MemoryProblem, CheckAcceptsWhatIsConsistent) {
  EXPECT_EQ(textOf(problemOf({{0, 2, 5}, {1, 3, 0}}, 64).check()), "");
  EXPECT_EQ(textOf(MemoryProblem().check()), "");
}

TEST(MemoryProblem, CheckNamesTheBuffer) {
  EXPECT_EQ(textOf(problemOf({{0, 1, 4}, {2, 2, 4}}).check()),
            "buffer 1: lifetime [2, 2) is empty");
  EXPECT_EQ(textOf(problemOf({{0, 1, -4}}).check()), "buffer 0: size -4 is negative");
  EXPECT_EQ(textOf(problemOf({{0, 1, 4}}, 0).check()), "alignment 0 is not above 0");
}

TEST(MemoryProblem, CheckRefusesOverflow) {
  int64_t most = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(textOf(problemOf({{0, 1, most}}, 1).check()), "");
  std::string expected = "the sizes add up to more than 64 bits hold";
  EXPECT_EQ(textOf(problemOf({{0, 1, most}}, 64).check()), expected);
  EXPECT_EQ(textOf(problemOf({{0, 1, most / 2}, {5, 6, most / 2 + 2}}).check()), expected);
}

TEST(MemoryProblem, BoundIsThatOfANaiveSweep) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    MemoryProblem problem = randomProblem(random, 1 + random() % 40, 1 + random() % 20, 100);
    problem.alignment = 1 << (random() % 7);
    EXPECT_EQ(problem.lowerBound(), naiveBound(problem));
  }
  EXPECT_EQ(MemoryProblem().lowerBound(), 0);
}

TEST(MemoryProblem, LifetimesAreHalfOpen) {
  EXPECT_EQ(problemOf({{0, 1, 4}, {1, 2, 6}}).lowerBound(), 6);
  EXPECT_EQ(problemOf({{0, 2, 4}, {1, 2, 6}}).lowerBound(), 10);
}

TEST(MemoryProblem, BoundCountsAlignedSizes) {
  EXPECT_EQ(problemOf({{0, 2, 1}, {0, 2, 65}}, 64).lowerBound(), 192);
}

TEST(MemoryProblem, WitnessProvesTheBound) {
  std::mt19937 random(2);
  for (int round = 0; round < 200; ++round) {
    MemoryProblem problem = round % 2 ? randomProblem(random, 1 + random() % 12, 8, 50)
                                      : randomOrderProblem(random, 1 + random() % 12, 30, 50);
    MemoryBound bound = problem.findBound();
    int64_t sum = 0;
    for (size_t i = 0; i < bound.witness.size(); ++i) {
      sum += problem.buffers[bound.witness[i]].size;
      for (size_t j = 0; j < i; ++j) {
        EXPECT_TRUE(liveTogether(problem, bound.witness[i], bound.witness[j]));
        EXPECT_LE(problem.buffers[bound.witness[i]].size, problem.buffers[bound.witness[j]].size);
      }
    }
    EXPECT_EQ(sum, bound.bytes);
    EXPECT_EQ(bound.bytes, enumeratedBound(problem));
  }
}

TEST(MemoryProblem, BoundOfAPartialOrderIsThatOfItsLifetimes) {
  std::mt19937 random(3);
  for (int round = 0; round < 50; ++round) {
    MemoryProblem problem = randomProblem(random, 60, 30, 1000);
    problem.buffers[0].size = 0;
    EXPECT_EQ(asPartialOrder(problem).lowerBound(), naiveBound(problem));
  }
}

TEST(MemoryProblem, BoundReachesGivenOffsets) {
  MemoryProblem problem = problemOf({{0, 2, 4}, {5, 6, 4}}, 4);
  problem.buffers[1].offset = 100;
  EXPECT_EQ(problem.findBound().bytes, 104);
  EXPECT_EQ(problem.findBound().witness, llvm::SmallVector<unsigned>({1}));
}

TEST(MemoryProblem, CheckRefusesWhatIsNoOrder) {
  MemoryProblem problem = asPartialOrder(problemOf({{0, 1, 1}, {1, 2, 1}, {2, 3, 1}}));
  EXPECT_EQ(textOf(problem.check()), "");
  MemoryProblem itself = problem, gap = problem, cycle = problem, few = problem;
  itself.precedes[1].set(1);
  EXPECT_EQ(textOf(itself.check()), "buffer 1 precedes itself");
  gap.precedes[0].reset(2);
  EXPECT_EQ(textOf(gap.check()), "buffer 0 precedes 1, which precedes 2, but 0 does not precede 2");
  cycle.precedes[2].set(0);
  EXPECT_EQ(textOf(cycle.check()),
            "buffer 0 precedes 2, which precedes 0, but 0 does not precede 0");
  few.precedes.pop_back();
  EXPECT_EQ(textOf(few.check()), "expected an order of 3 buffers, got one of 2");
  few.precedes.push_back(llvm::BitVector(2));
  EXPECT_EQ(textOf(few.check()), "buffer 2: expected an order with 3 buffers, got 2");
}

TEST(MemoryProblem, CheckRefusesGivenOffsetsThatCannotBe) {
  MemoryProblem problem = problemOf({{0, 2, 4}, {1, 2, 4}, {2, 3, 4}}, 4);
  problem.buffers[0].offset = 0;
  problem.buffers[2].offset = 0;
  EXPECT_EQ(textOf(problem.check()), "");
  problem.buffers[1].offset = 2;
  EXPECT_EQ(textOf(problem.check()), "buffer 1: given offset 2 is not aligned to 4");
  problem.buffers[1].offset = -4;
  EXPECT_EQ(textOf(problem.check()), "buffer 1: given offset -4 is not aligned to 4");
  problem.buffers[1].offset = 0;
  EXPECT_EQ(textOf(problem.check()),
            "buffers 0 and 1 live together and their given offsets overlap");
  problem.buffers[1].offset = std::numeric_limits<int64_t>::max() - 3;
  EXPECT_EQ(textOf(problem.check()), "the sizes add up to more than 64 bits hold");
}

TEST(MemoryProblem, CheckRefusesANegativeCapacity) {
  MemoryProblem problem;
  problem.capacity = -1;
  EXPECT_EQ(textOf(problem.check()), "capacity -1 is negative");
}

namespace {

/// Three buffers, the first two live together: [0, 4), [4, 8) and, later, [0, 8).
struct VerifyTest : testing::Test {
  MemoryProblem problem = problemOf({{0, 2, 4}, {1, 2, 4}, {2, 3, 8}}, 4);
  MemoryPlan plan;
  void SetUp() override {
    plan.offsets = {0, 4, 0};
    plan.peak = 8;
    plan.lowerBound = 8;
  }
};

} // namespace

TEST_F(VerifyTest, AcceptsAPlan) {
  EXPECT_EQ(textOf(plan.verify(problem)), "");
  EXPECT_TRUE(plan.isOptimal());
}

TEST_F(VerifyTest, RefusesOverlap) {
  plan.offsets[1] = 0;
  EXPECT_EQ(textOf(plan.verify(problem)), "buffers 0 and 1 live together and overlap");
}

TEST_F(VerifyTest, RefusesAMissingOffset) {
  plan.offsets.pop_back();
  EXPECT_EQ(textOf(plan.verify(problem)), "expected an offset for each of 3 buffers, got 2");
}

TEST_F(VerifyTest, RefusesMisalignedAndNegativeOffsets) {
  plan.offsets[1] = 6;
  EXPECT_EQ(textOf(plan.verify(problem)), "buffer 1: offset 6 is not aligned to 4");
  plan.offsets[1] = -4;
  EXPECT_EQ(textOf(plan.verify(problem)), "buffer 1: offset -4 is not aligned to 4");
}

TEST_F(VerifyTest, RefusesAnArenaThatIsTooSmall) {
  plan.peak = 7;
  EXPECT_EQ(textOf(plan.verify(problem)), "the arena of 7 bytes ends before 8");
}

TEST_F(VerifyTest, RefusesWhatReachesBeyond64Bits) {
  plan.offsets[2] = std::numeric_limits<int64_t>::max() - 3;
  EXPECT_EQ(textOf(plan.verify(problem)),
            "buffer 2: offset 9223372036854775804 and size 8 add up to more than 64 bits hold");
}

TEST_F(VerifyTest, RefusesAnotherThanTheGivenOffset) {
  problem.buffers[2].offset = 8;
  EXPECT_EQ(textOf(plan.verify(problem)), "buffer 2: expected the given offset 8, got 0");
}

TEST_F(VerifyTest, RefusesWhatIsAboveTheCapacity) {
  problem.capacity = 8;
  EXPECT_EQ(textOf(plan.verify(problem)), "");
  problem.capacity = 7;
  EXPECT_EQ(textOf(plan.verify(problem)), "the arena of 8 bytes exceeds the capacity of 7");
}

TEST_F(VerifyTest, FollowsThePartialOrderAlone) {
  problem = asPartialOrder(problem);
  EXPECT_EQ(textOf(plan.verify(problem)), "");
  problem.precedes[0].reset(2);
  EXPECT_EQ(textOf(plan.verify(problem)), "buffers 0 and 2 live together and overlap");
}
