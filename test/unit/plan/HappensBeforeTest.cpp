// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Clocks against plain reachability: on random lists of commands with several
// queues and tokens, whatever the clocks say of two commands or of two sets of
// accesses has to be what a search along the edges says. The oracle keeps an
// adjacency matrix and its transitive closure, and shares nothing with clocks.

#include "passes/plan/HappensBefore.h"

#include "gtest/gtest.h"

#include <random>

using namespace tercet::plan;

namespace {

/// A list of commands: queue and tokens of each.
struct Commands {
  unsigned queues = 1;
  std::vector<unsigned> queue;
  std::vector<llvm::SmallVector<int64_t>> waits;

  size_t size() const { return queue.size(); }

  HappensBefore clocks() const {
    HappensBefore order(queues);
    for (size_t command = 0; command < size(); ++command)
      EXPECT_EQ(order.add(queue[command], waits[command]), static_cast<int64_t>(command));
    return order;
  }

  /// Row a, column b: b is reached from a along queues and tokens.
  std::vector<std::vector<bool>> reached() const {
    size_t count = size();
    std::vector<std::vector<bool>> reach(count, std::vector<bool>(count, false));
    for (size_t later = 0; later < count; ++later) {
      for (size_t earlier = 0; earlier < later; ++earlier)
        if (queue[earlier] == queue[later])
          reach[earlier][later] = true;
      for (int64_t wait : waits[later])
        reach[wait][later] = true;
    }
    for (size_t middle = 0; middle < count; ++middle)
      for (size_t from = 0; from < count; ++from)
        for (size_t to = 0; to < count && reach[from][middle]; ++to)
          if (reach[middle][to])
            reach[from][to] = true;
    return reach;
  }
};

/// Draws the same on every machine: the distributions of the library differ.
class Random {
public:
  explicit Random(unsigned seed) : engine(seed) {}
  unsigned below(unsigned count) { return engine() % count; }

private:
  std::mt19937 engine;
};

Commands randomCommands(Random &random) {
  Commands list;
  list.queues = 1 + random.below(4);
  unsigned count = 1 + random.below(24), density = random.below(5);
  for (unsigned command = 0; command < count; ++command) {
    list.queue.push_back(random.below(list.queues));
    llvm::SmallVector<int64_t> waits;
    for (unsigned token = 0; command > 0 && token < density; ++token)
      if (random.below(3) == 0)
        waits.push_back(random.below(command));
    list.waits.push_back(waits);
  }
  return list;
}

TEST(HappensBefore, OneQueueIsOrderedByItself) {
  HappensBefore order(1);
  order.add(0, {});
  order.add(0, {});
  EXPECT_TRUE(order.isBefore(0, 1));
  EXPECT_FALSE(order.isBefore(1, 0));
  EXPECT_FALSE(order.isBefore(0, 0));
}

TEST(HappensBefore, QueuesAreOrderedByTokensAlone) {
  HappensBefore order(2);
  order.add(0, {});  // 0
  order.add(1, {});  // 1: at any time relative to 0
  order.add(1, {0}); // 2
  order.add(0, {});  // 3: the token of 0 says nothing of what follows it
  EXPECT_FALSE(order.isBefore(0, 1));
  EXPECT_TRUE(order.isBefore(0, 2));
  EXPECT_FALSE(order.isBefore(3, 2));
  EXPECT_FALSE(order.isBefore(2, 3));
  EXPECT_EQ(order.queueOf(2), 1u);
}

TEST(HappensBefore, ATokenCarriesWhatItsCommandHasSeen) {
  HappensBefore order(3);
  order.add(0, {});
  order.add(1, {0});
  order.add(2, {1});
  EXPECT_TRUE(order.isBefore(0, 2));
}

TEST(HappensBefore, AgreesWithReachability) {
  Random random(1);
  for (unsigned round = 0; round < 500; ++round) {
    Commands list = randomCommands(random);
    HappensBefore order = list.clocks();
    std::vector<std::vector<bool>> reach = list.reached();
    for (size_t a = 0; a < list.size(); ++a)
      for (size_t b = 0; b < list.size(); ++b)
        ASSERT_EQ(order.isBefore(a, b), reach[a][b]) << "round " << round << ": " << a << ", " << b;
  }
}

TEST(Accesses, AreBeforeOthersIfEachIs) {
  Random random(2);
  unsigned ordered = 0, unordered = 0;
  for (unsigned round = 0; round < 500; ++round) {
    Commands list = randomCommands(random);
    HappensBefore order = list.clocks();
    std::vector<std::vector<bool>> reach = list.reached();
    for (unsigned pair = 0; pair < 20; ++pair) {
      std::vector<int64_t> sets[2];
      Accesses accesses[2] = {Accesses(list.queues), Accesses(list.queues)};
      for (unsigned side = 0; side < 2; ++side)
        for (unsigned n = 1 + random.below(3); n > 0; --n) {
          // In any order, and part of them from another set.
          int64_t command = random.below(list.size());
          sets[side].push_back(command);
          Accesses one(list.queues);
          one.add(order, command);
          if (random.below(2))
            accesses[side].merge(one);
          else
            accesses[side].add(order, command);
        }
      bool before = true;
      for (int64_t a : sets[0])
        for (int64_t b : sets[1])
          before &= reach[a][b];
      (before ? ordered : unordered) += 1;
      ASSERT_EQ(accesses[0].isBefore(order, accesses[1]), before) << "round " << round;

      int64_t command = random.below(list.size());
      bool beforeOrIs = true;
      for (int64_t a : sets[0])
        beforeOrIs &= a == command || reach[a][command];
      ASSERT_EQ(accesses[0].isBeforeOrIs(order, command), beforeOrIs) << "round " << round;
      ASSERT_EQ(accesses[0].span().first, *std::min_element(sets[0].begin(), sets[0].end()));
      ASSERT_EQ(accesses[0].span().second, *std::max_element(sets[0].begin(), sets[0].end()));
    }
  }
  // Both answers were asked for often enough to mean something.
  EXPECT_GT(ordered, 500u);
  EXPECT_GT(unordered, 500u);
}

/// Being before is what the planner hands to the search as a strict order.
TEST(Accesses, BeingBeforeIsTransitive) {
  Random random(3);
  for (unsigned round = 0; round < 200; ++round) {
    Commands list = randomCommands(random);
    HappensBefore order = list.clocks();
    std::vector<Accesses> all;
    for (unsigned n = 0; n < 8; ++n) {
      all.emplace_back(list.queues);
      for (unsigned touched = 1 + random.below(3); touched > 0; --touched)
        all.back().add(order, random.below(list.size()));
    }
    for (const Accesses &a : all) {
      EXPECT_FALSE(a.isBefore(order, a));
      for (const Accesses &b : all)
        for (const Accesses &c : all)
          if (a.isBefore(order, b) && b.isBefore(order, c)) {
            ASSERT_TRUE(a.isBefore(order, c));
          }
    }
  }
}

TEST(Accesses, NoneHaveAnEmptySpan) {
  Accesses none(2);
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.span(), (std::pair<int64_t, int64_t>{0, -1}));
}

} // namespace
