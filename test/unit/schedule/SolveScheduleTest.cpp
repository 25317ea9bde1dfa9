// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The solver against oracles that try everything, against itself on problems
// that must not be harder, and against what it promises never to be worse than.

#include "test/unit/schedule/ScheduleInstances.h"

#include "gtest/gtest.h"

#include <functional>

using namespace tercet::schedule;

/// Solves and verifies.
static SchedulePlan solve(const ScheduleProblem &problem) {
  EXPECT_EQ(llvm::toString(problem.check()), "");
  SchedulePlan plan = solveSchedule(problem);
  EXPECT_EQ(llvm::toString(plan.verify(problem)), "");
  EXPECT_FALSE(plan.method.empty());
  EXPECT_LE(boundsOf(problem).best(), plan.makespan);
  return plan;
}

/// The optimum, which the solver must have proven.
static int64_t optimum(const ScheduleProblem &problem) {
  SchedulePlan plan = solve(problem);
  EXPECT_TRUE(plan.isOptimal()) << plan.lowerBound << " of " << plan.makespan;
  return plan.makespan;
}

static void expectOptimal(const ScheduleProblem &problem, int round) {
  int64_t least = leastMakespan(problem);
  EXPECT_EQ(optimum(problem), least) << "round " << round;
  EXPECT_LE(boundsOf(problem).best(), least) << "round " << round;
}

TEST(SolveSchedule, Empty) {
  SchedulePlan plan = solve(ScheduleProblem());
  EXPECT_EQ(plan.makespan, 0);
  EXPECT_TRUE(plan.isPeakOptimal());
}

TEST(SolveSchedule, TasksWithoutTime) {
  ScheduleProblem problem;
  problem.engines = 2;
  problem.tasks.resize(3);
  for (unsigned t = 0; t < 3; ++t)
    problem.tasks[t].modes = {{{{t % 2, 0}}, 0}};
  problem.edges = {{0, 1, 0, {}}, {1, 2, 0, {}}};
  EXPECT_EQ(optimum(problem), 0);
}

// Shares, lags by edge, several modes, tasks that take no time.
TEST(SolveSchedule, EqualsTheOracle) {
  Rng rng(1);
  for (int round = 0; round < 250; ++round)
    expectOptimal(mixed(rng, between(rng, 1, 5), between(rng, 1, 3), false, 3), round);
}

TEST(SolveSchedule, EqualsTheOracleWithLimitedBandwidth) {
  Rng rng(2);
  for (int round = 0; round < 250; ++round)
    expectOptimal(mixed(rng, between(rng, 1, 5), between(rng, 2, 3), true, 3), round);
}

TEST(SolveSchedule, EqualsTheOracleOnSevenTasks) {
  Rng rng(3);
  for (int round = 0; round < 40; ++round)
    expectOptimal(mixed(rng, 7, 2, round % 2, 2), round);
}

// Two parts, one on each engine, of two tasks whose inputs come to the engines
// at different times: the order on one engine is the reverse of the other's.
TEST(SolveSchedule, PartsOfTasksMayCross) {
  ScheduleProblem problem;
  problem.engines = 2;
  problem.tasks.resize(4);
  problem.tasks[0].modes = {{{{0, 1}}, 0}};
  problem.tasks[1].modes = {{{{1, 1}}, 0}};
  problem.tasks[2].modes = problem.tasks[3].modes = {{{{0, 10}, {1, 10}}, 0}};
  problem.edges = {{0, 2, 0, {0, 10, 10, 0}}, {1, 3, 0, {0, 10, 10, 0}}};
  EXPECT_EQ(optimum(problem), 21);
}

TEST(SolveSchedule, SameInputSamePlan) {
  for (const ScheduleProblem &problem :
       {branchy(4, 60, 50), transformer(5, 4, 50, true), branchy(6, 120, 50, 20, 1)}) {
    SchedulePlan first = solve(problem), second = solve(problem);
    EXPECT_EQ(first.modes, second.modes);
    EXPECT_EQ(first.starts, second.starts);
    EXPECT_EQ(first.method, second.method);
    EXPECT_EQ(first.nodes, second.nodes);
  }
}

// The time of the input's modes in its order, and of each engine alone.
TEST(SolveSchedule, NeverWorseThanTheInputOrOneEngine) {
  Rng rng(7);
  for (unsigned round = 0; round < 12; ++round) {
    ScheduleProblem problem = branchy(100 + round, between(rng, 5, 60), 1000);
    for (ScheduleTask &task : problem.tasks)
      std::shuffle(task.modes.begin(), task.modes.end(), rng);
    int64_t makespan = solve(problem).makespan;
    for (int engine = -1; engine < 3; ++engine) {
      std::vector<int64_t> free(3, 0), ends(problem.tasks.size());
      std::vector<unsigned> on(problem.tasks.size());
      bool all = true;
      for (unsigned t = 0; t < problem.tasks.size(); ++t) {
        const TaskPart *part = engine < 0 ? &problem.tasks[t].modes[0].parts[0] : nullptr;
        for (const TaskMode &mode : problem.tasks[t].modes)
          if (static_cast<int>(mode.parts[0].engine) == engine)
            part = &mode.parts[0];
        if (!part) {
          all = false;
          break;
        }
        on[t] = part->engine;
        int64_t start = free[on[t]];
        for (const ScheduleEdge &edge : problem.edges)
          if (edge.to == t)
            start = std::max(start, ends[edge.from] + problem.lag(edge, on[edge.from], on[t]));
        free[on[t]] = ends[t] = start + part->duration;
      }
      if (all) {
        EXPECT_LE(makespan, *std::max_element(ends.begin(), ends.end())) << "engine " << engine;
      }
    }
  }
}

//===-- Problems that must not be harder ----------------------------------===//

TEST(SolveScheduleMetamorphic, AnotherEngineIsNoHarm) {
  Rng rng(11);
  for (int round = 0; round < 60; ++round) {
    ScheduleProblem problem = mixed(rng, 8, 2, round % 2, 2), larger = problem;
    larger.engines = 3;
    auto widen = [](llvm::SmallVector<int64_t, 0> &lags) {
      if (!lags.empty())
        lags = {0, lags[1], 3, lags[2], 0, 3, 3, 3, 0};
    };
    widen(larger.defaultLags);
    for (ScheduleEdge &edge : larger.edges)
      widen(edge.lags);
    for (ScheduleTask &task : larger.tasks) {
      task.modes.push_back(task.modes[0]);
      task.modes.back().parts[0].engine = 2;
    }
    EXPECT_LE(optimum(larger), optimum(problem)) << "round " << round;
  }
}

TEST(SolveScheduleMetamorphic, TwiceTheBandwidthIsNoHarm) {
  Rng rng(12);
  int better = 0;
  for (int round = 0; round < 60; ++round) {
    ScheduleProblem problem = mixed(rng, 8, 3, true, 2), wider = problem;
    wider.bandwidth *= 2;
    int64_t before = optimum(problem), after = optimum(wider);
    EXPECT_LE(after, before) << "round " << round;
    better += after < before;
  }
  EXPECT_GT(better, 5);
}

TEST(SolveScheduleMetamorphic, TimesScale) {
  Rng rng(13);
  for (int round = 0; round < 60; ++round) {
    ScheduleProblem problem = mixed(rng, 8, 3, round % 2, 2), longer = problem;
    auto scale = [](llvm::SmallVector<int64_t, 0> &lags) {
      for (int64_t &lag : lags)
        lag *= 7;
    };
    scale(longer.defaultLags);
    for (ScheduleEdge &edge : longer.edges)
      scale(edge.lags);
    for (ScheduleTask &task : longer.tasks)
      for (TaskMode &mode : task.modes) {
        mode.bandwidthBytes *= 7;
        for (TaskPart &part : mode.parts)
          part.duration *= 7;
      }
    EXPECT_EQ(optimum(longer), 7 * optimum(problem)) << "round " << round;
  }
}

TEST(SolveScheduleMetamorphic, FewerEdgesAndTasksWithoutTimeAreNoHarm) {
  Rng rng(14);
  for (int round = 0; round < 60; ++round) {
    ScheduleProblem problem = mixed(rng, 8, 3, round % 2, 2);
    int64_t before = optimum(problem);
    ScheduleProblem fewer = problem;
    if (!fewer.edges.empty())
      fewer.edges.erase(fewer.edges.begin() + rng() % fewer.edges.size());
    EXPECT_LE(optimum(fewer), before) << "round " << round;
    ScheduleProblem more = problem;
    ScheduleTask instant;
    instant.modes = {{{{0, 0}}, 0}};
    more.tasks.push_back(instant);
    EXPECT_EQ(optimum(more), before) << "round " << round;
  }
}

//===-- One engine: the peak ----------------------------------------------===//

static ScheduleProblem oneEngine(Rng &rng, unsigned count) {
  ScheduleProblem problem = mixed(rng, count, 1, false, 2);
  return problem;
}

TEST(PeakOrder, EqualsTheOracle) {
  Rng rng(21);
  for (int round = 0; round < 120; ++round) {
    ScheduleProblem problem = oneEngine(rng, round < 115 ? between(rng, 1, 7) : 9);
    SchedulePlan plan = solve(problem);
    EXPECT_EQ(plan.peak, leastPeak(problem)) << "round " << round;
    EXPECT_TRUE(plan.isPeakOptimal()) << "round " << round;
  }
}

// Everything in its shortest mode, without a gap.
TEST(PeakOrder, TakesNoTimeMoreThanTheWork) {
  Rng rng(22);
  ScheduleProblem problem = oneEngine(rng, 30);
  int64_t sum = 0;
  for (const ScheduleTask &task : problem.tasks) {
    int64_t least = task.modes[0].parts[0].duration;
    for (const TaskMode &mode : task.modes)
      least = std::min(least, mode.parts[0].duration);
    sum += least;
  }
  EXPECT_EQ(solve(problem).makespan, sum);
}

TEST(PeakOrder, NeverWorseThanProgramOrDepthFirstOrder) {
  for (unsigned round = 0; round < 20; ++round) {
    ScheduleProblem problem = branchy(200 + round, 40 + 13 * round, 0, 8 + 3 * round, 1);
    std::vector<unsigned> program, depthFirst;
    for (unsigned t = 0; t < problem.tasks.size(); ++t)
      program.push_back(t);
    std::vector<bool> done(problem.tasks.size());
    std::function<void(unsigned)> visit = [&](unsigned task) {
      if (done[task])
        return;
      done[task] = true;
      std::vector<const ScheduleEdge *> inputs;
      for (const ScheduleEdge &edge : problem.edges)
        if (edge.to == task)
          inputs.push_back(&edge);
      std::stable_sort(inputs.begin(), inputs.end(),
                       [](auto *a, auto *b) { return a->bytesOut > b->bytesOut; });
      for (const ScheduleEdge *edge : inputs)
        visit(edge->from);
      depthFirst.push_back(task);
    };
    for (unsigned t = 0; t < problem.tasks.size(); ++t)
      if (std::none_of(problem.edges.begin(), problem.edges.end(),
                       [&](const ScheduleEdge &edge) { return edge.from == t; }))
        visit(t);
    int64_t peak = solve(problem).peak;
    EXPECT_LE(peak, problem.peak(program)) << "round " << round;
    EXPECT_LE(peak, problem.peak(depthFirst)) << "round " << round;
  }
}

// A network whose layers are narrow is solved exactly at any depth.
TEST(PeakOrder, ProvesDeepNetworks) {
  ScheduleProblem problem = transformer(23, 90, 0, false);
  for (ScheduleTask &task : problem.tasks)
    task.modes = {{{{0, 100}}, 0}};
  EXPECT_TRUE(solve(problem).isPeakOptimal());
  problem = inception(24, 30, 0);
  for (ScheduleTask &task : problem.tasks)
    task.modes = {{{{0, 100}}, 0}};
  EXPECT_TRUE(solve(problem).isPeakOptimal());
}
