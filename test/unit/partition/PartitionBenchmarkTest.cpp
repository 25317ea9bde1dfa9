// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Networks of real shape: proven optimal within a budget of states. Times are
// printed, never compared.

#include "test/unit/partition/NetworkInstances.h"

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

INSTANTIATE_TEST_SUITE_P(Networks, PartitionBenchmark,
                         testing::Values(Case{"chain", chain, 2, true, 1000000, 1000000},
                                         Case{"chain", chain, 3, true, 1000000, 1000000},
                                         Case{"prefill", prefill, 2, true, 1000000, 1000000},
                                         Case{"prefill", prefill, 3, true, 1000000, 1000000},
                                         Case{"decode", decode, 2, true, 1000000, 1000000},
                                         Case{"decode", decode, 3, true, 1000000, 1000000},
                                         Case{"deep", deep, 2, true, 1000000, 1000000},
                                         Case{"deep", deep, 3, true, 1000000, 1000000},
                                         Case{"deep", deep, 2, false, 1000000, 1000000},
                                         Case{"inception", inception, 2, true, 1000000, 1000000},
                                         Case{"inception", inception, 3, true, 1000000, 1000000},
                                         Case{"cells", cells, 2, true, 1000000, 1000000},
                                         Case{"cells", cells, 3, true, 1000000, 1000000},
                                         Case{"cells", cells, 3, false, 1000000, 1000000}));
