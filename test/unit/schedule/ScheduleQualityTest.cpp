// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How good plans must be, on graphs of the shapes that networks have, on three
// engines of comparable speed with lags of 0.5, 5 and 50 % of a task's time.
// Where the solver says that it has proven something, an oracle that tries
// everything between two cuts says the same.

#include "test/unit/schedule/ScheduleInstances.h"

#include "gtest/gtest.h"

using namespace tercet::schedule;

static SchedulePlan solve(const ScheduleProblem &problem,
                          ScheduleEffort effort = ScheduleEffort::Normal) {
  EXPECT_EQ(llvm::toString(problem.check()), "");
  SchedulePlan plan = solveSchedule(problem, {effort});
  EXPECT_EQ(llvm::toString(plan.verify(problem)), "");
  return plan;
}

namespace {
struct ScheduleQuality : testing::TestWithParam<int> {};
} // namespace
INSTANTIATE_TEST_SUITE_P(Lags, ScheduleQuality, testing::Values(5, 50, 500));

TEST_P(ScheduleQuality, ChainsAreOptimal) {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    std::vector<unsigned> all;
    for (unsigned t = 0; t < 60; ++t)
      all.push_back(t);
    ScheduleProblem problem = chain(seed, 60, GetParam());
    SchedulePlan plan = solve(problem);
    EXPECT_TRUE(plan.isOptimal());
    EXPECT_EQ(plan.makespan, boundThroughCuts(problem, all));
  }
}

TEST_P(ScheduleQuality, TransformersAreOptimal) {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    std::vector<unsigned> cuts;
    ScheduleProblem problem = transformer(seed, 8, GetParam(), false, &cuts);
    SchedulePlan plan = solve(problem);
    EXPECT_TRUE(plan.isOptimal());
    EXPECT_EQ(plan.makespan, boundThroughCuts(problem, cuts));
  }
}

TEST_P(ScheduleQuality, InceptionIsProven) {
  for (unsigned seed = 1; seed <= 4; ++seed)
    EXPECT_TRUE(solve(inception(seed, 9, GetParam())).isOptimal()) << "seed " << seed;
}

// Up to 25 tasks: within 2 % of the optimum, which more effort proves.
TEST_P(ScheduleQuality, SmallBranchyGraphsAreNearTheOptimum) {
  for (unsigned count : {10, 15, 20, 25}) {
    ScheduleProblem problem = branchy(count, count, GetParam());
    SchedulePlan plan = solve(problem), exact = solve(problem, ScheduleEffort::Thorough);
    EXPECT_TRUE(exact.isOptimal()) << count << " tasks, gap " << exact.gap();
    EXPECT_LE(plan.makespan * 100, exact.makespan * 102) << count << " tasks";
    EXPECT_LE(plan.lowerBound, exact.makespan) << count << " tasks";
  }
}

// No proof here; the figure is a guard against a search that gets worse.
TEST_P(ScheduleQuality, LargeBranchyGraphsStayNearTheBound) {
  int64_t most = GetParam() == 500 ? 118 : 106;
  for (unsigned seed = 1; seed <= 3; ++seed) {
    SchedulePlan plan = solve(branchy(seed, 80, GetParam()));
    EXPECT_LE(plan.makespan * 100, plan.lowerBound * most) << "seed " << seed;
  }
}

// Equal layers are searched once: 32 of them open no more than 4.
TEST(ScheduleRepetition, EqualLayersAreSearchedOnce) {
  std::vector<unsigned> cuts;
  ScheduleProblem few = transformer(2, 4, 500, true), many = transformer(2, 32, 500, true, &cuts);
  SchedulePlan planOfFew = solve(few), planOfMany = solve(many);
  EXPECT_EQ(planOfMany.method, "segments");
  EXPECT_TRUE(planOfMany.isOptimal());
  EXPECT_GT(planOfMany.nodes, 0u);
  EXPECT_LE(planOfMany.nodes, planOfFew.nodes * 2);
  EXPECT_EQ(planOfMany.makespan, boundThroughCuts(many, cuts));
}

// A layer that differs in one task's time is not taken for an equal one.
TEST(ScheduleRepetition, AlmostEqualLayersAreTold) {
  std::vector<unsigned> cuts;
  ScheduleProblem problem = transformer(2, 8, 500, true, &cuts);
  for (TaskMode &mode : problem.tasks[3 * 11 + 4].modes)
    mode.parts[0].duration *= 3;
  SchedulePlan plan = solve(problem);
  EXPECT_TRUE(plan.isOptimal());
  EXPECT_EQ(plan.makespan, boundThroughCuts(problem, cuts));
}

/// Every block gets a copy from a weight's memory on a fourth engine, which waits
/// for nothing and which attention needs, and a task that nobody reads.
static ScheduleProblem withSideTasks(const ScheduleProblem &blocks, std::vector<unsigned> &side) {
  ScheduleProblem problem;
  problem.engines = 4;
  for (unsigned p = 0; p < 4; ++p)
    for (unsigned q = 0; q < 4; ++q)
      problem.defaultLags.push_back(p == q ? 0 : blocks.defaultLags[1]);
  std::vector<unsigned> moved(blocks.tasks.size());
  for (unsigned t = 0; t < blocks.tasks.size(); ++t) {
    bool isAttention = t % 11 == 5;
    if (isAttention) {
      side.push_back(problem.tasks.size());
      problem.tasks.emplace_back();
      problem.tasks.back().modes = {{{{3, 40000}}, 0}};
    }
    moved[t] = problem.tasks.size();
    problem.tasks.push_back(blocks.tasks[t]);
    for (const ScheduleEdge &edge : blocks.edges)
      if (edge.to == t)
        problem.edges.push_back({moved[edge.from], moved[t], edge.bytesOut, {}});
    if (!isAttention)
      continue;
    problem.edges.push_back({side.back(), moved[t], 0, {}});
    side.push_back(problem.tasks.size());
    problem.edges.push_back({moved[t], side.back(), 0, {}});
    problem.tasks.emplace_back();
    problem.tasks.back().modes = {{{{0, 30000}}, 0}, {{{1, 30000}}, 0}};
  }
  return problem;
}

// Tasks at the side hide the cuts from the segments, but cost nothing.
TEST_P(ScheduleQuality, TasksAtTheSideDoNotHideTheCuts) {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    std::vector<unsigned> cuts, side;
    ScheduleProblem blocks = transformer(seed, 12, GetParam(), false, &cuts);
    ScheduleProblem problem = withSideTasks(blocks, side);
    SchedulePlan plan = solve(problem);
    int64_t bound = boundThroughCuts(blocks, cuts);
    EXPECT_LE(plan.makespan * 100, bound * 101) << "seed " << seed;
    EXPECT_LE(bound, plan.makespan) << "seed " << seed;
    EXPECT_GE(plan.lowerBound, bound) << "seed " << seed;
  }
}

// Shares in a chain: a task over two engines, whose parts end at different times.
TEST(ScheduleShares, ChainsWithSharesAreProven) {
  for (unsigned seed = 1; seed <= 6; ++seed) {
    ScheduleProblem problem = chain(seed, 60, 50);
    int64_t single = solve(problem).makespan;
    for (ScheduleTask &task : problem.tasks) {
      TaskMode share;
      share.parts.push_back({0, task.modes[0].parts[0].duration * 5 / 8});
      share.parts.push_back({1, task.modes[1].parts[0].duration * 3 / 8});
      task.modes.push_back(share);
    }
    SchedulePlan plan = solve(problem);
    EXPECT_TRUE(plan.isOptimal());
    EXPECT_LT(plan.makespan, single);
  }
}

// What a limit of the bandwidth does to blocks whose matrices are read from memory.
TEST(ScheduleBandwidth, BytesBoundTheMakespan) {
  ScheduleProblem problem = transformer(3, 6, 50, false);
  problem.bandwidth = 1'000'000'000'000;
  for (ScheduleTask &task : problem.tasks)
    for (TaskMode &mode : task.modes)
      mode.bandwidthBytes = mode.parts[0].duration * 3 / 4;
  SchedulePlan plan = solve(problem);
  int64_t bytes = 0;
  for (const ScheduleTask &task : problem.tasks) {
    int64_t least = task.modes[0].bandwidthBytes;
    for (const TaskMode &mode : task.modes)
      least = std::min(least, mode.bandwidthBytes);
    bytes += least;
  }
  // A byte takes a picosecond; only one such task runs at a time.
  EXPECT_GE(plan.makespan, bytes);
  EXPECT_LE(boundsOf(problem).bandwidth, plan.makespan);
  EXPECT_GE(boundsOf(problem).bandwidth, bytes - 100);
  EXPECT_TRUE(plan.isOptimal());
}
