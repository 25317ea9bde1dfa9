// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Local search for graphs too wide for the exact search: expansion moves, each a
// minimum cut over all nodes at once, and moves of single nodes. A move counts
// only if the true value falls.
//
// After: Boykov, Veksler and Zabih, Fast approximate energy minimization via graph
// cuts, PAMI 2001.

#include "passes/partition/PartitionAlgorithms.h"

#include "llvm/ADT/STLExtras.h"

#include <set>

using namespace tercet::partition;

/// Rounds over all places, and over all nodes, that a search may take. More than
/// were ever seen to be needed.
static constexpr unsigned maxRounds = 50;

Labels tercet::partition::cheapestLabels(const ReducedPartition &problem) {
  Labels labels;
  for (const ReducedNode &node : problem.nodes) {
    auto less = [](const ReducedLabel &a, const ReducedLabel &b) { return a.cost < b.cost; };
    labels.push_back(llvm::min_element(node.labels, less) - node.labels.begin());
  }
  return labels;
}

Labels tercet::partition::greedyLabels(const ReducedPartition &problem) {
  Labels labels(problem.nodes.size(), 0);
  std::vector<std::vector<bool>> paid;
  for (const ReducedTensor &tensor : problem.tensors)
    paid.emplace_back(tensor.demands, false);
  for (unsigned at = 0; at < problem.nodes.size(); ++at) {
    const ReducedNode &node = problem.nodes[at];
    int64_t least = greatestSum * 4;
    for (unsigned label = 0; label < node.labels.size(); ++label) {
      int64_t cost = node.labels[label].cost;
      for (unsigned index : node.uses) {
        const ReducedUse &use = problem.uses[index];
        const ReducedTensor &tensor = problem.tensors[use.tensor];
        for (unsigned demand : use.wantedBy(label))
          if (!paid[use.tensor][demand])
            cost += tensor.costOf(problem.rowOf(tensor, labels), demand);
      }
      if (cost < least) {
        least = cost;
        labels[at] = label;
      }
    }
    for (unsigned index : node.uses) {
      const ReducedUse &use = problem.uses[index];
      for (unsigned demand : use.wantedBy(labels[at]))
        paid[use.tensor][demand] = true;
    }
  }
  return labels;
}

void tercet::partition::improveNodes(const ReducedPartition &problem, Labels &labels,
                                     bool enforceLimits) {
  std::vector<int64_t> room;
  for (unsigned limit = 0; enforceLimits && limit < problem.capacities.size(); ++limit)
    room.push_back(problem.capacities[limit] - problem.usage(limit, labels));
  // Nodes whose surroundings changed since they were looked at last.
  std::vector<bool> isStale(labels.size(), true);
  auto touch = [&](const ReducedTensor &tensor) {
    if (tensor.producer >= 0)
      isStale[tensor.producer] = true;
    for (unsigned use : tensor.uses)
      isStale[problem.uses[use].node] = true;
  };
  bool moved = true;
  for (unsigned round = 0; round < maxRounds && moved; ++round) {
    moved = false;
    for (unsigned node = 0; node < labels.size(); ++node) {
      // Limits are shared by all, so that a move anywhere may let any node move.
      if (!isStale[node] && room.empty())
        continue;
      isStale[node] = false;
      int64_t best = 0;
      unsigned chosen = labels[node];
      for (unsigned label = 0; label < problem.nodes[node].labels.size(); ++label) {
        bool fits = label != labels[node];
        for (unsigned limit = 0; limit < room.size(); ++limit) {
          const auto &amounts = problem.amounts[limit][node];
          fits &= amounts[label] - amounts[labels[node]] <= room[limit];
        }
        int64_t change = fits ? problem.change(labels, node, label) : 0;
        if (change < best) {
          best = change;
          chosen = label;
        }
      }
      if (chosen == labels[node])
        continue;
      for (unsigned limit = 0; limit < room.size(); ++limit) {
        const auto &amounts = problem.amounts[limit][node];
        room[limit] -= amounts[chosen] - amounts[labels[node]];
      }
      labels[node] = chosen;
      moved = true;
      for (unsigned tensor : problem.nodes[node].tensors)
        touch(problem.tensors[tensor]);
      for (unsigned use : problem.nodes[node].uses)
        touch(problem.tensors[problem.uses[use].tensor]);
    }
  }
}

Labels tercet::partition::expand(const ReducedPartition &problem, Labels start) {
  std::set<unsigned> places;
  for (const ReducedNode &node : problem.nodes)
    for (const ReducedLabel &label : node.labels)
      places.insert(label.place);
  Labels labels = std::move(start);
  improveNodes(problem, labels, /*enforceLimits=*/false);
  int64_t value = problem.value(labels);
  bool gained = true;
  for (unsigned round = 0; round < maxRounds && gained; ++round) {
    gained = false;
    for (unsigned place : places) {
      // Of several labels at the place, the one that fits best with what is chosen now.
      Labels target = labels;
      for (unsigned node = 0; node < labels.size(); ++node) {
        int64_t least = greatestSum * 4;
        for (unsigned label = 0; label < problem.nodes[node].labels.size(); ++label) {
          if (problem.nodes[node].labels[label].place != place)
            continue;
          int64_t change = problem.change(labels, node, label);
          if (change < least) {
            least = change;
            target[node] = label;
          }
        }
      }
      if (target == labels)
        continue;
      Labels moved = cutBetween(problem, labels, target).labels;
      improveNodes(problem, moved, /*enforceLimits=*/false);
      int64_t now = problem.value(moved);
      if (now >= value)
        continue;
      value = now;
      labels = std::move(moved);
      gained = true;
    }
  }
  return labels;
}
