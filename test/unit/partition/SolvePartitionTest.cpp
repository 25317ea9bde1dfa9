// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The solver as its users see it: equal to the oracle on all small graphs, never
// worse than one place, indifferent to how the problem is written down.

#include "test/unit/partition/PartitionInstances.h"

#include "gtest/gtest.h"

using namespace tercet::partition;

/// Solves and verifies.
static PartitionPlan solve(const PartitionProblem &problem, const PartitionOptions &options = {}) {
  llvm::Expected<PartitionPlan> plan = solvePartition(problem, options);
  if (!plan) {
    ADD_FAILURE() << llvm::toString(plan.takeError());
    return {};
  }
  EXPECT_EQ(llvm::toString(plan->verify(problem)), "");
  EXPECT_FALSE(plan->method.empty());
  return std::move(*plan);
}

TEST(SolvePartition, EmptyGraph) {
  PartitionPlan plan = solve(PartitionProblem());
  EXPECT_EQ(plan.value, 0);
  EXPECT_TRUE(plan.isOptimal());
}

/// Two engines; a tensor that one node makes and `users` nodes read.
static PartitionProblem fanOut(unsigned users) {
  PartitionProblem problem;
  problem.places = 2;
  problem.nodes.push_back({"maker", {{1, 0}}});
  PartitionTensor tensor;
  tensor.name = "x";
  tensor.producer = 0;
  tensor.demands = 2;
  tensor.cost = {0, 10, 10, 0};
  for (unsigned user = 0; user < users; ++user) {
    problem.nodes.push_back({"user", {{6, 0}, {1, 1}}});
    tensor.uses.push_back({user + 1, {0, 1}});
  }
  problem.tensors.push_back(tensor);
  return problem;
}

// A transfer of 10 pays off once two users save 5 each, as it is charged once.
TEST(SolvePartition, ATransferIsChargedOncePerDemand) {
  EXPECT_EQ(solve(fanOut(1)).value, 7);
  PartitionPlan two = solve(fanOut(2)), three = solve(fanOut(3));
  EXPECT_EQ(two.value, 13);
  EXPECT_EQ(three.value, 14);
  EXPECT_EQ(three.labels, (llvm::SmallVector<unsigned>{0, 1, 1, 1}));
  EXPECT_TRUE(three.isOptimal());
}

TEST(SolvePartition, OutputsAndInputsHaveTheirPlace) {
  PartitionProblem problem = fanOut(1);
  PartitionTensor input;
  input.name = "in";
  input.inputPlace = 1;
  input.demands = 2;
  input.cost = {0, 3, 3, 0};
  input.uses.push_back({0, {0}});
  problem.tensors.push_back(input);
  EXPECT_EQ(solve(problem).value, 10);
  problem.tensors[0].outputDemands = {1};
  EXPECT_EQ(solve(problem).value, 1 + 3 + 10 + 1);
}

TEST(SolvePartition, APinIsASingleLabel) {
  PartitionProblem problem = fanOut(3);
  problem.nodes[2].labels = {{6, 0}};
  problem.tensors[0].uses[1].demands = {0};
  PartitionPlan plan = solve(problem);
  EXPECT_EQ(plan.value, 1 + 10 + 1 + 6 + 1);
}

TEST(SolvePartition, EqualsTheOracleOnAllSmallGraphs) {
  std::mt19937 random(11);
  for (int round = 0; round < 3000; ++round) {
    RandomShape shape;
    shape.nodes = 1 + below(random, 8);
    shape.labels = 1 + below(random, 4);
    shape.places = 1 + below(random, 4);
    shape.demands = 1 + below(random, 4);
    shape.regular = round % 3 == 0;
    shape.greatestTransfer = round % 5 == 0 ? 60 : 12;
    if (shape.regular)
      shape.places = std::min(shape.places, 3u);
    PartitionProblem problem = randomPartition(random, shape);
    PartitionPlan plan = solve(problem);
    ASSERT_EQ(plan.value, *leastValue(problem)) << "round " << round;
    ASSERT_TRUE(plan.isOptimal()) << "round " << round;
  }
}

// The size that the bar names: 12 nodes on 3 engines.
TEST(SolvePartition, EqualsTheOracleOnTwelveNodesAndThreeEngines) {
  std::mt19937 random(12);
  for (int round = 0; round < 60; ++round) {
    RandomShape shape;
    shape.nodes = 12;
    shape.regular = round % 2 == 0;
    PartitionProblem problem = randomPartition(random, shape);
    PartitionPlan plan = solve(problem);
    ASSERT_EQ(plan.value, *leastValue(problem)) << "round " << round;
    ASSERT_TRUE(plan.isOptimal());
  }
}

TEST(SolvePartition, NeverWorseThanOnePlace) {
  std::mt19937 random(13);
  for (int round = 0; round < 200; ++round) {
    RandomShape shape;
    shape.nodes = 40;
    shape.places = 5;
    shape.regular = true;
    PartitionProblem problem = randomPartition(random, shape);
    PartitionOptions options;
    options.maxStates = round % 2 ? 50 : options.maxStates;
    options.dualSweeps = 1;
    PartitionPlan plan = solve(problem, options);
    ASSERT_TRUE(plan.bestSinglePlace.has_value());
    for (const SinglePlacePlan &single : singlePlacePlans(problem)) {
      ASSERT_LE(plan.value, single.value);
      ASSERT_LE(plan.bestSinglePlace->value, single.value);
    }
  }
}

TEST(SolvePartition, SameInputSamePlan) {
  std::mt19937 random(14);
  RandomShape shape;
  shape.nodes = 60;
  shape.labels = 5;
  for (int round = 0; round < 10; ++round) {
    shape.limits = round % 2;
    PartitionProblem problem = randomPartition(random, shape);
    llvm::Expected<PartitionPlan> first = solvePartition(problem), second = solvePartition(problem);
    ASSERT_EQ(bool(first), bool(second));
    if (!first) {
      EXPECT_EQ(llvm::toString(first.takeError()), llvm::toString(second.takeError()));
      continue;
    }
    EXPECT_EQ(first->labels, second->labels);
    EXPECT_EQ(first->lowerBound, second->lowerBound);
    EXPECT_EQ(first->method, second->method);
    EXPECT_EQ(first->states, second->states);
  }
}

TEST(SolvePartition, AnotherLabelNeverHurts) {
  std::mt19937 random(15);
  for (int round = 0; round < 100; ++round) {
    RandomShape shape;
    shape.nodes = 30;
    PartitionProblem problem = randomPartition(random, shape);
    PartitionPlan before = solve(problem);
    unsigned node = below(random, shape.nodes);
    problem.nodes[node].labels.push_back({below(random, 10), below(random, shape.places)});
    for (PartitionTensor &tensor : problem.tensors)
      for (TensorUse &use : tensor.uses)
        if (use.node == node)
          use.demands.push_back(tensor.demands ? below(random, tensor.demands) : noDemand);
    PartitionPlan after = solve(problem);
    ASSERT_TRUE(before.isOptimal() && after.isOptimal());
    ASSERT_LE(after.value, before.value);
  }
}

TEST(SolvePartition, ScaledCostsScaleTheValue) {
  std::mt19937 random(16);
  for (int round = 0; round < 100; ++round) {
    RandomShape shape;
    shape.nodes = 30;
    PartitionProblem problem = randomPartition(random, shape), scaled = problem;
    for (PartitionNode &node : scaled.nodes)
      for (PartitionLabel &label : node.labels)
        label.cost *= 1000003;
    for (PartitionTensor &tensor : scaled.tensors)
      for (int64_t &cost : tensor.cost)
        cost *= 1000003;
    ASSERT_EQ(solve(scaled).value, 1000003 * solve(problem).value);
  }
}

TEST(SolvePartition, TheOrderOfLabelsDoesNotMatter) {
  std::mt19937 random(17);
  for (int round = 0; round < 100; ++round) {
    RandomShape shape;
    shape.nodes = 30;
    PartitionProblem problem = randomPartition(random, shape), turned = problem;
    for (PartitionNode &node : turned.nodes)
      std::reverse(node.labels.begin(), node.labels.end());
    for (PartitionTensor &tensor : turned.tensors)
      for (TensorUse &use : tensor.uses)
        std::reverse(use.demands.begin(), use.demands.end());
    ASSERT_EQ(solve(turned).value, solve(problem).value);
  }
}

// Costs near the most that check() allows.
TEST(SolvePartition, HugeCosts) {
  std::mt19937 random(18);
  for (int round = 0; round < 100; ++round) {
    RandomShape shape;
    shape.nodes = 7;
    PartitionProblem problem = randomPartition(random, shape);
    int64_t factor = greatestSum / 4096;
    for (PartitionNode &node : problem.nodes)
      for (PartitionLabel &label : node.labels)
        label.cost *= factor;
    for (PartitionTensor &tensor : problem.tensors)
      for (int64_t &cost : tensor.cost)
        cost *= factor;
    ASSERT_EQ(llvm::toString(problem.check()), "");
    ASSERT_EQ(solve(problem).value, *leastValue(problem));
  }
}
