// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Limits: equal to the oracle on small graphs, infeasibility said exactly when it
// is so, and on greater graphs plans within the limits with a bound.

#include "passes/partition/PartitionAlgorithms.h"
#include "test/unit/partition/PartitionInstances.h"

#include "gtest/gtest.h"

using namespace tercet::partition;

TEST(PartitionLimits, EqualTheOracleOnAllSmallGraphs) {
  std::mt19937 random(31);
  int infeasible = 0, binding = 0;
  for (int round = 0; round < 2000; ++round) {
    RandomShape shape;
    shape.nodes = 1 + below(random, 8);
    shape.labels = 1 + below(random, 4);
    shape.limits = 1 + below(random, 3);
    shape.regular = round % 3 == 0;
    PartitionProblem problem = randomPartition(random, shape);
    std::optional<int64_t> least = leastValue(problem);
    llvm::Expected<PartitionPlan> plan = solvePartition(problem);
    ASSERT_EQ(bool(plan), least.has_value()) << "round " << round;
    if (!plan) {
      ++infeasible;
      llvm::consumeError(plan.takeError());
      continue;
    }
    ASSERT_EQ(llvm::toString(plan->verify(problem)), "") << "round " << round;
    ASSERT_EQ(plan->value, *least) << "round " << round;
    ASSERT_TRUE(plan->isOptimal()) << "round " << round;
    problem.limits.clear();
    binding += *leastValue(problem) < *least;
  }
  // The instances are worth something.
  EXPECT_GT(infeasible, 50);
  EXPECT_GT(binding, 500);
}

TEST(PartitionLimits, TheErrorNamesLimitNeedAndCapacity) {
  PartitionProblem problem;
  problem.places = 2;
  problem.nodes = {{"a", {{1, 0}, {9, 1}}}, {"b", {{1, 0}, {9, 1}}}};
  problem.limits = {{"npu memory", 99, {{0, 0, 60}, {0, 1, 50}, {1, 0, 70}, {1, 1, 50}}}};
  EXPECT_EQ(llvm::toString(solvePartition(problem).takeError()),
            "limit 'npu memory': the least that any choice of labels needs is 100, the capacity "
            "is 99");
  problem.limits[0].capacity = 110;
  llvm::Expected<PartitionPlan> plan = solvePartition(problem);
  ASSERT_TRUE(bool(plan));
  EXPECT_EQ(plan->value, 10);
  EXPECT_TRUE(plan->isOptimal());
}

TEST(PartitionLimits, LimitsThatCannotHoldTogether) {
  PartitionProblem problem;
  problem.places = 1;
  problem.nodes = {{"a", {{1, 0}, {2, 0}}}, {"b", {{1, 0}, {2, 0}}}, {"c", {{1, 0}, {2, 0}}}};
  problem.limits = {{"x", 1, {{0, 0, 1}, {1, 0, 1}, {2, 0, 1}}},
                    {"y", 1, {{0, 1, 1}, {1, 1, 1}, {2, 1, 1}}}};
  std::string text = llvm::toString(solvePartition(problem).takeError());
  EXPECT_NE(text.find("no choice of labels is within all limits at once"), std::string::npos)
      << text;
  EXPECT_NE(text.find("limit 'x': capacity 1"), std::string::npos) << text;
  EXPECT_NE(text.find("limit 'y': capacity 1"), std::string::npos) << text;
}

TEST(PartitionLimits, ACapacityOfZeroExcludesLabels) {
  PartitionProblem problem;
  problem.places = 2;
  problem.nodes = {{"a", {{1, 0}, {9, 1}}}, {"b", {{1, 0}, {9, 1}}}};
  problem.limits = {{"m", 0, {{0, 0, 1}, {1, 0, 1}}}};
  llvm::Expected<PartitionPlan> plan = solvePartition(problem);
  ASSERT_TRUE(bool(plan));
  EXPECT_EQ(plan->value, 18);
}

TEST(PartitionLimits, RaisingACapacityNeverHurts) {
  std::mt19937 random(32);
  for (int round = 0; round < 60; ++round) {
    RandomShape shape;
    shape.nodes = 14;
    shape.limits = 1;
    PartitionProblem problem = randomPartition(random, shape);
    problem.limits[0].capacity += 2;
    int64_t last = greatestSum;
    for (unsigned step = 0; step < 5; ++step, problem.limits[0].capacity += 4) {
      llvm::Expected<PartitionPlan> plan = solvePartition(problem);
      ASSERT_TRUE(bool(plan));
      ASSERT_EQ(llvm::toString(plan->verify(problem)), "");
      ASSERT_TRUE(plan->isOptimal());
      ASSERT_LE(plan->value, last);
      last = plan->value;
    }
  }
}

TEST(PartitionLimits, PricedBoundsAreBoundsAndPlansAreWithin) {
  std::mt19937 random(33);
  for (int round = 0; round < 300; ++round) {
    RandomShape shape;
    shape.nodes = 1 + below(random, 8);
    shape.limits = 1 + below(random, 2);
    PartitionProblem problem = randomPartition(random, shape);
    std::optional<int64_t> least = leastValue(problem);
    if (!least)
      continue;
    llvm::Expected<LabelSets> allowed = labelsWithinLimits(problem);
    ASSERT_TRUE(bool(allowed));
    ReducedPartition reduced = reduce(problem, searchOrder(problem), std::move(*allowed));
    DualBound dual(reduced);
    PricedResult priced = priceLimits(reduced, dual, cheapestLabels(reduced), {});
    ASSERT_LE(priced.lowerBound, *least) << "round " << round;
    if (!priced.labels)
      continue;
    ASSERT_TRUE(reduced.withinLimits(*priced.labels));
    ASSERT_EQ(reduced.value(*priced.labels), priced.value);
    ASSERT_GE(priced.value, *least);
  }
}
