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
