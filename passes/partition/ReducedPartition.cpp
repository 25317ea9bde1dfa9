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
  llvm::SmallVector<int, 8> charged;
  int64_t sum = 0;
  for (unsigned index : tensor.uses) {
    int demand = uses[index].demands[labels[uses[index].node]];
    if (demand < 0 || llvm::is_contained(charged, demand))
      continue;
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
    foldCertainDemands();

    // Uses whose demand still varies.
    std::vector<ReducedUse> uses;
    std::map<unsigned, int> column;
    for (const TensorUse &use : tensor.uses) {
      ReducedUse kept;
      kept.node = position[use.node];
      for (unsigned label : alive[use.node]) {
        unsigned demand = use.demands[label];
        bool free = demand == noDemand || folded[demand] ||
                    llvm::all_of(places, [&](unsigned p) { return tensor.costOf(p, demand) == 0; });
        kept.demands.push_back(free ? -1 : static_cast<int>(demand));
        if (!free)
          column[demand] = 0;
      }
      if (!llvm::all_of(kept.demands, [](int demand) { return demand < 0; }))
        uses.push_back(std::move(kept));
    }
    if (uses.empty())
      return;
    int next = 0;
    for (auto &entry : column)
      entry.second = next++;
    for (ReducedUse &use : uses)
      for (int &demand : use.demands)
        demand = demand < 0 ? -1 : column[demand];
    llvm::sort(uses, [](const ReducedUse &a, const ReducedUse &b) {
      return std::tie(a.node, a.demands) < std::tie(b.node, b.demands);
    });
    finish(uses, column);
  }

  /// A demand that somebody has whatever it chooses costs the producer alone.
  void foldCertainDemands() {
    folded.assign(tensor.demands, false);
    for (unsigned demand : tensor.outputDemands)
      folded[demand] = true;
    for (const TensorUse &use : tensor.uses) {
      unsigned first = use.demands[alive[use.node].front()];
      if (first != noDemand && llvm::all_of(alive[use.node], [&](unsigned label) {
            return use.demands[label] == first;
          }))
        folded[first] = true;
    }
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

  void finish(std::vector<ReducedUse> &uses, const std::map<unsigned, int> &column) {
    // Places with equal rows are one row.
    ReducedTensor reduced;
    reduced.demands = column.size();
    std::map<std::vector<int64_t>, unsigned> rows;
    std::map<unsigned, unsigned> rowOfPlace;
    for (unsigned place : places) {
      std::vector<int64_t> row;
      for (auto [demand, index] : column)
        row.push_back(tensor.costOf(place, demand));
      auto [it, isNew] = rows.try_emplace(row, rows.size());
      if (isNew)
        reduced.cost.insert(reduced.cost.end(), row.begin(), row.end());
      rowOfPlace[place] = it->second;
    }
    reduced.rows = rows.size();
    if (reduced.rows == 1 && uses.size() == 1) {
      auto &labels = result.nodes[uses[0].node].labels;
      for (auto [label, demand] : llvm::zip_equal(labels, uses[0].demands))
        label.cost += demand < 0 ? 0 : reduced.cost[demand];
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
    int64_t byDemand = 0, byUse = 0, greatest = 0;
    for (unsigned demand = 0; demand < tensor.demands; ++demand) {
      int64_t more = tensor.costOf(rowA, demand) - tensor.costOf(rowB, demand);
      byDemand += std::max<int64_t>(more, 0);
      greatest = std::max(greatest, more);
    }
    byUse = greatest * static_cast<int64_t>(std::min<size_t>(tensor.uses.size(), tensor.demands));
    // A single use has exactly one demand, or none if a label has none.
    if (tensor.uses.size() == 1) {
      const ReducedUse &use = reduced.uses[tensor.uses[0]];
      byUse = -greatestSum;
      for (int demand : use.demands)
        byUse = std::max(
            byUse, demand < 0 ? 0 : tensor.costOf(rowA, demand) - tensor.costOf(rowB, demand));
    }
    worst += std::min(byDemand, byUse);
  }
  for (unsigned index : node.uses) {
    const ReducedUse &use = reduced.uses[index];
    const ReducedTensor &tensor = reduced.tensors[use.tensor];
    int demandA = use.demands[a], demandB = use.demands[b];
    if (demandA == demandB)
      continue;
    // Others may have paid for what B wants, never for what A wants.
    bool alone = tensor.uses.size() == 1;
    int64_t most = -greatestSum;
    for (unsigned row = 0; row < tensor.rows; ++row) {
      int64_t more = demandA < 0 ? 0 : tensor.costOf(row, demandA);
      if (alone && demandB >= 0)
        more -= tensor.costOf(row, demandB);
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
    for (unsigned b = 0; b < count; ++b)
      for (unsigned a = 0; a < count && !gone[b]; ++a) {
        if (a == b || gone[a])
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
  for (unsigned round = 0; round < 3 && removeDominated(reduced, allowed); ++round)
    reduced = build(problem, order, allowed);
  return reduced;
}
