// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Folding, merging and removal of dominated labels. A label goes if another of
// its node costs so much less that even the worst that its neighbours can do
// about the tensors between them does not make up for it, and uses no more of any
// limit. Removal makes tables smaller, so it is repeated while it finds something.

#include "passes/partition/ReducedPartition.h"

#include "llvm/ADT/STLExtras.h"

#include <functional>
#include <map>
#include <set>

using namespace tercet::partition;

int64_t ReducedPartition::tensorCost(const ReducedTensor &tensor,
                                     llvm::ArrayRef<unsigned> labels) const {
  unsigned row = rowOf(tensor, labels);
  llvm::SmallVector<unsigned, 8> charged;
  int64_t sum = 0;
  for (unsigned index : tensor.uses)
    for (unsigned demand : uses[index].wantedBy(labels[uses[index].node]))
      if (!llvm::is_contained(charged, demand)) {
        charged.push_back(demand);
        sum += tensor.costOf(row, demand);
      }
  return sum;
}

int64_t ReducedPartition::value(llvm::ArrayRef<unsigned> labels) const {
  int64_t sum = constant;
  for (auto [node, label] : llvm::zip_equal(nodes, labels))
    sum += node.labels[label].cost - node.labels[label].price;
  for (const ReducedTensor &tensor : tensors)
    sum += tensorCost(tensor, labels);
  return sum;
}

int64_t ReducedPartition::change(std::vector<unsigned> &labels, unsigned node,
                                 unsigned label) const {
  llvm::SmallVector<unsigned, 8> touched(nodes[node].tensors.begin(), nodes[node].tensors.end());
  for (unsigned use : nodes[node].uses)
    if (!llvm::is_contained(touched, uses[use].tensor))
      touched.push_back(uses[use].tensor);
  unsigned before = labels[node];
  const ReducedLabel &from = nodes[node].labels[before], &to = nodes[node].labels[label];
  int64_t sum = (to.cost - to.price) - (from.cost - from.price);
  for (unsigned tensor : touched)
    sum -= tensorCost(tensors[tensor], labels);
  labels[node] = label;
  for (unsigned tensor : touched)
    sum += tensorCost(tensors[tensor], labels);
  labels[node] = before;
  return sum;
}

int64_t ReducedPartition::usage(unsigned limit, llvm::ArrayRef<unsigned> labels) const {
  int64_t sum = 0;
  for (unsigned node = 0; node < nodes.size(); ++node)
    sum += amounts[limit][node][labels[node]];
  return sum;
}

bool ReducedPartition::withinLimits(llvm::ArrayRef<unsigned> labels) const {
  for (unsigned limit = 0; limit < capacities.size(); ++limit)
    if (usage(limit, labels) > capacities[limit])
      return false;
  return true;
}

llvm::SmallVector<unsigned> ReducedPartition::originals(llvm::ArrayRef<unsigned> labels) const {
  llvm::SmallVector<unsigned> result(nodes.size(), 0);
  for (auto [node, label] : llvm::zip_equal(nodes, labels))
    result[node.original] = node.labels[label].original;
  return result;
}

std::vector<unsigned> ReducedPartition::reduced(llvm::ArrayRef<unsigned> originals) const {
  std::vector<unsigned> result(nodes.size(), 0);
  for (unsigned node = 0; node < nodes.size(); ++node)
    for (unsigned label = 0; label < nodes[node].labels.size(); ++label)
      if (nodes[node].labels[label].original == originals[nodes[node].original])
        result[node] = label;
  return result;
}

// The order.

namespace {

/// How much a frontier search keeps open: the sum over tensors that are made but
/// not used up, in bits of their places.
struct OpenTensors {
  explicit OpenTensors(const PartitionProblem &problem)
      : problem(problem), read(problem.nodes.size()), made(problem.nodes.size()),
        left(problem.tensors.size(), 0), bits(problem.tensors.size(), 0) {
    for (unsigned index = 0; index < problem.tensors.size(); ++index) {
      const PartitionTensor &tensor = problem.tensors[index];
      if (!tensor.producer || tensor.uses.empty())
        continue;
      std::set<unsigned> places, users;
      for (const PartitionLabel &label : problem.nodes[*tensor.producer].labels)
        places.insert(label.place);
      for (const TensorUse &use : tensor.uses)
        if (users.insert(use.node).second)
          read[use.node].push_back(index);
      made[*tensor.producer].push_back(index);
      left[index] = users.size();
      while ((1u << bits[index]) < places.size())
        ++bits[index];
    }
  }

  int64_t bitsAfter(unsigned node) const {
    int64_t sum = open;
    for (unsigned tensor : read[node])
      if (left[tensor] == 1)
        sum -= bits[tensor];
    for (unsigned tensor : made[node])
      sum += bits[tensor];
    return sum;
  }
  void visit(unsigned node) {
    open = bitsAfter(node);
    for (unsigned tensor : read[node])
      --left[tensor];
  }

  const PartitionProblem &problem;
  /// Tensors that come from nodes, by their users and makers.
  std::vector<std::vector<unsigned>> read, made;
  std::vector<unsigned> left;
  std::vector<unsigned> bits;
  int64_t open = 0;
};

/// The most bits open at a step, then their sum over the steps.
std::pair<int64_t, int64_t> widthOf(const PartitionProblem &problem,
                                    llvm::ArrayRef<unsigned> order) {
  OpenTensors tensors(problem);
  int64_t most = 0, sum = 0;
  for (unsigned node : order) {
    tensors.visit(node);
    most = std::max(most, tensors.open);
    sum += tensors.open;
  }
  return {most, sum};
}

/// Always the ready node that leaves the fewest bits open.
std::vector<unsigned> greedyOrder(const PartitionProblem &problem) {
  OpenTensors tensors(problem);
  std::vector<unsigned> waitsFor(problem.nodes.size(), 0);
  for (unsigned node = 0; node < problem.nodes.size(); ++node)
    waitsFor[node] = tensors.read[node].size();
  std::vector<unsigned> ready, order;
  for (unsigned node = 0; node < problem.nodes.size(); ++node)
    if (waitsFor[node] == 0)
      ready.push_back(node);
  while (!ready.empty()) {
    auto best = ready.begin();
    for (auto it = ready.begin(); it != ready.end(); ++it)
      if (std::pair(tensors.bitsAfter(*it), *it) < std::pair(tensors.bitsAfter(*best), *best))
        best = it;
    unsigned node = *best;
    ready.erase(best);
    order.push_back(node);
    tensors.visit(node);
    for (unsigned tensor : tensors.made[node]) {
      std::set<unsigned> users;
      for (const TensorUse &use : problem.tensors[tensor].uses)
        if (users.insert(use.node).second && --waitsFor[use.node] == 0)
          ready.push_back(use.node);
    }
  }
  return order;
}

} // namespace

std::vector<unsigned> tercet::partition::searchOrder(const PartitionProblem &problem) {
  std::vector<unsigned> given(problem.nodes.size());
  for (unsigned node = 0; node < given.size(); ++node)
    given[node] = node;
  // The greedy order looks at all ready nodes at every step.
  if (given.size() > 20000)
    return given;
  std::vector<unsigned> greedy = greedyOrder(problem);
  return widthOf(problem, greedy) < widthOf(problem, given) ? greedy : given;
}

// The reduction.

namespace {

/// What a tensor still couples, once what depends on one node alone is folded away.
struct TensorReduction {
  const PartitionProblem &problem;
  const PartitionTensor &tensor;
  /// Labels left of each node of the problem, and the position of each node.
  const LabelSets &alive;
  llvm::ArrayRef<unsigned> position;
  ReducedPartition &result;

  /// The places where the tensor can be.
  std::vector<unsigned> places;
  std::vector<bool> folded;

  void run() {
    if (tensor.producer)
      for (unsigned label : alive[*tensor.producer])
        places.push_back(problem.nodes[*tensor.producer].labels[label].place);
    else
      places.push_back(tensor.inputPlace);
    llvm::sort(places);
    places.erase(std::unique(places.begin(), places.end()), places.end());
    // By node, for each of its labels, the columns wanted.
    std::map<unsigned, LabelSets> wanted;
    for (const TensorUse &use : tensor.uses) {
      LabelSets &sets = wanted[position[use.node]];
      sets.resize(alive[use.node].size());
      for (auto [set, label] : llvm::zip_equal(sets, alive[use.node]))
        if (use.demands[label] != noDemand && !llvm::is_contained(set, use.demands[label]))
          set.push_back(use.demands[label]);
    }
    foldCertainDemands(wanted);

    // What costs nothing anywhere is no demand.
    for (unsigned demand = 0; demand < tensor.demands; ++demand)
      if (!folded[demand])
        folded[demand] =
            llvm::all_of(places, [&](unsigned place) { return tensor.costOf(place, demand) == 0; });
    std::vector<bool> isWanted(tensor.demands, false);
    for (auto &[node, sets] : wanted)
      for (std::vector<unsigned> &set : sets) {
        llvm::erase_if(set, [&](unsigned demand) { return folded[demand]; });
        for (unsigned demand : set)
          isWanted[demand] = true;
      }
    std::vector<unsigned> column(tensor.demands, 0), kept;
    for (unsigned demand = 0; demand < tensor.demands; ++demand)
      if (isWanted[demand]) {
        column[demand] = kept.size();
        kept.push_back(demand);
      }
    if (kept.empty())
      return;
    std::vector<ReducedUse> uses;
    for (auto &[node, sets] : wanted) {
      ReducedUse use;
      use.node = node;
      for (std::vector<unsigned> &set : sets) {
        for (unsigned &demand : set)
          demand = column[demand];
        llvm::sort(set);
        auto it = llvm::find(use.choices, set);
        use.choiceOfLabel.push_back(it - use.choices.begin());
        if (it == use.choices.end())
          use.choices.push_back(set);
      }
      if (use.choices.size() > 1)
        uses.push_back(std::move(use));
    }
    finish(uses, kept);
  }

  /// A demand that somebody has whatever it chooses costs the producer alone.
  void foldCertainDemands(const std::map<unsigned, LabelSets> &wanted) {
    folded.assign(tensor.demands, false);
    for (unsigned demand : tensor.outputDemands)
      folded[demand] = true;
    for (const auto &[node, sets] : wanted)
      for (unsigned demand : sets.front())
        if (llvm::all_of(sets, [&, demand = demand](const std::vector<unsigned> &set) {
              return llvm::is_contained(set, demand);
            }))
          folded[demand] = true;
    for (unsigned demand = 0; demand < tensor.demands; ++demand) {
      if (!folded[demand])
        continue;
      if (!tensor.producer) {
        result.constant += tensor.costOf(tensor.inputPlace, demand);
        continue;
      }
      for (ReducedLabel &label : result.nodes[position[*tensor.producer]].labels)
        label.cost += tensor.costOf(label.place, demand);
    }
  }

  /// Nobody shares with a use that is alone: a set of demands is as good as one.
  static void makeSetsColumns(ReducedTensor &tensor, ReducedUse &use) {
    std::vector<int64_t> cost;
    for (unsigned row = 0; row < tensor.rows; ++row)
      for (const std::vector<unsigned> &set : use.choices) {
        int64_t sum = 0;
        for (unsigned demand : set)
          sum += tensor.costOf(row, demand);
        if (!set.empty())
          cost.push_back(sum);
      }
    unsigned column = 0;
    for (std::vector<unsigned> &set : use.choices)
      if (!set.empty())
        set = {column++};
    tensor.demands = column;
    tensor.cost = std::move(cost);
  }

  void finish(std::vector<ReducedUse> &uses, llvm::ArrayRef<unsigned> kept) {
    // Places with equal rows are one row.
    ReducedTensor reduced;
    reduced.demands = kept.size();
    reduced.rows = 0;
    std::vector<unsigned> rowOfPlace(problem.places, 0);
    std::vector<int64_t> row(kept.size());
    for (unsigned place : places) {
      for (auto [cost, demand] : llvm::zip_equal(row, kept))
        cost = tensor.costOf(place, demand);
      unsigned index = 0;
      while (index < reduced.rows &&
             !std::equal(row.begin(), row.end(), reduced.cost.begin() + index * row.size()))
        ++index;
      rowOfPlace[place] = index;
      if (index < reduced.rows)
        continue;
      reduced.cost.insert(reduced.cost.end(), row.begin(), row.end());
      ++reduced.rows;
    }
    if (uses.size() == 1)
      makeSetsColumns(reduced, uses[0]);
    if (reduced.rows == 1 && uses.size() == 1) {
      auto &labels = result.nodes[uses[0].node].labels;
      for (unsigned label = 0; label < labels.size(); ++label)
        for (unsigned demand : uses[0].wantedBy(label))
          labels[label].cost += reduced.cost[demand];
      return;
    }
    unsigned index = result.tensors.size();
    if (reduced.rows > 1) {
      reduced.producer = position[*tensor.producer];
      ReducedNode &producer = result.nodes[reduced.producer];
      producer.tensors.push_back(index);
      for (const ReducedLabel &label : producer.labels)
        reduced.rowOfLabel.push_back(rowOfPlace[label.place]);
    }
    for (ReducedUse &use : uses) {
      use.tensor = index;
      reduced.uses.push_back(result.uses.size());
      result.nodes[use.node].uses.push_back(result.uses.size());
      result.uses.push_back(std::move(use));
    }
    result.tensors.push_back(std::move(reduced));
  }
};

ReducedPartition build(const PartitionProblem &problem, llvm::ArrayRef<unsigned> order,
                       const LabelSets &alive) {
  ReducedPartition result;
  std::vector<unsigned> position(order.size());
  for (unsigned at = 0; at < order.size(); ++at)
    position[order[at]] = at;
  result.nodes.resize(order.size());
  for (unsigned at = 0; at < order.size(); ++at) {
    result.nodes[at].original = order[at];
    for (unsigned label : alive[order[at]]) {
      const PartitionLabel &from = problem.nodes[order[at]].labels[label];
      result.nodes[at].labels.push_back({from.cost, 0, from.place, label});
    }
  }
  for (const PartitionTensor &tensor : problem.tensors)
    TensorReduction{problem, tensor, alive, position, result, {}, {}}.run();
  for (const PartitionLimit &limit : problem.limits) {
    std::map<std::pair<unsigned, unsigned>, int64_t> amounts;
    for (const LimitUse &use : limit.uses)
      amounts[{use.node, use.label}] += use.amount;
    auto &table = result.amounts.emplace_back();
    for (const ReducedNode &node : result.nodes) {
      auto &row = table.emplace_back();
      for (const ReducedLabel &label : node.labels) {
        auto it = amounts.find({node.original, label.original});
        row.push_back(it == amounts.end() ? 0 : it->second);
      }
    }
    result.capacities.push_back(limit.capacity);
  }
  return result;
}

/// The most that label `a` instead of `b` of the node can add to the cost of tensors.
int64_t worstChange(const ReducedPartition &reduced, const ReducedNode &node, unsigned a,
                    unsigned b) {
  int64_t worst = 0;
  for (unsigned index : node.tensors) {
    const ReducedTensor &tensor = reduced.tensors[index];
    unsigned rowA = tensor.rowOfLabel[a], rowB = tensor.rowOfLabel[b];
    if (rowA == rowB)
      continue;
    int64_t most = 0;
    if (tensor.uses.size() == 1) {
      // Exactly one demand, or none if a label has none.
      most = -greatestSum;
      for (const std::vector<unsigned> &set : reduced.uses[tensor.uses[0]].choices)
        most = std::max(
            most, set.empty() ? 0 : tensor.costOf(rowA, set[0]) - tensor.costOf(rowB, set[0]));
    } else {
      for (unsigned demand = 0; demand < tensor.demands; ++demand)
        most += std::max<int64_t>(0, tensor.costOf(rowA, demand) - tensor.costOf(rowB, demand));
    }
    worst += most;
  }
  for (unsigned index : node.uses) {
    const ReducedUse &use = reduced.uses[index];
    const ReducedTensor &tensor = reduced.tensors[use.tensor];
    if (use.choiceOfLabel[a] == use.choiceOfLabel[b])
      continue;
    // Others may have paid for what B wants, never for what A wants.
    bool alone = tensor.uses.size() == 1;
    const std::vector<unsigned> &wantedA = use.wantedBy(a), &wantedB = use.wantedBy(b);
    int64_t most = -greatestSum;
    for (unsigned row = 0; row < tensor.rows; ++row) {
      int64_t more = 0;
      for (unsigned demand : wantedA)
        if (!llvm::is_contained(wantedB, demand))
          more += tensor.costOf(row, demand);
      for (unsigned demand : wantedB)
        if (alone && !llvm::is_contained(wantedA, demand))
          more -= tensor.costOf(row, demand);
      most = std::max(most, more);
    }
    worst += most;
  }
  return worst;
}

bool removeDominated(const ReducedPartition &reduced, LabelSets &alive) {
  bool removed = false;
  for (unsigned at = 0; at < reduced.nodes.size(); ++at) {
    const ReducedNode &node = reduced.nodes[at];
    unsigned count = node.labels.size();
    std::vector<bool> gone(count, false);
    // What dominates is nearly always among the cheapest, or at the same place.
    std::vector<unsigned> cheapest(count);
    for (unsigned label = 0; label < count; ++label)
      cheapest[label] = label;
    auto isCheaper = [&](unsigned a, unsigned b) {
      return std::pair(node.labels[a].cost, a) < std::pair(node.labels[b].cost, b);
    };
    llvm::sort(cheapest, isCheaper);
    for (unsigned b = 0; b < count; ++b)
      for (unsigned rank = 0; rank < count && !gone[b]; ++rank) {
        unsigned a = cheapest[rank];
        if (a == b || gone[a] || (rank >= 4 && node.labels[a].place != node.labels[b].place))
          continue;
        int64_t saved = node.labels[b].cost - node.labels[a].cost;
        if (saved < 0)
          continue;
        bool usesMore = llvm::any_of(
            reduced.amounts, [&](const auto &amounts) { return amounts[at][a] > amounts[at][b]; });
        if (!usesMore && worstChange(reduced, node, a, b) <= saved)
          gone[b] = true;
      }
    auto &labels = alive[node.original];
    std::vector<unsigned> kept;
    for (unsigned label = 0; label < count; ++label)
      if (!gone[label])
        kept.push_back(labels[label]);
    removed |= kept.size() != labels.size();
    labels = std::move(kept);
  }
  return removed;
}

} // namespace

ReducedPartition tercet::partition::reduce(const PartitionProblem &problem,
                                           llvm::ArrayRef<unsigned> order, LabelSets allowed) {
  ReducedPartition reduced = build(problem, order, allowed);
  for (unsigned round = 0; round < 2 && removeDominated(reduced, allowed); ++round)
    reduced = build(problem, order, allowed);
  return reduced;
}
