// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sweeps over the nodes in the order of the search. A node divides what it knows
// evenly among the pairs on the side where it has more of them, and sends each
// pair on the far side the least cost that it and the pair can have together.

#include "passes/partition/DualBound.h"

#include "llvm/ADT/STLExtras.h"

using namespace tercet::partition;

/// Above all sums, and far enough from overflow to be added to.
static constexpr int64_t unreachable = greatestSum * 2;

DualBound::DualBound(const ReducedPartition &problem) : problem(problem) {
  messages.resize(problem.uses.size());
  asked.resize(problem.uses.size());
  for (const ReducedTensor &tensor : problem.tensors) {
    // An even division among the uses that may have the demand.
    std::vector<int64_t> sharers(tensor.demands, 0), before(tensor.demands, 0);
    std::vector<std::vector<bool>> mayWant;
    for (unsigned use : tensor.uses) {
      auto &wants = mayWant.emplace_back(tensor.demands, false);
      for (const std::vector<unsigned> &set : problem.uses[use].choices)
        for (unsigned demand : set)
          wants[demand] = true;
      for (unsigned demand = 0; demand < tensor.demands; ++demand)
        sharers[demand] += wants[demand];
    }
    for (unsigned i = 0; i < tensor.uses.size(); ++i) {
      unsigned use = tensor.uses[i];
      Messages &m = messages[use];
      m.toMaker.assign(tensor.rows, 0);
      m.toUser.assign(problem.uses[use].choices.size(), 0);
      m.share.assign(tensor.cost.size(), 0);
      asked[use].assign(problem.uses[use].choices.size(), 0);
      for (unsigned demand = 0; demand < tensor.demands; ++demand) {
        if (!mayWant[i][demand])
          continue;
        for (unsigned row = 0; row < tensor.rows; ++row) {
          int64_t cost = tensor.costOf(row, demand);
          m.share[row * tensor.demands + demand] =
              cost / sharers[demand] + (before[demand] < cost % sharers[demand]);
        }
        ++before[demand];
      }
      sumShares(use);
    }
  }
  bestMessages = messages;
  best = evaluate();
}

void DualBound::sumShares(unsigned use) {
  const auto &choices = problem.uses[use].choices;
  Messages &m = messages[use];
  unsigned demands = demandsOf(use), count = choices.size();
  m.shareOfChoice.assign(m.toMaker.size() * count, 0);
  for (unsigned row = 0; row < m.toMaker.size(); ++row)
    for (unsigned choice = 0; choice < count; ++choice)
      for (unsigned demand : choices[choice])
        m.shareOfChoice[row * count + choice] += m.share[row * demands + demand];
}

void DualBound::collect(unsigned at, std::vector<int64_t> &costs) const {
  const ReducedNode &node = problem.nodes[at];
  costs.clear();
  for (const ReducedLabel &label : node.labels)
    costs.push_back(label.cost);
  for (unsigned use : node.uses) {
    const std::vector<unsigned> &choiceOfLabel = problem.uses[use].choiceOfLabel;
    for (unsigned label = 0; label < costs.size(); ++label)
      costs[label] += messages[use].toUser[choiceOfLabel[label]];
  }
  for (unsigned index : node.tensors) {
    const ReducedTensor &tensor = problem.tensors[index];
    for (unsigned use : tensor.uses)
      for (unsigned label = 0; label < costs.size(); ++label)
        costs[label] += messages[use].toMaker[tensor.rowOfLabel[label]];
  }
}

int64_t DualBound::minimumOfNode(unsigned node) const {
  std::vector<int64_t> costs;
  collect(node, costs);
  return *llvm::min_element(costs);
}

int64_t DualBound::minimumOfUse(unsigned use) const {
  const Messages &m = messages[use];
  int64_t least = unreachable;
  const int64_t *share = m.shareOfChoice.data();
  for (int64_t toMaker : m.toMaker)
    for (int64_t toUser : m.toUser)
      least = std::min(least, *share++ - toUser - toMaker);
  return least;
}

int64_t DualBound::evaluate() const {
  int64_t sum = problem.constant;
  for (unsigned node = 0; node < problem.nodes.size(); ++node)
    sum += minimumOfNode(node);
  for (unsigned use = 0; use < problem.uses.size(); ++use)
    sum += minimumOfUse(use);
  for (const ReducedTensor &tensor : problem.tensors)
    if (tensor.producer < 0)
      for (unsigned use : tensor.uses)
        sum += messages[use].toMaker[0];
  return sum;
}

static unsigned pairsOnTheWiderSide(const ReducedPartition &problem, unsigned node) {
  size_t made = 0;
  for (unsigned tensor : problem.nodes[node].tensors)
    made += problem.tensors[tensor].uses.size();
  return std::max<size_t>(1, std::max(made, problem.nodes[node].uses.size()));
}

void DualBound::sweepForward() {
  std::vector<int64_t> costs, least;
  // What comes from nowhere: the cost of a demand is known to the user alone.
  for (const ReducedTensor &tensor : problem.tensors)
    if (tensor.producer < 0)
      for (unsigned use : tensor.uses) {
        messages[use].toMaker[0] = 0;
        messages[use].toUser = messages[use].shareOfChoice;
      }
  for (unsigned node = 0; node < problem.nodes.size(); ++node) {
    if (problem.nodes[node].tensors.empty())
      continue;
    collect(node, costs);
    int64_t parts = pairsOnTheWiderSide(problem, node);
    for (unsigned index : problem.nodes[node].tensors) {
      const ReducedTensor &tensor = problem.tensors[index];
      least.assign(tensor.rows, unreachable);
      for (unsigned label = 0; label < costs.size(); ++label) {
        int64_t &cost = least[tensor.rowOfLabel[label]];
        cost = std::min(cost, costs[label] / parts);
      }
      for (unsigned use : tensor.uses) {
        Messages &m = messages[use];
        std::fill(m.toUser.begin(), m.toUser.end(), unreachable);
        const int64_t *share = m.shareOfChoice.data();
        for (unsigned row = 0; row < tensor.rows; ++row) {
          m.toMaker[row] -= least[row];
          for (int64_t &toUser : m.toUser)
            toUser = std::min(toUser, *share++ - m.toMaker[row]);
        }
      }
    }
  }
}

namespace {

/// Divides the cost of one row of a tensor among its uses, so that the sum of what
/// they have to pay at least is great: each use in turn raises its cheapest choice
/// to the level of the next, as far as what is left of some demand of it allows.
struct Division {
  const ReducedPartition &problem;
  const ReducedTensor &tensor;
  const std::vector<std::vector<int64_t>> &asked;
  /// By demand; by use and demand; by use and choice.
  std::vector<int64_t> left;
  std::vector<std::vector<int64_t>> share, cost;

  Division(const ReducedPartition &problem, const ReducedTensor &tensor,
           const std::vector<std::vector<int64_t>> &asked)
      : problem(problem), tensor(tensor), asked(asked) {}

  void run(unsigned row, unsigned firstUse) {
    unsigned count = tensor.uses.size();
    left.assign(&tensor.cost[row * tensor.demands],
                &tensor.cost[row * tensor.demands] + tensor.demands);
    share.assign(count, std::vector<int64_t>(tensor.demands, 0));
    cost.clear();
    for (unsigned use : tensor.uses)
      cost.push_back(asked[use]);
    for (bool raised = true; raised;) {
      raised = false;
      for (unsigned step = 0; step < count; ++step)
        raised |= raise((firstUse + step) % count);
    }
  }

  int64_t total() const {
    int64_t sum = 0;
    for (const std::vector<int64_t> &costs : cost)
      sum += *llvm::min_element(costs);
    return sum;
  }

private:
  /// To the next level, or not at all.
  bool raise(unsigned i) {
    const auto &choices = problem.uses[tensor.uses[i]].choices;
    int64_t level = *llvm::min_element(cost[i]), next = unreachable;
    for (int64_t at : cost[i])
      if (at > level)
        next = std::min(next, at);
    bool raised = false;
    for (unsigned choice = 0; choice < choices.size(); ++choice) {
      if (cost[i][choice] != level)
        continue;
      unsigned best = tensor.demands;
      for (unsigned demand : choices[choice])
        if (left[demand] > 0 && (best == tensor.demands || left[demand] > left[best]))
          best = demand;
      // The others of this level need not rise if this one cannot.
      if (best == tensor.demands)
        return raised;
      int64_t by = std::min(next - level, left[best]);
      left[best] -= by;
      share[i][best] += by;
      for (unsigned other = 0; other < choices.size(); ++other)
        if (llvm::is_contained(choices[other], best))
          cost[i][other] += by;
      raised = true;
    }
    return raised;
  }
};

} // namespace

void DualBound::divide(const ReducedTensor &tensor) {
  unsigned demands = tensor.demands, count = tensor.uses.size();
  Division division(problem, tensor, asked);
  for (unsigned row = 0; row < tensor.rows; ++row) {
    int64_t before = 0;
    for (unsigned use : tensor.uses) {
      int64_t least = unreachable;
      const int64_t *share = &messages[use].shareOfChoice[row * asked[use].size()];
      for (int64_t ask : asked[use])
        least = std::min(least, ask + *share++);
      before += least;
    }
    // Another use begins at every round, lest one always gets the most.
    division.run(row, round % count);
    if (division.total() < before)
      continue;
    // What is left over goes to all who had a part, or to the first who may want it.
    for (unsigned demand = 0; demand < demands; ++demand) {
      int64_t sharers = 0;
      for (unsigned i = 0; i < count; ++i)
        sharers += division.share[i][demand] > 0;
      for (unsigned i = 0; i < count && division.left[demand] > 0; ++i)
        if (division.share[i][demand] > 0 || sharers == 0) {
          int64_t part = division.left[demand] / std::max<int64_t>(1, sharers);
          division.share[i][demand] += part;
          division.left[demand] -= part;
          sharers = std::max<int64_t>(0, sharers - 1);
        }
    }
    for (unsigned i = 0; i < count; ++i)
      std::copy(division.share[i].begin(), division.share[i].end(),
                &messages[tensor.uses[i]].share[row * demands]);
  }
  for (unsigned use : tensor.uses)
    sumShares(use);
}

void DualBound::sweepBackward() {
  std::vector<int64_t> costs;
  auto sendToMaker = [&](const ReducedTensor &tensor) {
    if (tensor.uses.size() > 1)
      divide(tensor);
    for (unsigned use : tensor.uses) {
      Messages &m = messages[use];
      const int64_t *share = m.shareOfChoice.data();
      for (int64_t &sent : m.toMaker) {
        sent = unreachable;
        for (int64_t ask : asked[use])
          sent = std::min(sent, ask + *share++);
      }
    }
  };
  for (unsigned node = problem.nodes.size(); node-- > 0;) {
    for (unsigned tensor : problem.nodes[node].tensors)
      sendToMaker(problem.tensors[tensor]);
    if (problem.nodes[node].uses.empty())
      continue;
    collect(node, costs);
    int64_t parts = pairsOnTheWiderSide(problem, node);
    for (unsigned use : problem.nodes[node].uses) {
      std::fill(asked[use].begin(), asked[use].end(), unreachable);
      const std::vector<unsigned> &choiceOfLabel = problem.uses[use].choiceOfLabel;
      for (unsigned label = 0; label < costs.size(); ++label) {
        int64_t &ask = asked[use][choiceOfLabel[label]];
        ask = std::min(ask, costs[label] / parts);
      }
      for (unsigned choice = 0; choice < asked[use].size(); ++choice) {
        asked[use][choice] -= messages[use].toUser[choice];
        messages[use].toUser[choice] = -asked[use][choice];
      }
    }
  }
  for (const ReducedTensor &tensor : problem.tensors)
    if (tensor.producer < 0)
      sendToMaker(tensor);
}

int64_t DualBound::improve(unsigned sweeps, int64_t target) {
  // Costs of labels may differ from those that the messages were made for.
  messages = bestMessages;
  best = evaluate();
  int64_t last = best;
  unsigned idle = 0;
  for (unsigned sweep = 0; sweep < sweeps && best < target && idle < 4; ++sweep, ++round) {
    sweepForward();
    sweepBackward();
    int64_t now = evaluate();
    // A step that gains less than a 4096th part of a gap is as good as none.
    idle = now - last > (target - now) / 4096 ? 0 : idle + 1;
    last = std::max(last, now);
    if (now > best) {
      best = now;
      bestMessages = messages;
    }
  }
  messages = bestMessages;
  return best;
}
