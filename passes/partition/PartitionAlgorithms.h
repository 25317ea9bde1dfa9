// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The algorithms that solvePartition() chooses from, one a file. All work on the
// reduced problem; none looks at a clock.

#ifndef TERCET_PASSES_PARTITION_PARTITIONALGORITHMS_H
#define TERCET_PASSES_PARTITION_PARTITIONALGORITHMS_H

#include "passes/partition/DualBound.h"
#include "passes/partition/ReducedPartition.h"

namespace tercet::partition {

using Labels = std::vector<unsigned>;

// FrontierPartition.cpp

struct FrontierOptions {
  /// Only what costs less is looked for.
  int64_t upper = 0;
  int64_t maxStates = 0;
  int64_t maxTransitions = 0;
  /// States that a step keeps; 0 for all.
  int64_t width = 0;
  bool enforceLimits = false;
};

struct FrontierResult {
  /// The best that costs less than `upper`; none if there is none, or the search stopped.
  std::optional<Labels> labels;
  int64_t value = 0;
  /// Nothing below `upper` was left out: `labels` are optimal, or nothing below `upper` exists.
  bool complete = false;
  /// Nothing costs less, `upper` aside.
  int64_t lowerBound = 0;
  int64_t frontier = 0;
  int64_t widestStep = 0;
  int64_t states = 0;
};

/// Dynamic programming over the nodes in order. A state is what the open tensors
/// (made or given, with uses to come) look like: the row of each and the demands
/// paid so far. States whose cost so far and dual bound of the rest reach `upper`
/// go, as do those that another state can always follow at less cost.
FrontierResult searchFrontier(const ReducedPartition &problem, const DualBound &dual,
                              const FrontierOptions &options);

// MinCutPartition.cpp

struct CutResult {
  Labels labels;
  /// The cut is the optimum among the labellings of the two choices.
  bool exact = false;
};

/// Every node keeps the label of `first` or takes that of `second`: one minimum
/// cut. Where a cost cannot be expressed by a cut it is replaced by one that is no
/// smaller and equal at `first`, so that what the cut gains on `first` is real; the
/// result is then not exact.
CutResult cutBetween(const ReducedPartition &problem, const Labels &first, const Labels &second);

/// The optimum if each node has at most one label at each of two places and the
/// costs are submodular; none otherwise. Ignores limits.
std::optional<Labels> solveByMinCut(const ReducedPartition &problem);

// ExpansionPartition.cpp

/// Moves every node to its best label at one place, or not, by a cut, for all places
/// in turn until none gains; then single nodes. Never worse than `start`. Ignores limits.
Labels expand(const ReducedPartition &problem, Labels start);

/// Nodes one after another take the label that costs least with what was chosen before.
Labels greedyLabels(const ReducedPartition &problem);

/// Each node its cheapest label.
Labels cheapestLabels(const ReducedPartition &problem);

/// Moves single nodes while that gains; keeps within limits if `enforceLimits`.
void improveNodes(const ReducedPartition &problem, Labels &labels, bool enforceLimits);

// LimitedPartition.cpp

/// Moves single nodes until the labels are within the limits, at the least cost per
/// excess removed. False if it gets stuck.
bool repair(const ReducedPartition &problem, Labels &labels);

/// Subgradient ascent on a price for each limit: labels cost more by the price of
/// what they use, and the bound less by the price of the capacities. Leaves the prices
/// of the best bound in `problem`, and collects the best labels within the limits on
/// the way, `start` included, which may be above the limits.
struct PricedResult {
  std::optional<Labels> labels;
  int64_t value = 0;
  int64_t lowerBound = 0;
};
PricedResult priceLimits(ReducedPartition &problem, DualBound &dual, const Labels &start,
                         const PartitionOptions &options);

/// For each node of the problem the labels that some choice of the others' labels
/// allows, limit by limit. An error if a limit cannot be kept.
llvm::Expected<LabelSets> labelsWithinLimits(const PartitionProblem &problem);

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_PARTITIONALGORITHMS_H
