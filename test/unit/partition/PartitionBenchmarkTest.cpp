// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Networks of real shape: proven optimal within a budget of states. Times are
// printed, never compared.

#include "test/unit/partition/NetworkInstances.h"
#include "test/unit/partition/PartitionInstances.h"

#include "gtest/gtest.h"

#include <cstdio>
#include <ctime>

using namespace tercet::partition;

namespace {

struct Case {
  const char *name;
  PartitionProblem (*build)(Network network);
  unsigned engines;
  bool shares;
  /// States in all and at one step that are enough today, with room to spare.
  int64_t states, widest;
};

void PrintTo(const Case &instance, std::ostream *stream) {
  *stream << instance.name << ", " << instance.engines << " engines";
}

class PartitionBenchmark : public testing::TestWithParam<Case> {};

} // namespace

TEST_P(PartitionBenchmark, IsProvenOptimal) {
  const Case &instance = GetParam();
  PartitionProblem problem =
      instance.build(Network(benchmarkEngines(instance.engines), instance.shares, 1));
  size_t labels = 0;
  for (const PartitionNode &node : problem.nodes)
    labels += node.labels.size();
  std::clock_t start = std::clock();
  llvm::Expected<PartitionPlan> plan = solvePartition(problem);
  double milliseconds = 1000.0 * (std::clock() - start) / CLOCKS_PER_SEC;
  ASSERT_TRUE(bool(plan));
  EXPECT_EQ(llvm::toString(plan->verify(problem)), "");
  double best = plan->bestSinglePlace->value;
  std::printf("%-14s engines %u%s nodes %zu labels %zu frontier %lld widest %lld states %lld %s "
              "gap %lld permille, %.3f of the best single place, %.1f ms of CPU\n",
              instance.name, instance.engines, instance.shares ? " with shares" : "",
              problem.nodes.size(), labels, static_cast<long long>(plan->frontier),
              static_cast<long long>(plan->widestStep), static_cast<long long>(plan->states),
              plan->method.c_str(), static_cast<long long>(plan->gapPermille()), plan->value / best,
              milliseconds);
  EXPECT_TRUE(plan->isOptimal());
  EXPECT_LE(plan->states, instance.states);
  EXPECT_LE(plan->widestStep, instance.widest);
}

static PartitionProblem chain(Network network) { return chainNetwork(std::move(network), 1000); }
static PartitionProblem prefill(Network network) {
  return transformerNetwork(std::move(network), 32, 64);
}
static PartitionProblem decode(Network network) {
  return transformerNetwork(std::move(network), 32, 1);
}
static PartitionProblem deep(Network network) {
  return transformerNetwork(std::move(network), 72, 8);
}
static PartitionProblem inception(Network network) {
  return inceptionNetwork(std::move(network), 11);
}
static PartitionProblem cells(Network network) { return cellNetwork(std::move(network), 12, 5); }

// Random graphs far too wide for the exact search: what is left is a plan, a bound
// and a gap.
TEST(PartitionBenchmarkOfWideGraphs, HaveAGap) {
  std::mt19937 random(51);
  for (unsigned nodes : {200, 1000}) {
    RandomShape shape;
    shape.nodes = nodes;
    shape.regular = true;
    shape.reach = nodes;
    shape.greatestCost = shape.greatestTransfer = 1000;
    PartitionProblem problem = randomPartition(random, shape);
    std::clock_t start = std::clock();
    llvm::Expected<PartitionPlan> plan = solvePartition(problem);
    double milliseconds = 1000.0 * (std::clock() - start) / CLOCKS_PER_SEC;
    ASSERT_TRUE(bool(plan));
    EXPECT_EQ(llvm::toString(plan->verify(problem)), "");
    std::printf("random, %u nodes, engines 3: frontier %lld states %lld %s, gap %lld permille, "
                "%.1f ms of CPU\n",
                nodes, static_cast<long long>(plan->frontier), static_cast<long long>(plan->states),
                plan->method.c_str(), static_cast<long long>(plan->gapPermille()), milliseconds);
    EXPECT_LE(plan->gapPermille(), 30);
  }
}

// Weights that do not fit the fastest engine: within a permille of the bound.
class PartitionBenchmarkOfLimits : public testing::TestWithParam<std::pair<unsigned, int64_t>> {};

TEST_P(PartitionBenchmarkOfLimits, StaysNearItsBound) {
  auto [engines, percent] = GetParam();
  Network network(benchmarkEngines(engines), /*shares=*/true, 1);
  network.weightPercent = percent;
  PartitionProblem problem = transformerNetwork(std::move(network), 32, 64);
  std::clock_t start = std::clock();
  llvm::Expected<PartitionPlan> plan = solvePartition(problem);
  double milliseconds = 1000.0 * (std::clock() - start) / CLOCKS_PER_SEC;
  ASSERT_TRUE(bool(plan));
  EXPECT_EQ(llvm::toString(plan->verify(problem)), "");
  std::printf("room for %lld%% of the weights, engines %u: %s, widest %lld states %lld, "
              "gap %lld permille, %.1f ms of CPU\n",
              static_cast<long long>(percent), engines, plan->method.c_str(),
              static_cast<long long>(plan->widestStep), static_cast<long long>(plan->states),
              static_cast<long long>(plan->gapPermille()), milliseconds);
  EXPECT_LE(plan->gapPermille(), 5);
}

INSTANTIATE_TEST_SUITE_P(Networks, PartitionBenchmarkOfLimits,
                         testing::Values(std::pair(2u, 10), std::pair(2u, 40), std::pair(2u, 80),
                                         std::pair(3u, 10), std::pair(3u, 40), std::pair(3u, 80)));

INSTANTIATE_TEST_SUITE_P(
    Networks, PartitionBenchmark,
    testing::Values(
        Case{"chain", chain, 2, true, 1000000, 1000000}, Case{"chain", chain, 2, true, 10000, 64},
        Case{"chain", chain, 3, true, 15000, 64}, Case{"prefill", prefill, 2, true, 6000, 64},
        Case{"prefill", prefill, 3, true, 6000, 64}, Case{"decode", decode, 2, true, 12000, 128},
        Case{"decode", decode, 3, true, 12000, 128}, Case{"deep", deep, 2, true, 10000, 64},
        Case{"deep", deep, 3, true, 20000, 64}, Case{"deep", deep, 2, false, 6000, 64},
        Case{"inception", inception, 2, true, 1000, 64},
        Case{"inception", inception, 3, true, 2000, 64}, Case{"cells", cells, 2, true, 6000, 64},
        Case{"cells", cells, 3, true, 6000, 64}, Case{"cells", cells, 3, false, 6000, 64}));
