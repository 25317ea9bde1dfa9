// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random instances of the partition problem, and an oracle that tries every choice
// of labels. Shares no code with the solvers: values are counted anew, from tables
// of what is wanted.

#ifndef TERCET_TEST_UNIT_PARTITION_PARTITIONINSTANCES_H
#define TERCET_TEST_UNIT_PARTITION_PARTITIONINSTANCES_H

#include "passes/partition/PartitionProblem.h"

#include <algorithm>
#include <optional>
#include <random>
#include <vector>

namespace tercet::partition {

struct RandomShape {
  unsigned nodes = 8;
  unsigned labels = 3;
  unsigned places = 3;
  /// Columns of a tensor's table. With `regular` a label demands the column of its
  /// own place, which costs nothing there.
  unsigned demands = 3;
  bool regular = false;
  unsigned greatestCost = 20;
  unsigned greatestTransfer = 12;
  unsigned limits = 0;
  /// How far behind its maker a tensor may be used.
  unsigned reach = 5;
};

inline unsigned below(std::mt19937 &random, unsigned bound) { return random() % bound; }

inline PartitionProblem randomPartition(std::mt19937 &random, const RandomShape &shape) {
  PartitionProblem problem;
  problem.places = shape.places;
  for (unsigned node = 0; node < shape.nodes; ++node) {
    PartitionNode made;
    made.name = "n" + std::to_string(node);
    unsigned labels = shape.regular ? shape.places : 1 + below(random, shape.labels);
    for (unsigned label = 0; label < labels; ++label)
      if (!shape.regular || label == 0 || below(random, 5) != 0)
        made.labels.push_back({static_cast<int64_t>(below(random, shape.greatestCost + 1)),
                               shape.regular ? label : below(random, shape.places)});
    problem.nodes.push_back(std::move(made));
  }
  unsigned tensors = shape.nodes + below(random, shape.nodes + 2);
  for (unsigned index = 0; index < tensors; ++index) {
    PartitionTensor tensor;
    tensor.name = "t" + std::to_string(index);
    unsigned producer = below(random, shape.nodes + 1);
    unsigned first = 0;
    if (producer < shape.nodes) {
      tensor.producer = producer;
      first = producer + 1;
    } else {
      tensor.inputPlace = below(random, shape.places);
    }
    tensor.demands = shape.regular ? shape.places : below(random, shape.demands + 1);
    for (unsigned place = 0; place < shape.places; ++place)
      for (unsigned demand = 0; demand < tensor.demands; ++demand) {
        bool free = shape.regular ? place == demand : below(random, 4) == 0;
        tensor.cost.push_back(free ? 0 : below(random, shape.greatestTransfer + 1));
      }
    unsigned uses = first < shape.nodes ? below(random, 4) : 0;
    for (unsigned i = 0; i < uses; ++i) {
      TensorUse use;
      use.node = first + below(random, std::min(shape.nodes - first, shape.reach));
      for (const PartitionLabel &label : problem.nodes[use.node].labels) {
        unsigned demand = shape.regular ? label.place : below(random, tensor.demands + 1);
        use.demands.push_back(demand == tensor.demands ? noDemand : demand);
      }
      tensor.uses.push_back(std::move(use));
    }
    if (tensor.demands > 0 && below(random, 6) == 0)
      tensor.outputDemands.push_back(below(random, tensor.demands));
    problem.tensors.push_back(std::move(tensor));
  }
  for (unsigned index = 0; index < shape.limits; ++index) {
    PartitionLimit limit;
    limit.name = "m" + std::to_string(index);
    int64_t least = 0, most = 0;
    for (unsigned node = 0; node < shape.nodes; ++node) {
      int64_t leastOfNode = 100, mostOfNode = 0;
      for (unsigned label = 0; label < problem.nodes[node].labels.size(); ++label) {
        int64_t amount = below(random, 3) == 0 ? 0 : below(random, 10);
        leastOfNode = std::min(leastOfNode, amount);
        mostOfNode = std::max(mostOfNode, amount);
        if (amount > 0)
          limit.uses.push_back({node, label, amount});
      }
      least += leastOfNode;
      most += mostOfNode;
    }
    // Rarely impossible, often tight.
    limit.capacity = std::max<int64_t>(0, least - 1 + below(random, most - least + 3));
    problem.limits.push_back(std::move(limit));
  }
  return problem;
}

/// Cost of a choice of labels, from a table of which demands are wanted.
inline int64_t countedValue(const PartitionProblem &problem, const std::vector<unsigned> &labels) {
  int64_t sum = 0;
  for (size_t node = 0; node < labels.size(); ++node)
    sum += problem.nodes[node].labels[labels[node]].cost;
  for (const PartitionTensor &tensor : problem.tensors) {
    std::vector<char> wanted(tensor.demands, 0);
    for (unsigned demand : tensor.outputDemands)
      wanted[demand] = 1;
    for (const TensorUse &use : tensor.uses)
      if (use.demands[labels[use.node]] != noDemand)
        wanted[use.demands[labels[use.node]]] = 1;
    unsigned place = tensor.inputPlace;
    if (tensor.producer)
      place = problem.nodes[*tensor.producer].labels[labels[*tensor.producer]].place;
    for (unsigned demand = 0; demand < tensor.demands; ++demand)
      if (wanted[demand])
        sum += tensor.cost[place * tensor.demands + demand];
  }
  return sum;
}

inline bool countedFits(const PartitionProblem &problem, const std::vector<unsigned> &labels) {
  for (const PartitionLimit &limit : problem.limits) {
    int64_t used = 0;
    for (const LimitUse &use : limit.uses)
      used += labels[use.node] == use.label ? use.amount : 0;
    if (used > limit.capacity)
      return false;
  }
  return true;
}

/// The least cost of all choices within the limits; none if there is none. Up to
/// about a million choices.
inline std::optional<int64_t> leastValue(const PartitionProblem &problem) {
  std::vector<unsigned> labels(problem.nodes.size(), 0);
  std::optional<int64_t> least;
  for (;;) {
    if (countedFits(problem, labels)) {
      int64_t value = countedValue(problem, labels);
      if (!least || value < *least)
        least = value;
    }
    size_t node = 0;
    while (node < labels.size() && ++labels[node] == problem.nodes[node].labels.size())
      labels[node++] = 0;
    if (node == labels.size())
      return least;
  }
}

} // namespace tercet::partition

#endif // TERCET_TEST_UNIT_PARTITION_PARTITIONINSTANCES_H
