// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The problem's own checks: what it refuses, what a share of the bandwidth is,
// and that the verifier finds every kind of mistake in a plan.

#include "test/unit/schedule/ScheduleInstances.h"

#include "gtest/gtest.h"

using namespace tercet::schedule;

static std::string textOf(llvm::Error error) { return llvm::toString(std::move(error)); }

namespace {

/// Task 0 on engine 0 for 4 ps; task 1 in two parts on both, 3 and 2 ps; task 2
/// on engine 1 for 5 ps. 0 -> 1 -> 2, a lag of 1 ps.
struct ProblemTest : testing::Test {
  ScheduleProblem problem;
  void SetUp() override {
    problem.engines = 2;
    problem.defaultLags = {0, 1, 1, 0};
    problem.tasks.resize(3);
    problem.tasks[0].modes = {{{{0, 4}}, 8}};
    problem.tasks[1].modes = {{{{0, 3}, {1, 2}}, 0}};
    problem.tasks[2].modes = {{{{1, 5}}, 0}};
    problem.tasks[0].resultBytes = 10;
    problem.tasks[1].resultBytes = 20;
    problem.tasks[2].resultBytes = 40;
    problem.edges = {{0, 1, 0, {}}, {1, 2, 0, {}}};
  }
  std::string check() { return textOf(problem.check()); }
};

/// The plan of that problem: 0 at 0, 1 at 4 and 5, 2 at 8.
struct VerifyTest : ProblemTest {
  SchedulePlan plan;
  void SetUp() override {
    ProblemTest::SetUp();
    plan.modes = {0, 0, 0};
    plan.starts = {{0}, {4, 5}, {8}};
    plan.makespan = 13;
    plan.peak = 60;
  }
  std::string verify() { return textOf(plan.verify(problem)); }
};

} // namespace

TEST_F(ProblemTest, CheckAcceptsWhatIsConsistent) {
  EXPECT_EQ(check(), "");
  EXPECT_EQ(textOf(ScheduleProblem().check()), "");
}

TEST_F(ProblemTest, CheckNamesTheTask) {
  problem.tasks[1].modes[0].parts[1].engine = 2;
  EXPECT_EQ(check(), "task 1, mode 0: engine 2 of 2");
  problem.tasks[1].modes[0].parts[1].engine = 0;
  EXPECT_EQ(check(), "task 1, mode 0 has two parts on engine 0");
  problem.tasks[1].modes[0].parts[1] = {1, -2};
  EXPECT_EQ(check(), "task 1, mode 0: duration -2 is negative");
  problem.tasks[1].modes[0].parts.clear();
  EXPECT_EQ(check(), "task 1, mode 0 has no part");
  problem.tasks[1].modes.clear();
  EXPECT_EQ(check(), "task 1 has no mode");
  problem.tasks[0].resultBytes = -1;
  EXPECT_EQ(check(), "task 0: result of -1 bytes is negative");
  problem.tasks[0].modes[0].bandwidthBytes = -8;
  problem.tasks[0].resultBytes = 1;
  EXPECT_EQ(check(), "task 0, mode 0: -8 bytes is negative");
}

TEST_F(ProblemTest, CheckNamesTheEdge) {
  problem.edges[1] = {2, 1, 0, {}};
  EXPECT_EQ(check(), "edge 1: from task 2 to 1 does not ascend; tasks must be in a topological "
                     "order");
  problem.edges[1] = {1, 1, 0, {}};
  EXPECT_EQ(check(), "edge 1: from task 1 to 1 does not ascend; tasks must be in a topological "
                     "order");
  problem.edges[1] = {1, 3, 0, {}};
  EXPECT_EQ(check(), "edge 1: from task 1 to 3 of 3");
  problem.edges[1] = {1, 2, -1, {}};
  EXPECT_EQ(check(), "edge 1: -1 bytes is negative");
  problem.edges[1] = {1, 2, 0, {0, 1, 1}};
  EXPECT_EQ(check(), "edge 1: expected 4 lags, got 3");
  problem.edges[1] = {1, 2, 0, {0, -1, 1, 0}};
  EXPECT_EQ(check(), "edge 1: lag -1 from engine 0 to 1 is negative");
  problem.edges[1] = {1, 2, 0, {0, 1, 1, 7}};
  EXPECT_EQ(check(), "edge 1: lag 7 from engine 1 to 1 is not 0");
  problem.edges.pop_back();
  problem.defaultLags = {1};
  EXPECT_EQ(check(), "the problem: expected 4 lags, got 1");
}

TEST_F(ProblemTest, CheckNamesEngines) {
  problem.engines = 0;
  problem.defaultLags.clear();
  EXPECT_EQ(check(), "there are tasks but no engines");
  problem.engines = 65;
  EXPECT_EQ(check(), "65 engines; 64 is the limit");
}

TEST_F(ProblemTest, CheckRefusesWhatDoesNotAddUp) {
  std::string tooLong = "durations and lags add up to more than 2^50 ps";
  problem.tasks[0].modes[0].parts[0].duration = ScheduleProblem::timeLimit;
  EXPECT_EQ(check(), tooLong);
  int64_t most = std::numeric_limits<int64_t>::max();
  problem.tasks[0].modes[0].parts[0].duration = most;
  problem.tasks[1].modes[0].parts[0].duration = most;
  EXPECT_EQ(check(), tooLong);
  SetUp();
  problem.defaultLags[1] = ScheduleProblem::timeLimit;
  EXPECT_EQ(check(), tooLong);
  SetUp();
  problem.tasks[0].resultBytes = most;
  EXPECT_EQ(check(), "the results add up to more than 64 bits hold");
}

TEST_F(ProblemTest, BytesNeedTimeWhereBandwidthIsLimited) {
  problem.bandwidth = -1;
  EXPECT_EQ(check(), "bandwidth -1 is negative");
  problem.bandwidth = 1;
  EXPECT_EQ(check(), "");
  problem.tasks[0].modes[0].parts[0].duration = 0;
  EXPECT_EQ(check(), "task 0, mode 0 moves 8 bytes in no time");
  problem.bandwidth = 0;
  EXPECT_EQ(check(), "");
}

TEST_F(ProblemTest, ShareIsTheRateRoundedUp) {
  TaskMode mode{{{0, 1000}, {1, 3000}}, 1000};
  EXPECT_EQ(problem.bandwidthShare(mode), 0);
  problem.bandwidth = 1'000'000'000'000; // A byte a picosecond: a quarter is needed.
  EXPECT_EQ(problem.bandwidthShare(mode), 1024);
  mode.bandwidthBytes = 1001;
  EXPECT_EQ(problem.bandwidthShare(mode), 1026);
  mode.bandwidthBytes = 1;
  EXPECT_EQ(problem.bandwidthShare(mode), 2);
  mode.bandwidthBytes = 5000;
  EXPECT_EQ(problem.bandwidthShare(mode), 4096);
  mode.bandwidthBytes = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(problem.bandwidthShare(mode), 4096);
}

TEST_F(ProblemTest, PeakCountsInputsAndResult) {
  EXPECT_EQ(problem.peak({0, 1, 2}), 60);
  problem.edges.push_back({0, 2, 0, {}});
  EXPECT_EQ(problem.peak({0, 1, 2}), 70);
}

TEST_F(VerifyTest, AcceptsAPlan) {
  EXPECT_EQ(verify(), "");
  EXPECT_EQ(plan.gap(), 10000);
  plan.lowerBound = 12;
  EXPECT_EQ(plan.gap(), 834);
  EXPECT_FALSE(plan.isOptimal());
  plan.lowerBound = 13;
  EXPECT_EQ(plan.gap(), 0);
  EXPECT_TRUE(plan.isOptimal());
}

TEST_F(VerifyTest, RefusesOverlap) {
  problem.edges.clear();
  plan.starts[2] = {6};
  EXPECT_EQ(verify(), "tasks 1 and 2 overlap on engine 1");
}

TEST_F(VerifyTest, EveryPartWaitsForEveryPart) {
  plan.starts[1] = {4, 4};
  EXPECT_EQ(verify(), "task 1 starts at 4 before what task 0 writes until 4 is there");
  // Engine 1 has what it did itself at 7, but needs what engine 0 did too.
  plan.starts[1] = {4, 5};
  plan.starts[2] = {7};
  EXPECT_EQ(verify(), "task 2 starts at 7 before what task 1 writes until 7 is there");
}

TEST_F(VerifyTest, LagsOfAnEdgeReplaceThoseOfTheProblem) {
  problem.edges[0].lags = {0, 2, 2, 0};
  EXPECT_EQ(verify(), "task 1 starts at 5 before what task 0 writes until 4 is there");
}

TEST_F(VerifyTest, RefusesTooMuchBandwidth) {
  problem.edges.clear();
  problem.bandwidth = 2'000'000'000'000; // Task 0 takes all of it.
  plan.starts = {{0}, {4, 5}, {7}};
  plan.makespan = 12;
  plan.peak = 40;
  EXPECT_EQ(verify(), "");
  problem.tasks[1].modes[0].bandwidthBytes = 1;
  plan.starts[1] = {4, 3};
  EXPECT_EQ(verify(), "the tasks that run at 3 ps take 4506/4096 of the bandwidth");
}

TEST_F(VerifyTest, RefusesWrongFigures) {
  plan.makespan = 12;
  EXPECT_EQ(verify(), "makespan is 13, said to be 12");
  plan.makespan = 13;
  plan.peak = 59;
  EXPECT_EQ(verify(), "peak is 60 bytes, said to be 59");
  plan.peak = 60;
  plan.lowerBound = 14;
  EXPECT_EQ(verify(), "the bound 14 is above the makespan 13");
  plan.lowerBound = 13;
  plan.peakLowerBound = 61;
  EXPECT_EQ(verify(), "the bound 61 is above the peak 60");
}

TEST_F(VerifyTest, RefusesMissingAndWildEntries) {
  plan.starts[1].pop_back();
  EXPECT_EQ(verify(), "task 1: expected 2 starts, got 1");
  plan.starts[1] = {4, -1};
  EXPECT_EQ(verify(), "task 1 starts at -1");
  plan.modes[1] = 1;
  EXPECT_EQ(verify(), "task 1 has no mode 1");
  plan.modes.pop_back();
  EXPECT_EQ(verify(), "expected a mode and starts for each of 3 tasks, got 2 and 3");
}
