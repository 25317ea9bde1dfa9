// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The problem as the algorithms want it: nodes in the order in which they are
// searched, costs that depend on one node alone folded into its labels, labels
// that cannot be part of a best plan removed, equal rows of a tensor's table
// merged. Every best plan's value is kept; at least one best plan is.

#ifndef TERCET_PASSES_PARTITION_REDUCEDPARTITION_H
#define TERCET_PASSES_PARTITION_REDUCEDPARTITION_H

#include "passes/partition/PartitionProblem.h"

namespace tercet::partition {

struct ReducedLabel {
  /// With the costs of tensors that depend on this node alone, and the price.
  int64_t cost = 0;
  /// Of what it uses of the limits.
  int64_t price = 0;
  unsigned place = 0;
  /// Index of the label in the problem's node.
  unsigned original = 0;
};

struct ReducedNode {
  /// Index of the node in the problem.
  unsigned original = 0;
  std::vector<ReducedLabel> labels;
  /// Uses of tensors by this node, and tensors that it makes.
  std::vector<unsigned> uses;
  std::vector<unsigned> tensors;
};

/// All that a node wants of a tensor.
struct ReducedUse {
  unsigned tensor = 0;
  unsigned node = 0;
  /// The sets of columns that labels want, each ascending, and which one each label wants.
  std::vector<std::vector<unsigned>> choices;
  std::vector<unsigned> choiceOfLabel;

  const std::vector<unsigned> &wantedBy(unsigned label) const {
    return choices[choiceOfLabel[label]];
  }
};

struct ReducedTensor {
  /// The node that makes it; -1 where its place does not matter, which then has one row.
  int producer = -1;
  /// For each label of the producer, the row of the table.
  std::vector<unsigned> rowOfLabel;
  unsigned rows = 1;
  unsigned demands = 0;
  std::vector<int64_t> cost;
  /// One a node, by ascending node. A tensor of one use has sets of at most one column.
  std::vector<unsigned> uses;

  int64_t costOf(unsigned row, unsigned demand) const {
    return cost[static_cast<size_t>(row) * demands + demand];
  }
};

struct ReducedPartition {
  std::vector<ReducedNode> nodes;
  std::vector<ReducedTensor> tensors;
  std::vector<ReducedUse> uses;
  /// For each limit, node and label: what it uses.
  std::vector<std::vector<std::vector<int64_t>>> amounts;
  std::vector<int64_t> capacities;
  /// Paid whatever is chosen.
  int64_t constant = 0;
  /// Price of the limits' capacities: what the bound of the priced problem is too high by.
  int64_t discount = 0;

  unsigned rowOf(const ReducedTensor &tensor, llvm::ArrayRef<unsigned> labels) const {
    return tensor.producer < 0 ? 0 : tensor.rowOfLabel[labels[tensor.producer]];
  }
  /// Cost of a tensor, given the labels of all nodes.
  int64_t tensorCost(const ReducedTensor &tensor, llvm::ArrayRef<unsigned> labels) const;
  /// Cost of the whole without prices, equal to the problem's for the original labels.
  int64_t value(llvm::ArrayRef<unsigned> labels) const;
  /// What the value changes by if one node takes another label. Leaves `labels` as they were.
  int64_t change(std::vector<unsigned> &labels, unsigned node, unsigned label) const;
  int64_t usage(unsigned limit, llvm::ArrayRef<unsigned> labels) const;
  bool withinLimits(llvm::ArrayRef<unsigned> labels) const;
  /// Labels of the problem's nodes, in the problem's order.
  llvm::SmallVector<unsigned> originals(llvm::ArrayRef<unsigned> labels) const;
  /// The reverse, for labels of which some may have been removed: those become 0.
  std::vector<unsigned> reduced(llvm::ArrayRef<unsigned> originals) const;
};

/// An order of the nodes, topological, that keeps few tensors open: the better of
/// the problem's own and a greedy one.
std::vector<unsigned> searchOrder(const PartitionProblem &problem);

/// For each node of a problem, labels that may be chosen.
using LabelSets = std::vector<std::vector<unsigned>>;

/// Chooses among `allowed`, none of which is empty.
ReducedPartition reduce(const PartitionProblem &problem, llvm::ArrayRef<unsigned> order,
                        LabelSets allowed);

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_REDUCEDPARTITION_H
