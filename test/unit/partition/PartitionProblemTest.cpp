// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What check() refuses and in which words, that verify() finds every kind of
// mistake in a plan, and the plans of a single place.

#include "test/unit/partition/PartitionInstances.h"

#include "gtest/gtest.h"

using namespace tercet::partition;

static std::string textOf(llvm::Error error) { return llvm::toString(std::move(error)); }

namespace {

/// a -> x -> b; two places.
struct PartitionProblemTest : testing::Test {
  PartitionProblem problem;
  void SetUp() override {
    problem.places = 2;
    problem.nodes = {{"a", {{5, 0}, {2, 1}}}, {"b", {{3, 0}}}};
    PartitionTensor tensor;
    tensor.name = "x";
    tensor.producer = 0;
    tensor.demands = 2;
    tensor.cost = {0, 4, 4, 0};
    tensor.uses = {{1, {0}}};
    problem.tensors = {tensor};
    problem.limits = {{"m", 10, {{0, 1, 7}}}};
  }
  std::string refusal() const { return textOf(problem.check()); }
  /// The solver must say the same, never go on.
  void TearDown() override {
    if (std::string expected = refusal(); !expected.empty()) {
      EXPECT_EQ(textOf(solvePartition(problem).takeError()), expected);
    }
  }
};

} // namespace

TEST_F(PartitionProblemTest, AcceptsWhatIsConsistent) {
  EXPECT_EQ(refusal(), "");
  EXPECT_EQ(textOf(PartitionProblem().check()), "");
}

TEST_F(PartitionProblemTest, ANodeWithoutLabels) {
  problem.nodes[1].labels.clear();
  EXPECT_EQ(refusal(), "node 'b' has no label: no engine can run it");
}

TEST_F(PartitionProblemTest, NegativeCosts) {
  problem.nodes[0].labels[1].cost = -2;
  EXPECT_EQ(refusal(), "node 'a': cost -2 is negative");
  SetUp();
  problem.tensors[0].cost[2] = -1;
  EXPECT_EQ(refusal(), "tensor 'x': cost -1 is negative");
  SetUp();
  problem.limits[0].uses[0].amount = -7;
  EXPECT_EQ(refusal(), "limit 'm': amount -7 of node 'a' is negative");
  SetUp();
  problem.limits[0].capacity = -1;
  EXPECT_EQ(refusal(), "limit 'm': capacity -1 is negative");
}

TEST_F(PartitionProblemTest, DanglingPlaces) {
  problem.nodes[0].labels[1].place = 2;
  EXPECT_EQ(refusal(), "node 'a': expected a place below 2, got 2");
  SetUp();
  problem.tensors[0].producer.reset();
  problem.tensors[0].inputPlace = 9;
  EXPECT_EQ(refusal(), "tensor 'x': expected a place below 2, got 9");
}

TEST_F(PartitionProblemTest, DanglingNodesAndDemands) {
  problem.tensors[0].producer = 2;
  EXPECT_EQ(refusal(), "tensor 'x': expected a producer below 2, got 2");
  SetUp();
  problem.tensors[0].uses[0].node = 5;
  EXPECT_EQ(refusal(), "tensor 'x': expected a use by a node below 2, got 5");
  SetUp();
  problem.tensors[0].uses[0].demands = {2};
  EXPECT_EQ(refusal(), "tensor 'x': expected demands of node 'b' below 2, got 2");
  SetUp();
  problem.tensors[0].uses[0].demands = {0, 1};
  EXPECT_EQ(refusal(), "tensor 'x': expected a demand for each of the 1 labels of node 'b', got 2");
  SetUp();
  problem.tensors[0].outputDemands = {3};
  EXPECT_EQ(refusal(), "tensor 'x': expected output demands below 2, got 3");
}

TEST_F(PartitionProblemTest, DanglingLimits) {
  problem.limits[0].uses[0].node = 2;
  EXPECT_EQ(refusal(), "limit 'm': expected a node below 2, got 2");
  SetUp();
  problem.limits[0].uses[0].label = 2;
  EXPECT_EQ(refusal(), "limit 'm': expected a label of node 'a' below 2, got 2");
}

TEST_F(PartitionProblemTest, ATableOfTheWrongSize) {
  problem.tensors[0].cost.pop_back();
  EXPECT_EQ(refusal(), "tensor 'x': expected a table of 2 places by 2 demands, got 3 costs");
}

TEST_F(PartitionProblemTest, NodesOutOfOrder) {
  problem.tensors[0].producer = 1;
  problem.tensors[0].uses = {{0, {0, 0}}};
  EXPECT_EQ(refusal(), "node 'a' uses tensor 'x' before node 'b' makes it: expected nodes in "
                       "topological order, without a cycle");
  problem.tensors[0].uses = {{1, {0}}};
  EXPECT_EQ(refusal(), "node 'b' uses tensor 'x' before node 'b' makes it: expected nodes in "
                       "topological order, without a cycle");
}

TEST_F(PartitionProblemTest, SumsThatOverflow) {
  problem.nodes[0].labels[0].cost = greatestSum;
  EXPECT_EQ(refusal(), "the costs add up to more than 2^56 picoseconds");
  problem.nodes[0].labels[0].cost = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(refusal(), "the costs add up to more than 2^56 picoseconds");
  SetUp();
  problem.tensors[0].cost[1] = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(refusal(), "the costs add up to more than 2^56 picoseconds");
  SetUp();
  problem.limits[0].uses[0].amount = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(refusal(), "limit 'm': the amounts add up to more than 2^56");
}

TEST_F(PartitionProblemTest, VerifyFindsMistakes) {
  llvm::Expected<PartitionPlan> solved = solvePartition(problem);
  ASSERT_TRUE(bool(solved));
  EXPECT_EQ(solved->value, 8);
  EXPECT_EQ(textOf(solved->verify(problem)), "");
  PartitionPlan plan = *solved;
  plan.labels.pop_back();
  EXPECT_EQ(textOf(plan.verify(problem)), "expected a label for each of 2 nodes, got 1");
  plan = *solved;
  plan.labels[1] = 1;
  EXPECT_EQ(textOf(plan.verify(problem)), "node 'b': expected a label below 1, got 1");
  plan = *solved;
  plan.value = 7;
  EXPECT_EQ(textOf(plan.verify(problem)), "the labels cost 8 ps, the plan says 7");
  plan = *solved;
  plan.labels[0] = 1;
  EXPECT_EQ(textOf(plan.verify(problem)), "the labels cost 9 ps, the plan says 8");
  plan = *solved;
  plan.lowerBound = 9;
  EXPECT_EQ(textOf(plan.verify(problem)), "the value 8 ps is below the bound of 9");
  plan = *solved;
  plan.bestSinglePlace->value = 7;
  EXPECT_EQ(textOf(plan.verify(problem)), "the value 8 ps is above the best single place's 7");
  plan = *solved;
  plan.labels[0] = 1;
  plan.value = 9;
  plan.bestSinglePlace.reset();
  problem.limits[0].capacity = 6;
  EXPECT_EQ(textOf(plan.verify(problem)), "limit 'm': 7 used of a capacity of 6");
}

TEST_F(PartitionProblemTest, SinglePlacesFallBack) {
  std::vector<SinglePlacePlan> singles = singlePlacePlans(problem);
  ASSERT_EQ(singles.size(), 2u);
  EXPECT_EQ(singles[0].value, 8);
  EXPECT_EQ(singles[0].fallbacks, 0u);
  EXPECT_EQ(singles[1].value, 2 + 4 + 3);
  EXPECT_EQ(singles[1].fallbacks, 1u);
}

TEST(PartitionPlan, GapsAreRoundedUp) {
  PartitionPlan plan;
  plan.value = 1001;
  plan.lowerBound = 1000;
  EXPECT_EQ(plan.gapPermille(), 1);
  plan.lowerBound = 1001;
  EXPECT_EQ(plan.gapPermille(), 0);
  plan.value = 100001;
  plan.lowerBound = 100000;
  EXPECT_EQ(plan.gapPermille(), 1);
}

TEST(PartitionProblem, ValueIsCountedOncePerDemand) {
  std::mt19937 random(41);
  for (int round = 0; round < 300; ++round) {
    RandomShape shape;
    shape.nodes = 1 + below(random, 12);
    PartitionProblem problem = randomPartition(random, shape);
    ASSERT_EQ(textOf(problem.check()), "");
    std::vector<unsigned> labels;
    for (const PartitionNode &node : problem.nodes)
      labels.push_back(below(random, node.labels.size()));
    ASSERT_EQ(problem.value(labels), countedValue(problem, labels));
  }
}
