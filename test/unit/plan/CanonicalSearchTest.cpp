// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The search itself, whichever buffer it decides first, and what prepares the
// problem for it.

#include "passes/plan/CanonicalSearch.h"
#include "test/unit/plan/MemoryInstances.h"

#include "llvm/ADT/STLExtras.h"

#include "gtest/gtest.h"

using namespace tercet::plan;

static constexpr Branching kBranchings[] = {Branching::TightestSection, Branching::FewestCandidates,
                                            Branching::LowestBuffer};

/// Searches the one part of the problem.
static CanonicalResult search(const Packing &packing, int64_t capacity, Branching branching,
                              std::mt19937 &random, int64_t nodeLimit = 100'000'000) {
  std::vector<unsigned> ranks(packing.size());
  for (unsigned i = 0; i < ranks.size(); ++i)
    ranks[i] = i;
  std::shuffle(ranks.begin(), ranks.end(), random);
  CanonicalRequest request;
  request.capacity = capacity;
  request.ranks = ranks;
  request.branching = branching;
  request.nodeLimit = nodeLimit;
  request.stepLimit = 1'000'000'000;
  return searchCanonical(packing, request);
}

// Every capacity is decided as the oracle does, in any order of decisions.
TEST(CanonicalSearch, DecidesEveryCapacity) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    MemoryProblem problem =
        round % 2 ? randomProblem(random, 1 + random() % 8, 6, 9)
                  : randomOrderProblem(random, 1 + random() % 8, 10 + random() % 50, 9);
    // All together, so that there is one part.
    problem.buffers.push_back({99, -1, 100, 1});
    for (llvm::BitVector &after : problem.precedes)
      after.resize(problem.buffers.size());
    if (!problem.precedes.empty())
      problem.precedes.emplace_back(problem.buffers.size());
    Packings packings = *buildPackings(problem, 1000);
    ASSERT_EQ(packings.parts.size(), 1u);
    int64_t least = leastArena(problem);
    for (Branching branching : kBranchings)
      for (int64_t capacity = std::max<int64_t>(0, least - 4); capacity < least + 2; ++capacity) {
        if (capacity % packings.unit != 0)
          continue;
        CanonicalResult result =
            search(packings.parts[0], capacity / packings.unit, branching, random);
        EXPECT_EQ(result.outcome,
                  capacity < least ? CanonicalResult::Refuted : CanonicalResult::Found);
        // What is refuted is refuted up to a capacity that is not above the least.
        EXPECT_LE(result.atLeast * packings.unit, least);
      }
  }
}

// Orders that are no good, so that the search fails often before it finds what is
// known to exist; reasons that leave something out would refute it.
TEST(CanonicalSearch, NeverRefutesWhatFits) {
  std::mt19937 random(5);
  int found = 0, given = 0;
  for (int round = 0; round < 1500; ++round) {
    int64_t capacity = 6 + random() % 12;
    MemoryProblem problem = filledArenaWithOffsets(random, 4 + random() % 8, capacity,
                                                   2 + random() % 6, 2 + random() % 6);
    for (MemoryBuffer &buffer : problem.buffers)
      if (round % 2 || random() % 6 != 0)
        buffer.offset.reset();
      else
        ++given;
    if (round % 4 >= 2)
      problem = asGeneralOrder(problem);
    Packings packings = *buildPackings(problem, 10'000);
    for (const Packing &packing : packings.parts)
      for (Branching branching : kBranchings) {
        CanonicalResult result =
            search(packing, capacity / packings.unit, branching, random, /*limit=*/3'000);
        EXPECT_NE(result.outcome, CanonicalResult::Refuted) << round;
        found += result.outcome == CanonicalResult::Found;
      }
  }
  EXPECT_GE(found, 4000);
  EXPECT_GE(given, 1000);
}

TEST(CanonicalSearch, RefutesTheHardInstances) {
  std::mt19937 random(2);
  for (int round = 0; round < 20; ++round)
    for (Branching branching : kBranchings)
      for (bool general : {false, true}) {
        MemoryProblem first = firstHardInstance(), second = secondHardInstance();
        if (general) {
          first = asGeneralOrder(first);
          second = asGeneralOrder(second);
        }
        CanonicalResult result = search(buildPackings(first, 1000)->parts[0], 7, branching, random);
        EXPECT_EQ(result.outcome, CanonicalResult::Refuted);
        EXPECT_EQ(result.atLeast, 8);
        result = search(buildPackings(second, 1000)->parts[0], 9, branching, random);
        EXPECT_EQ(result.outcome, CanonicalResult::Refuted);
        EXPECT_EQ(result.atLeast, 10);
      }
}

TEST(CanonicalSearch, GivesUpAtItsLimit) {
  Packings packings = *buildPackings(firstHardInstance(), 1000);
  std::vector<unsigned> ranks(packings.parts[0].size(), 0);
  CanonicalRequest request;
  request.capacity = 7;
  request.ranks = ranks;
  request.nodeLimit = 3;
  request.stepLimit = 1'000'000;
  CanonicalResult result = searchCanonical(packings.parts[0], request);
  EXPECT_EQ(result.outcome, CanonicalResult::Unknown);
  EXPECT_EQ(result.nodes, 4);
}

TEST(Packing, SizesAreInUnits) {
  Packings packings = *buildPackings(problemOf({{0, 2, 100}, {1, 3, 128}}, 64), 1000);
  EXPECT_EQ(packings.unit, 128);
  EXPECT_EQ(packings.parts[0].sizes, std::vector<int64_t>({1, 1}));
}

TEST(Packing, PartsDoNotTouch) {
  MemoryProblem problem = problemOf({{0, 2, 1}, {2, 4, 5}, {3, 5, 1}, {7, 8, 0}, {8, 9, 2}});
  for (const MemoryProblem &each : {problem, asPartialOrder(problem)}) {
    Packings packings = *buildPackings(each, 1000);
    ASSERT_EQ(packings.parts.size(), 3u);
    EXPECT_EQ(packings.parts[0].buffers, std::vector<unsigned>({1, 2}));
    EXPECT_EQ(packings.parts[1].buffers, std::vector<unsigned>({4}));
    EXPECT_TRUE(packings.parts[0].isInterval);
  }
  EXPECT_FALSE(buildPackings(problem, 0));
}

TEST(Packing, LifetimesAreFoundWhereThereAreAny) {
  std::mt19937 random(3);
  int without = 0;
  for (int round = 0; round < 300; ++round) {
    MemoryProblem problem = round % 2 ? asPartialOrder(randomProblem(random, 12, 8, 9))
                                      : randomOrderProblem(random, 7, 30, 9);
    auto lifetimes = findLifetimes(problem.precedes);
    // Exactly where no two pairs are in order, each, and else unrelated.
    size_t count = problem.buffers.size();
    bool expected = true;
    for (size_t a = 0; a < count; ++a)
      for (size_t b = 0; b < count; ++b)
        for (size_t c = 0; c < count; ++c)
          for (size_t d = 0; d < count; ++d)
            if (problem.precedes[a][b] && problem.precedes[c][d] && !problem.precedes[a][d] &&
                !problem.precedes[c][b])
              expected = false;
    ASSERT_EQ(lifetimes.has_value(), expected);
    without += !expected;
    if (!lifetimes)
      continue;
    for (size_t a = 0; a < count; ++a)
      for (size_t b = 0; b < count; ++b)
        EXPECT_EQ((*lifetimes)[a].second <= (*lifetimes)[b].first, problem.precedes[a][b]);
  }
  EXPECT_GE(without, 50);
}

// Both all cliques and a cover: each is one, is maximal, and no edge is missed.
TEST(Packing, Cliques) {
  std::mt19937 random(4);
  for (int round = 0; round < 100; ++round) {
    size_t count = 1 + random() % 12;
    std::vector<llvm::BitVector> adjacent(count, llvm::BitVector(count));
    for (size_t a = 0; a < count; ++a)
      for (size_t b = 0; b < a; ++b)
        if (random() % 2) {
          adjacent[a].set(b);
          adjacent[b].set(a);
        }
    size_t maximal = 0;
    auto isClique = [&](uint32_t set) {
      for (size_t a = 0; a < count; ++a)
        for (size_t b = 0; b < a; ++b)
          if ((set >> a & 1) && (set >> b & 1) && !adjacent[a][b])
            return false;
      return true;
    };
    auto isMaximal = [&](uint32_t set) {
      for (size_t a = 0; a < count; ++a)
        if (!(set >> a & 1) && isClique(set | 1u << a))
          return false;
      return isClique(set);
    };
    for (uint32_t set = 1; set < (1u << count); ++set)
      maximal += isMaximal(set);
    for (size_t limit : {size_t(1000), size_t(1)}) {
      auto cliques = findCliques(adjacent, std::vector<int64_t>(count, 1), limit);
      std::vector<llvm::BitVector> uncovered = adjacent;
      for (const std::vector<unsigned> &clique : cliques) {
        uint32_t set = 0;
        for (unsigned a : clique)
          set |= 1u << a;
        EXPECT_TRUE(isMaximal(set));
        for (unsigned a : clique)
          for (unsigned b : clique)
            uncovered[a].reset(b);
      }
      EXPECT_TRUE(llvm::all_of(uncovered, [](const llvm::BitVector &row) { return row.none(); }));
      if (limit == 1000)
        EXPECT_EQ(cliques.size(), maximal);
    }
  }
}
