// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The algorithms one by one, against the oracle and against each other: what
// claims to be exact is, bounds are bounds, reductions keep the optimum.

#include "passes/partition/PartitionAlgorithms.h"
#include "test/unit/partition/PartitionInstances.h"

#include "gtest/gtest.h"

using namespace tercet::partition;

static PartitionPlan solveBy(PartitionMethod method, const PartitionProblem &problem) {
  PartitionOptions options;
  options.method = method;
  llvm::Expected<PartitionPlan> plan = solvePartition(problem, options);
  if (!plan) {
    ADD_FAILURE() << llvm::toString(plan.takeError());
    return {};
  }
  plan->bestSinglePlace.reset();
  EXPECT_EQ(llvm::toString(plan->verify(problem)), "");
  return std::move(*plan);
}

static ReducedPartition reduceAll(const PartitionProblem &problem) {
  LabelSets all(problem.nodes.size());
  for (unsigned node = 0; node < all.size(); ++node)
    for (unsigned label = 0; label < problem.nodes[node].labels.size(); ++label)
      all[node].push_back(label);
  return reduce(problem, searchOrder(problem), std::move(all));
}

TEST(ReducedPartition, ValuesAreThoseOfTheProblem) {
  std::mt19937 random(21);
  for (int round = 0; round < 500; ++round) {
    RandomShape shape;
    shape.nodes = 1 + below(random, 20);
    shape.labels = 1 + below(random, 5);
    PartitionProblem problem = randomPartition(random, shape);
    ReducedPartition reduced = reduceAll(problem);
    Labels labels;
    for (const ReducedNode &node : reduced.nodes)
      labels.push_back(below(random, node.labels.size()));
    auto originals = reduced.originals(labels);
    int64_t value = countedValue(problem, {originals.begin(), originals.end()});
    ASSERT_EQ(reduced.value(labels), value);
    ASSERT_EQ(problem.value(originals), value);
    ASSERT_EQ(reduced.reduced(originals), labels);
    unsigned node = below(random, shape.nodes);
    Labels moved = labels;
    moved[node] = below(random, reduced.nodes[node].labels.size());
    ASSERT_EQ(reduced.change(labels, node, moved[node]), reduced.value(moved) - value);
  }
}

TEST(FrontierPartition, AloneEqualsTheOracle) {
  std::mt19937 random(22);
  for (int round = 0; round < 1500; ++round) {
    RandomShape shape;
    shape.nodes = 1 + below(random, 8);
    shape.places = 1 + below(random, 4);
    shape.demands = 1 + below(random, 5);
    shape.greatestTransfer = 1 + below(random, 40);
    PartitionProblem problem = randomPartition(random, shape);
    PartitionPlan plan = solveBy(PartitionMethod::Frontier, problem);
    ASSERT_EQ(plan.value, *leastValue(problem)) << "round " << round;
    ASSERT_TRUE(plan.isOptimal());
  }
}

// Without its bound: a dual bound of messages that were never sent prunes nothing
// of use, so merging and dominance alone must be right.
TEST(FrontierPartition, EqualsTheOracleWithAWeakBound) {
  std::mt19937 random(23);
  for (int round = 0; round < 500; ++round) {
    RandomShape shape;
    shape.nodes = 1 + below(random, 8);
    PartitionProblem problem = randomPartition(random, shape);
    ReducedPartition reduced = reduceAll(problem);
    DualBound dual(reduced);
    FrontierOptions options;
    options.upper = greatestSum * 2;
    options.maxStates = options.maxTransitions = 10000000;
    FrontierResult found = searchFrontier(reduced, dual, options);
    ASSERT_TRUE(found.complete && found.labels);
    ASSERT_EQ(found.value, *leastValue(problem));
    ASSERT_EQ(found.lowerBound, found.value);
    // Nothing is found that is not below the optimum, and that is known.
    options.upper = found.value;
    FrontierResult none = searchFrontier(reduced, dual, options);
    ASSERT_TRUE(none.complete && !none.labels);
  }
}

TEST(FrontierPartition, ANarrowBeamGivesAPlanAndABound) {
  std::mt19937 random(24);
  for (int round = 0; round < 300; ++round) {
    RandomShape shape;
    shape.nodes = 9;
    PartitionProblem problem = randomPartition(random, shape);
    ReducedPartition reduced = reduceAll(problem);
    DualBound dual(reduced);
    FrontierOptions options;
    options.upper = greatestSum * 2;
    options.maxStates = options.maxTransitions = 10000000;
    options.width = 2;
    FrontierResult found = searchFrontier(reduced, dual, options);
    int64_t least = *leastValue(problem);
    ASSERT_TRUE(found.labels.has_value());
    ASSERT_EQ(found.value, reduced.value(*found.labels));
    ASSERT_GE(found.value, least);
    ASSERT_LE(found.lowerBound, least);
    if (found.complete)
      ASSERT_EQ(found.value, least);
  }
}

TEST(DualBound, NeverAboveTheOptimumAndNeverFalling) {
  std::mt19937 random(25);
  int64_t bounds = 0, optima = 0;
  for (int round = 0; round < 800; ++round) {
    RandomShape shape;
    shape.nodes = 1 + below(random, 8);
    shape.regular = round % 2;
    PartitionProblem problem = randomPartition(random, shape);
    int64_t least = *leastValue(problem);
    ReducedPartition reduced = reduceAll(problem);
    DualBound dual(reduced);
    int64_t last = dual.bound();
    for (unsigned step = 0; step < 5; ++step) {
      ASSERT_LE(last, least) << "round " << round;
      int64_t next = dual.improve(4, greatestSum);
      ASSERT_GE(next, last);
      last = next;
    }
    bounds += last;
    optima += least;
  }
  // Tight enough to be of use.
  EXPECT_GE(bounds * 100, optima * 99);
  RecordProperty("bound_percent", std::to_string(100.0 * bounds / optima));
}

// Two engines, transfers between them that cost the same in both directions: a
// minimum cut, the frontier search and the oracle agree.
TEST(MinCutPartition, EqualsTheFrontierAndTheOracle) {
  std::mt19937 random(26);
  for (int round = 0; round < 1000; ++round) {
    RandomShape shape;
    shape.nodes = 1 + below(random, 11);
    shape.places = 2;
    shape.regular = true;
    shape.greatestTransfer = 1 + below(random, 20);
    PartitionProblem problem = randomPartition(random, shape);
    int64_t least = *leastValue(problem);
    PartitionPlan cut = solveBy(PartitionMethod::MinCut, problem);
    ASSERT_EQ(cut.value, least) << "round " << round;
    ASSERT_TRUE(cut.isOptimal());
    ASSERT_EQ(solveBy(PartitionMethod::Frontier, problem).value, least);
  }
}

// Costs that are no cut are refused rather than solved wrongly.
TEST(MinCutPartition, RefusesWhatIsNoCut) {
  std::mt19937 random(27);
  int refused = 0;
  for (int round = 0; round < 1000; ++round) {
    RandomShape shape;
    shape.nodes = 1 + below(random, 8);
    shape.labels = 2;
    shape.places = 2;
    PartitionProblem problem = randomPartition(random, shape);
    std::optional<Labels> labels = solveByMinCut(reduceAll(problem));
    refused += !labels;
    if (labels)
      ASSERT_EQ(reduceAll(problem).value(*labels), *leastValue(problem)) << "round " << round;
  }
  EXPECT_GT(refused, 20);
  EXPECT_LT(refused, 900);
}

// A transfer from the same place is dearer than from the other: the cut that comes
// nearest costs 4, the optimum 1. Seen from either side.
TEST(MinCutPartition, RefusesWhatIsNotSubmodular) {
  PartitionProblem problem;
  problem.places = 2;
  problem.nodes = {{"p", {{1, 0}, {0, 1}}}, {"v", {{4, 0}, {0, 1}}}};
  PartitionTensor tensor;
  tensor.name = "x";
  tensor.producer = 0;
  tensor.demands = 1;
  tensor.cost = {0, 10};
  tensor.uses = {{1, {noDemand, 0}}};
  problem.tensors = {tensor};
  ASSERT_EQ(*leastValue(problem), 1);
  EXPECT_FALSE(solveByMinCut(reduceAll(problem)));
  std::swap(problem.nodes[0].labels[0], problem.nodes[0].labels[1]);
  ASSERT_EQ(*leastValue(problem), 1);
  EXPECT_FALSE(solveByMinCut(reduceAll(problem)));
  EXPECT_EQ(solveBy(PartitionMethod::Frontier, problem).value, 1);
}

TEST(MinCutPartition, WideGraphsOfTwoPlaces) {
  std::mt19937 random(28);
  RandomShape shape;
  shape.nodes = 400;
  shape.places = 2;
  shape.regular = true;
  PartitionProblem problem = randomPartition(random, shape);
  PartitionPlan cut = solveBy(PartitionMethod::MinCut, problem);
  EXPECT_TRUE(cut.isOptimal());
  llvm::Expected<PartitionPlan> plan = solvePartition(problem);
  ASSERT_TRUE(bool(plan));
  EXPECT_EQ(plan->value, cut.value);
  EXPECT_TRUE(plan->isOptimal());
}

TEST(ExpansionPartition, BetweenTheBoundAndItsStart) {
  std::mt19937 random(29);
  int64_t values = 0, optima = 0;
  for (int round = 0; round < 500; ++round) {
    RandomShape shape;
    shape.nodes = 1 + below(random, 8);
    shape.regular = round % 2;
    PartitionProblem problem = randomPartition(random, shape);
    int64_t least = *leastValue(problem);
    PartitionPlan plan = solveBy(PartitionMethod::Expansion, problem);
    ASSERT_GE(plan.value, least);
    ASSERT_LE(plan.lowerBound, least);
    ReducedPartition reduced = reduceAll(problem);
    Labels start;
    for (const ReducedNode &node : reduced.nodes)
      start.push_back(below(random, node.labels.size()));
    int64_t before = reduced.value(start);
    ASSERT_LE(reduced.value(expand(reduced, start)), before);
    values += plan.value;
    optima += least;
  }
  EXPECT_LE(values * 100, optima * 101);
}
