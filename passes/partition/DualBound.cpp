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
  wanted.resize(problem.uses.size());
  asked.resize(problem.uses.size());
  for (unsigned index = 0; index < problem.uses.size(); ++index) {
    const ReducedUse &use = problem.uses[index];
    const ReducedTensor &tensor = problem.tensors[use.tensor];
    Messages &m = messages[index];
    m.toMaker.assign(tensor.rows, 0);
    m.toUser.assign(tensor.demands + 1, 0);
    m.share.resize(tensor.cost.size());
    // An even division among the uses that may have the demand.
    std::vector<int64_t> sharers(tensor.demands, 0), before(tensor.demands, 0);
    for (unsigned other : tensor.uses)
      for (unsigned demand = 0; demand < tensor.demands; ++demand)
        if (llvm::is_contained(problem.uses[other].demands, static_cast<int>(demand))) {
          before[demand] += other < index;
          ++sharers[demand];
        }
    for (unsigned row = 0; row < tensor.rows; ++row)
      for (unsigned demand = 0; demand < tensor.demands; ++demand) {
        int64_t cost = tensor.costOf(row, demand), parts = std::max<int64_t>(1, sharers[demand]);
        m.share[row * tensor.demands + demand] = cost / parts + (before[demand] < cost % parts);
      }
    for (unsigned label = 0; label < use.demands.size(); ++label)
      wanted[index].push_back(columnOf(index, label));
    llvm::sort(wanted[index]);
    wanted[index].erase(std::unique(wanted[index].begin(), wanted[index].end()),
                        wanted[index].end());
    asked[index].assign(tensor.demands + 1, 0);
  }
  bestMessages = messages;
  best = evaluate();
}

void DualBound::collect(unsigned at, std::vector<int64_t> &costs) const {
  const ReducedNode &node = problem.nodes[at];
  costs.clear();
  for (const ReducedLabel &label : node.labels)
    costs.push_back(label.cost);
  for (unsigned use : node.uses)
    for (unsigned label = 0; label < costs.size(); ++label)
      costs[label] += messages[use].toUser[columnOf(use, label)];
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
  for (unsigned row = 0; row < m.toMaker.size(); ++row)
    least = std::min(least,
                     minimumOfUseAfter(use, row, [](unsigned) { return false; }) - m.toMaker[row]);
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
      for (unsigned use : tensor.uses)
        for (unsigned column : wanted[use]) {
          messages[use].toMaker[0] = 0;
          messages[use].toUser[column] = column < tensor.demands ? messages[use].share[column] : 0;
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
        for (unsigned column : wanted[use]) {
          int64_t sent = unreachable;
          for (unsigned row = 0; row < tensor.rows; ++row)
            sent = std::min(
                sent, least[row] - m.toMaker[row] +
                          (column < tensor.demands ? m.share[row * tensor.demands + column] : 0));
          m.toUser[column] = sent;
        }
      }
    }
  }
}

void DualBound::divide(const ReducedTensor &tensor) {
  // For each row: uses raise what they are ready to pay, level by level, as long
  // as the demands that they would then share in are not overpaid.
  unsigned demands = tensor.demands, count = tensor.uses.size();
  std::vector<int64_t> left(demands), level(count);
  std::vector<std::vector<int64_t>> shares(count);
  for (unsigned row = 0; row < tensor.rows; ++row) {
    for (unsigned demand = 0; demand < demands; ++demand)
      left[demand] = tensor.costOf(row, demand);
    int64_t before = 0;
    for (unsigned i = 0; i < count; ++i) {
      unsigned use = tensor.uses[i];
      level[i] = unreachable;
      int64_t now = unreachable;
      for (unsigned column : wanted[use]) {
        int64_t share = column < demands ? messages[use].share[row * demands + column] : 0;
        level[i] = std::min(level[i], asked[use][column]);
        now = std::min(now, asked[use][column] + share);
      }
      before += now;
      shares[i].assign(demands, 0);
    }
    int64_t after = 0;
    for (bool raised = true; raised;) {
      raised = false;
      for (unsigned step = 0; step < count; ++step) {
        // Another use begins at every round, lest one always gets the most.
        unsigned i = (step + round) % count, use = tensor.uses[i];
        int64_t next = unreachable, room = unreachable;
        for (unsigned column : wanted[use]) {
          int64_t at = asked[use][column];
          if (at > level[i])
            next = std::min(next, at);
          else
            room = std::min(room, column < demands ? left[column] : 0);
        }
        int64_t by = std::min(room, next - level[i]);
        if (by <= 0)
          continue;
        for (unsigned column : wanted[use])
          if (asked[use][column] <= level[i]) {
            left[column] -= by;
            shares[i][column] += by;
          }
        level[i] += by;
        raised = true;
      }
    }
    for (unsigned i = 0; i < count; ++i)
      after += level[i];
    if (after < before)
      continue;
    // What is left over goes to all who may have the demand.
    for (unsigned demand = 0; demand < demands; ++demand) {
      int64_t sharers = 0;
      for (unsigned use : tensor.uses)
        sharers += llvm::is_contained(wanted[use], demand);
      for (unsigned i = 0; i < count && left[demand] > 0; ++i)
        if (llvm::is_contained(wanted[tensor.uses[i]], demand)) {
          int64_t part = (left[demand] + sharers - 1) / sharers;
          --sharers;
          shares[i][demand] += part;
          left[demand] -= part;
        }
    }
    for (unsigned i = 0; i < count; ++i)
      for (unsigned demand = 0; demand < demands; ++demand)
        messages[tensor.uses[i]].share[row * demands + demand] = shares[i][demand];
  }
}

void DualBound::sweepBackward() {
  std::vector<int64_t> costs;
  auto sendToMaker = [&](const ReducedTensor &tensor) {
    if (tensor.uses.size() > 1)
      divide(tensor);
    for (unsigned use : tensor.uses) {
      Messages &m = messages[use];
      for (unsigned row = 0; row < tensor.rows; ++row) {
        int64_t sent = unreachable;
        for (unsigned column : wanted[use])
          sent = std::min(sent, asked[use][column] + (column < tensor.demands
                                                          ? m.share[row * tensor.demands + column]
                                                          : 0));
        m.toMaker[row] = sent;
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
      for (unsigned label = 0; label < costs.size(); ++label) {
        int64_t &ask = asked[use][columnOf(use, label)];
        ask = std::min(ask, costs[label] / parts);
      }
      for (unsigned column : wanted[use])
        asked[use][column] -= messages[use].toUser[column];
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
