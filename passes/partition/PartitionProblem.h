// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Choosing a label for every node of a graph: where and how it runs. Labels cost
// time, and so does a tensor that is wanted elsewhere than it was made, once for
// each distinct place that wants it. Limits bound what the chosen labels use of
// a resource together. Knows nothing of MLIR, engines or precisions: a caller
// numbers the places and prices the tables. All costs are picoseconds.

#ifndef TERCET_PASSES_PARTITION_PARTITIONPROBLEM_H
#define TERCET_PASSES_PARTITION_PARTITIONPROBLEM_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tercet::partition {

/// One way to run a node: an engine or several with a share each, a precision, a
/// variant. `place` numbers where and how the node's results are afterwards.
struct PartitionLabel {
  int64_t cost = 0;
  unsigned place = 0;
};

struct PartitionNode {
  /// For messages: the source node's name.
  std::string name;
  /// A pin is expressed by leaving out the labels that it excludes.
  llvm::SmallVector<PartitionLabel> labels;
};

/// Of a label that reads nothing of a tensor, or nothing that ever costs.
inline constexpr unsigned noDemand = ~0u;

/// One node's reading of a tensor: for each of its labels, which column of the
/// tensor's table it wants. A label that wants several has several uses.
struct TensorUse {
  unsigned node = 0;
  llvm::SmallVector<unsigned> demands;
};

struct PartitionTensor {
  std::string name;
  /// The node that makes it; none for an input of the graph, which is at `inputPlace`.
  std::optional<unsigned> producer;
  unsigned inputPlace = 0;
  llvm::SmallVector<TensorUse> uses;
  /// Demands from outside the graph: where its results have to be.
  llvm::SmallVector<unsigned> outputDemands;
  /// Columns of the table, one for each demand.
  unsigned demands = 0;
  /// Table of `places` rows: the cost of meeting a demand when the tensor is at a
  /// place, charged once however many uses have the same demand.
  std::vector<int64_t> cost;

  int64_t costOf(unsigned place, unsigned demand) const {
    return cost[static_cast<size_t>(place) * demands + demand];
  }
};

/// What a node uses of a limit if it takes that label. Entries of the same label add up.
struct LimitUse {
  unsigned node = 0;
  unsigned label = 0;
  int64_t amount = 0;
};

/// The amounts of the chosen labels together are at most `capacity`. What two
/// nodes share (one weight used twice) is counted twice: the sum is on the safe side.
struct PartitionLimit {
  std::string name;
  int64_t capacity = 0;
  std::vector<LimitUse> uses;
};

/// No sum of costs or of amounts may exceed it, so that no solver overflows: 20
/// hours, or 64 pebibytes.
inline constexpr int64_t greatestSum = int64_t(1) << 56;

struct PartitionProblem {
  unsigned places = 0;
  /// Places come in runs of so many, which are one place in different formats of
  /// results.
  unsigned formats = 1;
  /// In topological order.
  std::vector<PartitionNode> nodes;
  std::vector<PartitionTensor> tensors;
  std::vector<PartitionLimit> limits;

  /// An error, which names the node or tensor, if a node has no label, an index
  /// dangles, a cost is negative, a table has the wrong size, a tensor is used
  /// before it is made (also: the graph has a cycle), or sums may overflow.
  llvm::Error check() const;
  /// Cost of a choice of labels: of the labels, and of every distinct demand on every tensor.
  int64_t value(llvm::ArrayRef<unsigned> labels) const;
  /// What of it is for one tensor.
  int64_t value(const PartitionTensor &tensor, llvm::ArrayRef<unsigned> labels) const;
  /// What the chosen labels use of a limit.
  int64_t usage(const PartitionLimit &limit, llvm::ArrayRef<unsigned> labels) const;
  bool withinLimits(llvm::ArrayRef<unsigned> labels) const;
};

/// All nodes at one place: each takes its cheapest label there, or, if it has
/// none, falls back to its cheapest label anywhere. Where places have formats,
/// there is a plan for each format too: nodes take it if they can, else their
/// cheapest label at the place.
struct SinglePlacePlan {
  unsigned place = 0;
  int64_t value = 0;
  /// Nodes that have no label at the place.
  unsigned fallbacks = 0;
  bool withinLimits = true;
  llvm::SmallVector<unsigned> labels;
};

/// The plan of every place that some label names, in the order of places.
std::vector<SinglePlacePlan> singlePlacePlans(const PartitionProblem &problem);

struct PartitionPlan {
  /// Label of each node, in the order of the problem.
  llvm::SmallVector<unsigned> labels;
  int64_t value = 0;
  /// No choice of labels within the limits costs less.
  int64_t lowerBound = 0;
  /// What found it: "frontier", "min-cut", "expansion", "beam", ...
  std::string method;
  /// Most tensors that a step of the frontier search had open, and states that it
  /// kept at one step and in all; 0 if it did not run.
  int64_t frontier = 0;
  int64_t widestStep = 0;
  int64_t states = 0;
  /// The cheapest of singlePlacePlans() within the limits; none if there is none.
  std::optional<SinglePlacePlan> bestSinglePlace;

  bool isOptimal() const { return value == lowerBound; }
  /// Distance to the bound in tenths of a percent, rounded up.
  int64_t gapPermille() const;
  /// An error if a label is missing or out of range, the value is not that of the
  /// labels, is below the bound or above the best single place, or a limit is
  /// exceeded. Counts everything anew, sharing no code with the solvers.
  llvm::Error verify(const PartitionProblem &problem) const;
};

enum class PartitionMethod { Automatic, Frontier, MinCut, Expansion };

/// Budgets count work, never time: the same plan on every machine.
struct PartitionOptions {
  /// Anything but Automatic runs that algorithm alone, for tests and comparisons.
  PartitionMethod method = PartitionMethod::Automatic;
  /// States that the exact search may keep in all before it gives up; one of very many
  /// open tensors counts for several.
  int64_t maxStates = 1000000;
  /// Transitions that the exact search may try in all.
  int64_t maxTransitions = 50000000;
  /// States that a step of the beam search keeps.
  int64_t beamWidth = 48;
  /// Sweeps over the graph that improve the dual bound.
  unsigned dualSweeps = 40;
  /// Prices of the limits that are tried.
  unsigned priceSteps = 40;
};

/// The best plan that the algorithms find, exact whenever the frontier is narrow
/// or the problem is a minimum cut. Never worse than the best single place. An
/// error if check() fails or no choice of labels is within the limits: names the
/// limit, the least that is needed and the capacity.
llvm::Expected<PartitionPlan> solvePartition(const PartitionProblem &problem,
                                             const PartitionOptions &options = {});

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_PARTITIONPROBLEM_H
