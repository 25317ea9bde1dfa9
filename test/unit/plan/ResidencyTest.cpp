// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Residency against an oracle that tries every set of kept gaps and counts bytes
// by replaying loads and stores.

#include "passes/plan/Residency.h"

#include "llvm/ADT/STLExtras.h"

#include "gtest/gtest.h"

#include <random>

using namespace tercet::plan;

static std::string textOf(llvm::Error error) { return llvm::toString(std::move(error)); }

/// Bytes that a plan moves; -1 if it does not fit. Written as a machine would do
/// it: a store happens when a value is dropped that is read again, or at the end.
static int64_t replay(const ResidencyProblem &problem, const std::vector<std::vector<bool>> &kept) {
  int64_t first = 1 << 20, last = 0, bytes = 0;
  for (const ResidencyTensor &tensor : problem.tensors) {
    first = std::min(first, tensor.uses.front().step);
    last = std::max(last, tensor.uses.back().step);
  }
  for (int64_t step = first; step <= last; ++step) {
    int64_t present = 0;
    for (size_t t = 0; t < problem.tensors.size(); ++t) {
      const auto &uses = problem.tensors[t].uses;
      for (size_t i = 0; i < uses.size(); ++i)
        if (uses[i].step == step ||
            (i + 1 < uses.size() && kept[t][i] && uses[i].step < step && step < uses[i + 1].step))
          present += problem.tensors[t].size;
    }
    if (present > problem.capacity)
      return -1;
  }
  for (size_t t = 0; t < problem.tensors.size(); ++t) {
    const ResidencyTensor &tensor = problem.tensors[t];
    // Versions of the value on chip and in memory; -1 is none.
    int version = 0, onChip = -1, inMemory = tensor.isInput ? 0 : -1;
    for (size_t i = 0; i < tensor.uses.size(); ++i) {
      if (tensor.uses[i].isWrite) {
        onChip = ++version;
      } else if (onChip < 0) {
        EXPECT_EQ(inMemory, version);
        bytes += tensor.size;
        onChip = version;
      }
      bool more = i + 1 < tensor.uses.size();
      if (more && kept[t][i])
        continue;
      bool wanted = more ? !tensor.uses[i + 1].isWrite : tensor.isOutput;
      if (wanted && inMemory != version) {
        bytes += tensor.size;
        inMemory = version;
      }
      onChip = -1;
    }
  }
  return bytes;
}

static ResidencyProblem randomResidency(std::mt19937 &random, int64_t steps, int64_t size) {
  ResidencyProblem problem;
  size_t gaps = 0;
  for (int64_t id = 0; id < 5; ++id) {
    ResidencyTensor tensor;
    tensor.id = id;
    tensor.size = size < 0 ? -size : 1 + random() % size;
    tensor.isInput = random() % 2;
    tensor.isOutput = random() % 3 == 0;
    for (int64_t step = 0; step < steps && gaps < 13; ++step)
      if (random() % 3 == 0) {
        bool isFirst = tensor.uses.empty();
        tensor.uses.push_back({step, isFirst ? !tensor.isInput : random() % 5 == 0});
        gaps += !isFirst;
      }
    if (!tensor.uses.empty())
      problem.tensors.push_back(tensor);
  }
  while (llvm::Error wrong = problem.check()) {
    llvm::consumeError(std::move(wrong));
    ++problem.capacity;
  }
  problem.capacity += random() % 6;
  return problem;
}

static int64_t fewestBytes(const ResidencyProblem &problem) {
  std::vector<std::pair<size_t, size_t>> gaps;
  std::vector<std::vector<bool>> kept;
  for (auto [t, tensor] : llvm::enumerate(problem.tensors)) {
    kept.emplace_back(tensor.uses.size() - 1);
    for (size_t i = 0; i + 1 < tensor.uses.size(); ++i)
      gaps.push_back({t, i});
  }
  int64_t fewest = -1;
  for (uint32_t set = 0; set < (1u << gaps.size()); ++set) {
    for (size_t i = 0; i < gaps.size(); ++i)
      kept[gaps[i].first][gaps[i].second] = set >> i & 1;
    int64_t bytes = replay(problem, kept);
    if (bytes >= 0 && (fewest < 0 || bytes < fewest))
      fewest = bytes;
  }
  return fewest;
}

TEST(Residency, AgainstTheOracle) {
  std::mt19937 random(1);
  for (int round = 0; round < 150; ++round) {
    ResidencyProblem problem = randomResidency(random, 8, round % 3 ? 6 : -4);
    ResidencyPlan plan = solveResidency(problem);
    EXPECT_EQ(textOf(plan.verify(problem)), "");
    EXPECT_EQ(plan.bytes, replay(problem, plan.kept));
    EXPECT_EQ(plan.bytes, fewestBytes(problem));
    EXPECT_EQ(plan.status(), PlanStatus::Optimal);
  }
}

TEST(Residency, BoundHoldsWithoutSearch) {
  std::mt19937 random(2);
  for (int round = 0; round < 100; ++round) {
    ResidencyProblem problem = randomResidency(random, 8, 6);
    ResidencyPlan plan = solveResidency(problem, /*nodeLimit=*/0);
    EXPECT_EQ(textOf(plan.verify(problem)), "");
    EXPECT_LE(plan.lowerBound, fewestBytes(problem));
  }
}

// Weights of equal size, read again and again: the flow alone is exact.
TEST(Residency, EqualSizesNeedNoSearch) {
  std::mt19937 random(3);
  for (int round = 0; round < 50; ++round) {
    ResidencyProblem problem;
    for (int64_t id = 0; id < 40; ++id) {
      ResidencyTensor tensor = {id, 4096, {}, /*isInput=*/true, /*isOutput=*/false};
      for (int64_t step = random() % 20; step < 60; step += 1 + random() % 20)
        tensor.uses.push_back({step, false});
      problem.tensors.push_back(tensor);
    }
    problem.capacity = 4096 * 24;
    if (llvm::Error tooSmall = problem.check()) {
      llvm::consumeError(std::move(tooSmall));
      continue;
    }
    ResidencyPlan plan = solveResidency(problem);
    EXPECT_EQ(textOf(plan.verify(problem)), "");
    EXPECT_EQ(plan.method, "flow");
    EXPECT_EQ(plan.nodes, 1);
    EXPECT_EQ(plan.status(), PlanStatus::Optimal);
  }
}

TEST(Residency, RoomForAllMovesWhatHasToBeMoved) {
  ResidencyProblem problem;
  problem.capacity = 100;
  problem.tensors.push_back({0, 10, {{0, false}, {5, false}}, true, false});
  problem.tensors.push_back({1, 20, {{1, true}, {4, false}}, false, false});
  problem.tensors.push_back({2, 30, {{2, true}}, false, true});
  EXPECT_EQ(solveResidency(problem).bytes, 10 + 30);
  // Dropped: loaded again, and the second one stored before.
  problem.capacity = 30;
  EXPECT_EQ(solveResidency(problem).bytes, 10 + 10 + 20 + 20 + 30);
}

TEST(Residency, OffsetsStayInTheScratchpad) {
  std::mt19937 random(4);
  int withOffsets = 0;
  for (int round = 0; round < 100; ++round) {
    ResidencyProblem problem = randomResidency(random, 8, 6);
    llvm::Expected<ResidencyPlan> plan = solveResidencyWithOffsets(problem);
    if (!plan) {
      llvm::consumeError(plan.takeError());
      continue;
    }
    ++withOffsets;
    EXPECT_EQ(plan->offsets.size(), problem.tensors.size());
    EXPECT_EQ(textOf(plan->verify(problem)), "");
    EXPECT_GE(plan->bytes, fewestBytes(problem));
    EXPECT_LE(plan->lowerBound, fewestBytes(problem));
  }
  EXPECT_GE(withOffsets, 90);
}

TEST(Residency, OffsetsAreAligned) {
  ResidencyProblem problem;
  problem.capacity = 300;
  for (int64_t id = 0; id < 3; ++id)
    problem.tensors.push_back({id, 70, {{id, false}, {6 + id, false}}, true, false});
  llvm::Expected<ResidencyPlan> plan = solveResidencyWithOffsets(problem, 64);
  ASSERT_TRUE(static_cast<bool>(plan));
  EXPECT_EQ(textOf(plan->verify(problem)), "");
  for (const std::vector<int64_t> &offsets : plan->offsets)
    for (int64_t offset : offsets)
      EXPECT_EQ(offset % 64, 0);
}

TEST(Residency, CheckSaysWhatIsWrong) {
  ResidencyProblem problem;
  problem.capacity = 10;
  problem.tensors.push_back({3, 8, {{1, false}}, false, false});
  EXPECT_EQ(textOf(problem.check()), "tensor 3: step 1 reads it, but nothing has written it");
  problem.tensors[0].isInput = true;
  EXPECT_EQ(textOf(problem.check()), "");
  problem.tensors.push_back({4, 3, {{1, true}}, false, false});
  EXPECT_EQ(textOf(problem.check()), "step 1 uses 11 bytes, the scratchpad has 10");
  problem.tensors[1].uses = {{2, true}, {2, false}};
  EXPECT_EQ(textOf(problem.check()), "tensor 4: use at step 2 does not follow the one at step 2");
  problem.tensors[1].uses.clear();
  EXPECT_EQ(textOf(problem.check()), "tensor 4 is not used");
  problem.tensors[1].size = -1;
  EXPECT_EQ(textOf(problem.check()), "tensor 4: size -1 is negative");
  problem.tensors[1].size = std::numeric_limits<int64_t>::max() / 2;
  EXPECT_EQ(textOf(problem.check()), "the sizes add up to more than 64 bits hold");
}

TEST(Residency, VerifyFindsMistakes) {
  ResidencyProblem problem;
  problem.capacity = 10;
  problem.tensors.push_back({0, 6, {{0, false}, {4, false}}, true, false});
  problem.tensors.push_back({1, 4, {{2, false}}, true, false});
  ResidencyPlan plan = solveResidency(problem);
  EXPECT_EQ(textOf(plan.verify(problem)), "");
  plan.bytes += 1;
  EXPECT_EQ(textOf(plan.verify(problem)), "the plan moves 10 bytes, not 11");
  plan.bytes -= 1;
  plan.offsets = {{0, 0}, {5}};
  EXPECT_EQ(textOf(plan.verify(problem)), "tensors 0 and 1 overlap");
  plan.offsets = {{0, 2}, {6}};
  EXPECT_EQ(textOf(plan.verify(problem)), "tensor 0 moves while it is kept");
  plan.offsets = {{5, 5}, {0}};
  EXPECT_EQ(textOf(plan.verify(problem)), "tensor 0 ends at 11, the scratchpad has 10");
  plan.offsets.clear();
  problem.capacity = 9;
  EXPECT_EQ(textOf(plan.verify(problem)), "step 2 has 10 bytes, the scratchpad 9");
}
