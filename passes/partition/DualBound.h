// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A lower bound by message passing: the problem is split into nodes and pairs
// (maker, user) of a tensor, each solved alone; messages move cost between them
// so that the sum of the parts' minima grows. A demand that several uses share is
// divided among them. Any messages and any division give a valid bound, so whole
// numbers lose nothing but tightness.
//
// After: V. Kolmogorov, Convergent tree-reweighted message passing for energy
// minimization, PAMI 2006; the division by dual ascent as in D. Erlenkotter, A
// dual-based procedure for uncapacitated facility location, 1978.

#ifndef TERCET_PASSES_PARTITION_DUALBOUND_H
#define TERCET_PASSES_PARTITION_DUALBOUND_H

#include "passes/partition/ReducedPartition.h"

namespace tercet::partition {

class DualBound {
public:
  /// Keeps a reference. Costs of labels may change between calls of improve().
  explicit DualBound(const ReducedPartition &problem);

  /// Sweeps forth and back until the bound reaches `target`, or no longer grows,
  /// or `sweeps` are done. Returns the bound and keeps the best messages.
  int64_t improve(unsigned sweeps, int64_t target);

  int64_t bound() const { return best; }

  /// The parts of the bound, for bounds on what is left of a partial plan.
  int64_t minimumOfNode(unsigned node) const;
  int64_t minimumOfUse(unsigned use) const;
  /// What the use adds at least, given the row of its tensor and, for each demand,
  /// whether it has been paid already; with the parts of the nodes that follow.
  template <typename IsPaid>
  int64_t minimumOfUseAfter(unsigned use, unsigned row, IsPaid isPaid) const {
    const Messages &m = messages[use];
    const auto &choices = problem.uses[use].choices;
    unsigned demands = demandsOf(use);
    int64_t least = greatestSum * 4;
    for (unsigned choice = 0; choice < choices.size(); ++choice) {
      int64_t cost = -m.toUser[choice];
      for (unsigned demand : choices[choice])
        if (!isPaid(demand))
          cost += m.share[row * demands + demand];
      least = std::min(least, cost);
    }
    return least;
  }

private:
  struct Messages {
    /// By row of the tensor, and by choice of the use.
    std::vector<int64_t> toMaker, toUser;
    /// The use's part of the tensor's cost, by row and demand, and summed by row and choice.
    std::vector<int64_t> share, shareOfChoice;
  };

  unsigned demandsOf(unsigned use) const {
    return problem.tensors[problem.uses[use].tensor].demands;
  }
  void sumShares(unsigned use);
  /// Costs of the node's labels with all messages that arrive.
  void collect(unsigned node, std::vector<int64_t> &costs) const;
  void sweepForward();
  void sweepBackward();
  void divide(const ReducedTensor &tensor);
  int64_t evaluate() const;

  const ReducedPartition &problem;
  std::vector<Messages> messages, bestMessages;
  /// By use and choice: what the user's side asked for at the last backward sweep.
  std::vector<std::vector<int64_t>> asked;
  int64_t best = 0;
  unsigned round = 0;
};

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_DUALBOUND_H
