// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Limits: labels that no choice of the others permits go first; then prices turn
// limits into costs. A price is what the whole capacity is worth, in picoseconds,
// so that a label's price is price * amount / capacity, rounded down, which keeps
// the bound valid.

#include "passes/partition/PartitionAlgorithms.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

#include <map>

using namespace tercet::partition;

using Wide = __int128;

llvm::Expected<LabelSets> tercet::partition::labelsWithinLimits(const PartitionProblem &problem) {
  LabelSets allowed(problem.nodes.size());
  for (unsigned node = 0; node < problem.nodes.size(); ++node)
    for (unsigned label = 0; label < problem.nodes[node].labels.size(); ++label)
      allowed[node].push_back(label);
  // Each label gone may raise what the node needs at least of another limit.
  for (bool removed = true; removed;) {
    removed = false;
    for (const PartitionLimit &limit : problem.limits) {
      std::map<std::pair<unsigned, unsigned>, int64_t> amounts;
      for (const LimitUse &use : limit.uses)
        amounts[{use.node, use.label}] += use.amount;
      auto amountOf = [&](unsigned node, unsigned label) {
        auto it = amounts.find({node, label});
        return it == amounts.end() ? 0 : it->second;
      };
      std::vector<int64_t> least;
      int64_t needed = 0;
      for (unsigned node = 0; node < allowed.size(); ++node) {
        least.push_back(greatestSum);
        for (unsigned label : allowed[node])
          least.back() = std::min(least.back(), amountOf(node, label));
        needed += least.back();
      }
      if (needed > limit.capacity)
        return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                       "limit '" + llvm::Twine(limit.name) +
                                           "': the least that any choice of labels needs is " +
                                           llvm::Twine(needed) + ", the capacity is " +
                                           llvm::Twine(limit.capacity));
      for (unsigned node = 0; node < allowed.size(); ++node) {
        size_t before = allowed[node].size();
        llvm::erase_if(allowed[node], [&](unsigned label) {
          return amountOf(node, label) - least[node] > limit.capacity - needed;
        });
        removed |= allowed[node].size() != before;
      }
    }
  }
  return allowed;
}

namespace {

/// The changes of value of all single moves, kept up to date as moves are made.
class MoveTable {
public:
  MoveTable(const ReducedPartition &problem, Labels &labels)
      : problem(problem), labels(labels), changes(problem.nodes.size()) {}

  int64_t change(unsigned node, unsigned label) {
    auto &row = changes[node];
    if (row.empty())
      for (unsigned other = 0; other < problem.nodes[node].labels.size(); ++other)
        row.push_back(problem.change(labels, node, other));
    return row[label];
  }
  void move(unsigned node, unsigned label) {
    labels[node] = label;
    changes[node].clear();
    for (unsigned tensor : problem.nodes[node].tensors)
      forget(problem.tensors[tensor]);
    for (unsigned use : problem.nodes[node].uses)
      forget(problem.tensors[problem.uses[use].tensor]);
  }

private:
  void forget(const ReducedTensor &tensor) {
    if (tensor.producer >= 0)
      changes[tensor.producer].clear();
    for (unsigned use : tensor.uses)
      changes[problem.uses[use].node].clear();
  }

  const ReducedPartition &problem;
  Labels &labels;
  std::vector<std::vector<int64_t>> changes;
};

} // namespace

bool tercet::partition::repair(const ReducedPartition &problem, Labels &labels) {
  unsigned limits = problem.capacities.size();
  std::vector<int64_t> excess;
  for (unsigned limit = 0; limit < limits; ++limit)
    excess.push_back(problem.usage(limit, labels) - problem.capacities[limit]);
  MoveTable moves(problem, labels);
  size_t steps = 4 * problem.nodes.size() * limits;
  for (size_t step = 0; step < steps; ++step) {
    unsigned target = 0;
    while (target < limits && excess[target] <= 0)
      ++target;
    if (target == limits)
      return true;
    // The move of least change of value per excess removed; no other limit gets worse.
    bool found = false;
    unsigned bestNode = 0, bestLabel = 0;
    Wide bestChange = 0, bestGain = 1;
    for (unsigned node = 0; node < labels.size(); ++node)
      for (unsigned label = 0; label < problem.nodes[node].labels.size(); ++label) {
        auto more = [&](unsigned limit) {
          return problem.amounts[limit][node][label] - problem.amounts[limit][node][labels[node]];
        };
        if (more(target) >= 0)
          continue;
        bool harms = false;
        for (unsigned limit = 0; limit < limits; ++limit)
          harms |= more(limit) > 0 && excess[limit] + more(limit) > 0;
        if (harms)
          continue;
        Wide change = moves.change(node, label);
        Wide gain = std::min<int64_t>(-more(target), excess[target]);
        if (found && change * bestGain >= bestChange * gain)
          continue;
        found = true;
        bestNode = node;
        bestLabel = label;
        bestChange = change;
        bestGain = gain;
      }
    if (!found)
      return false;
    for (unsigned limit = 0; limit < limits; ++limit)
      excess[limit] += problem.amounts[limit][bestNode][bestLabel] -
                       problem.amounts[limit][bestNode][labels[bestNode]];
    moves.move(bestNode, bestLabel);
  }
  return false;
}

namespace {

class Prices {
public:
  Prices(ReducedPartition &problem, DualBound &dual, const PartitionOptions &options)
      : problem(problem), dual(dual), options(options), prices(problem.capacities.size(), 0),
        bestPrices(prices) {}

  PricedResult run(const Labels &start);

private:
  void set(const std::vector<int64_t> &to);
  void offer(Labels labels);
  bool climb(const Labels &labels, int64_t lower, int64_t upper);

  ReducedPartition &problem;
  DualBound &dual;
  const PartitionOptions &options;
  /// Of the whole capacity of each limit.
  std::vector<int64_t> prices, bestPrices;
  /// Steps are divided by it; it grows while the bound does not.
  int64_t damping = 1;
  PricedResult result;
};

} // namespace

void Prices::set(const std::vector<int64_t> &to) {
  problem.discount = 0;
  for (int64_t price : to)
    problem.discount += price;
  // A smaller price of a label is on the safe side.
  int64_t most = greatestSum / static_cast<int64_t>(problem.nodes.size() + 1);
  for (unsigned node = 0; node < problem.nodes.size(); ++node)
    for (unsigned index = 0; index < problem.nodes[node].labels.size(); ++index) {
      ReducedLabel &label = problem.nodes[node].labels[index];
      Wide sum = 0;
      for (unsigned limit = 0; limit < to.size(); ++limit)
        sum += static_cast<Wide>(to[limit]) * problem.amounts[limit][node][index] /
               std::max<int64_t>(1, problem.capacities[limit]);
      int64_t price = static_cast<int64_t>(std::min<Wide>(sum, most));
      label.cost += price - label.price;
      label.price = price;
    }
}

/// Takes the labels, brought within the limits, if they are the best so far.
void Prices::offer(Labels labels) {
  if (!problem.withinLimits(labels) && !repair(problem, labels))
    return;
  improveNodes(problem, labels, /*enforceLimits=*/true);
  int64_t value = problem.value(labels);
  if (result.labels && result.value <= value)
    return;
  result.labels = std::move(labels);
  result.value = value;
}

/// Raises the prices of what the labels use too much of and lowers the others',
/// by a step that would close the gap if the bound were linear. False if no price moves.
bool Prices::climb(const Labels &labels, int64_t lower, int64_t upper) {
  constexpr Wide one = 1 << 20;
  std::vector<Wide> slope;
  Wide squares = 0;
  for (unsigned limit = 0; limit < prices.size(); ++limit) {
    Wide excess = problem.usage(limit, labels) - problem.capacities[limit];
    Wide share = excess * one / std::max<int64_t>(1, problem.capacities[limit]);
    share = std::clamp<Wide>(share, -one * 1024, one * 1024);
    if (prices[limit] == 0 && share < 0)
      share = 0;
    slope.push_back(share);
    squares += share * share;
  }
  if (squares == 0)
    return false;
  bool moved = false;
  Wide most = greatestSum / static_cast<int64_t>(prices.size() + 1);
  for (unsigned limit = 0; limit < prices.size(); ++limit) {
    Wide step = static_cast<Wide>(upper - lower) * slope[limit] * one / squares / damping;
    int64_t next = static_cast<int64_t>(std::clamp<Wide>(prices[limit] + step, 0, most));
    moved |= next != prices[limit];
    prices[limit] = next;
  }
  return moved;
}

PricedResult Prices::run(const Labels &start) {
  int64_t most = greatestSum;
  result.lowerBound = dual.bound() - problem.discount;
  Labels relaxed = start;
  offer(start);
  unsigned idle = 0;
  for (unsigned step = 0; step < options.priceSteps; ++step) {
    // Without labels within the limits, twice the cost at hand is a guess at the gap.
    int64_t upper = result.labels ? result.value : 2 * problem.value(relaxed) + 1;
    if (result.lowerBound >= upper ||
        !climb(relaxed, std::min(result.lowerBound, upper - 1), upper))
      break;
    set(prices);
    int64_t bound = dual.improve(6, most) - problem.discount;
    if (bound > result.lowerBound) {
      // Small gains count as none, so that the steps become shorter.
      idle = bound - result.lowerBound > (upper - result.lowerBound) / 256 ? 0 : idle + 1;
      result.lowerBound = bound;
      bestPrices = prices;
    } else {
      ++idle;
    }
    if (idle >= 3) {
      damping *= 2;
      prices = bestPrices;
      set(prices);
      idle = 0;
    }
    // The labels of least priced cost, or nearly.
    FrontierOptions search;
    search.upper = greatestSum * 2;
    search.maxStates = options.maxStates;
    search.maxTransitions = options.maxTransitions;
    search.width = std::max<int64_t>(1, options.beamWidth / 4);
    FrontierResult found = searchFrontier(problem, dual, search);
    relaxed = found.labels ? *found.labels : expand(problem, relaxed);
    offer(relaxed);
  }
  set(bestPrices);
  result.lowerBound =
      std::max(result.lowerBound, dual.improve(options.dualSweeps, most) - problem.discount);
  return std::move(result);
}

PricedResult tercet::partition::priceLimits(ReducedPartition &problem, DualBound &dual,
                                            const Labels &start, const PartitionOptions &options) {
  return Prices(problem, dual, options).run(start);
}
