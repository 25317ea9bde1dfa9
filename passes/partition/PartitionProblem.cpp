// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The problem's consistency, the value of a choice of labels, the plans of a
// single place, and the check of a plan, which shares no code with the solvers.

#include "passes/partition/PartitionProblem.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/MathExtras.h"

#include <map>
#include <set>

using namespace tercet::partition;

static llvm::Error error(const llvm::Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

namespace {

/// A sum of what is not negative, that remembers whether it became too large.
struct GuardedSum {
  int64_t value = 0;
  bool tooLarge = false;
  void add(int64_t amount) {
    tooLarge |= llvm::AddOverflow(value, amount, value) || value > greatestSum;
    if (tooLarge)
      value = 0;
  }
};

std::string titleOf(const PartitionProblem &problem, unsigned node) {
  return ("node '" + llvm::Twine(problem.nodes[node].name) + "'").str();
}

llvm::Error checkNodes(const PartitionProblem &problem, GuardedSum &sum) {
  for (unsigned node = 0; node < problem.nodes.size(); ++node) {
    const auto &labels = problem.nodes[node].labels;
    if (labels.empty())
      return error(titleOf(problem, node) + " has no label: no engine can run it");
    int64_t most = 0;
    for (const PartitionLabel &label : labels) {
      if (label.cost < 0)
        return error(titleOf(problem, node) + ": cost " + llvm::Twine(label.cost) + " is negative");
      if (label.place >= problem.places)
        return error(titleOf(problem, node) + ": expected a place below " +
                     llvm::Twine(problem.places) + ", got " + llvm::Twine(label.place));
      most = std::max(most, label.cost);
    }
    sum.add(most);
  }
  return llvm::Error::success();
}

llvm::Error checkUse(const PartitionProblem &problem, const PartitionTensor &tensor,
                     const std::string &title, const TensorUse &use) {
  if (use.node >= problem.nodes.size())
    return error(title + ": expected a use by a node below " + llvm::Twine(problem.nodes.size()) +
                 ", got " + llvm::Twine(use.node));
  std::string user = titleOf(problem, use.node);
  if (tensor.producer && use.node <= *tensor.producer)
    return error(user + " uses " + title + " before " + titleOf(problem, *tensor.producer) +
                 " makes it: expected nodes in topological order, without a cycle");
  size_t labels = problem.nodes[use.node].labels.size();
  if (use.demands.size() != labels)
    return error(title + ": expected a demand for each of the " + llvm::Twine(labels) +
                 " labels of " + user + ", got " + llvm::Twine(use.demands.size()));
  for (unsigned demand : use.demands)
    if (demand != noDemand && demand >= tensor.demands)
      return error(title + ": expected demands of " + user + " below " +
                   llvm::Twine(tensor.demands) + ", got " + llvm::Twine(demand));
  return llvm::Error::success();
}

llvm::Error checkTensor(const PartitionProblem &problem, const PartitionTensor &tensor,
                        GuardedSum &sum) {
  std::string title = ("tensor '" + llvm::Twine(tensor.name) + "'").str();
  if (tensor.producer && *tensor.producer >= problem.nodes.size())
    return error(title + ": expected a producer below " + llvm::Twine(problem.nodes.size()) +
                 ", got " + llvm::Twine(*tensor.producer));
  if (!tensor.producer && tensor.inputPlace >= problem.places)
    return error(title + ": expected a place below " + llvm::Twine(problem.places) + ", got " +
                 llvm::Twine(tensor.inputPlace));
  if (tensor.cost.size() != static_cast<size_t>(problem.places) * tensor.demands)
    return error(title + ": expected a table of " + llvm::Twine(problem.places) + " places by " +
                 llvm::Twine(tensor.demands) + " demands, got " + llvm::Twine(tensor.cost.size()) +
                 " costs");
  for (unsigned demand = 0; demand < tensor.demands; ++demand) {
    int64_t most = 0;
    for (unsigned place = 0; place < problem.places; ++place) {
      int64_t cost = tensor.costOf(place, demand);
      if (cost < 0)
        return error(title + ": cost " + llvm::Twine(cost) + " is negative");
      most = std::max(most, cost);
    }
    sum.add(most);
  }
  for (unsigned demand : tensor.outputDemands)
    if (demand >= tensor.demands)
      return error(title + ": expected output demands below " + llvm::Twine(tensor.demands) +
                   ", got " + llvm::Twine(demand));
  for (const TensorUse &use : tensor.uses)
    if (llvm::Error failure = checkUse(problem, tensor, title, use))
      return failure;
  return llvm::Error::success();
}

llvm::Error checkLimit(const PartitionProblem &problem, const PartitionLimit &limit) {
  std::string title = ("limit '" + llvm::Twine(limit.name) + "'").str();
  if (limit.capacity < 0)
    return error(title + ": capacity " + llvm::Twine(limit.capacity) + " is negative");
  GuardedSum sum;
  for (const LimitUse &use : limit.uses) {
    if (use.node >= problem.nodes.size())
      return error(title + ": expected a node below " + llvm::Twine(problem.nodes.size()) +
                   ", got " + llvm::Twine(use.node));
    if (use.label >= problem.nodes[use.node].labels.size())
      return error(title + ": expected a label of " + titleOf(problem, use.node) + " below " +
                   llvm::Twine(problem.nodes[use.node].labels.size()) + ", got " +
                   llvm::Twine(use.label));
    if (use.amount < 0)
      return error(title + ": amount " + llvm::Twine(use.amount) + " of " +
                   titleOf(problem, use.node) + " is negative");
    sum.add(use.amount);
  }
  if (sum.tooLarge)
    return error(title + ": the amounts add up to more than 2^56");
  return llvm::Error::success();
}

} // namespace

llvm::Error PartitionProblem::check() const {
  if (formats == 0 || places % formats != 0)
    return error("the places are no multiple of " + llvm::Twine(formats) + " formats");
  GuardedSum sum;
  if (llvm::Error failure = checkNodes(*this, sum))
    return failure;
  for (const PartitionTensor &tensor : tensors)
    if (llvm::Error failure = checkTensor(*this, tensor, sum))
      return failure;
  if (sum.tooLarge)
    return error("the costs add up to more than 2^56 picoseconds");
  for (const PartitionLimit &limit : limits)
    if (llvm::Error failure = checkLimit(*this, limit))
      return failure;
  return llvm::Error::success();
}

int64_t PartitionProblem::value(const PartitionTensor &tensor,
                                llvm::ArrayRef<unsigned> labels) const {
  unsigned place = tensor.producer ? nodes[*tensor.producer].labels[labels[*tensor.producer]].place
                                   : tensor.inputPlace;
  std::set<unsigned> demands(tensor.outputDemands.begin(), tensor.outputDemands.end());
  for (const TensorUse &use : tensor.uses)
    demands.insert(use.demands[labels[use.node]]);
  int64_t sum = 0;
  for (unsigned demand : demands)
    if (demand != noDemand)
      sum += tensor.costOf(place, demand);
  return sum;
}

int64_t PartitionProblem::value(llvm::ArrayRef<unsigned> labels) const {
  int64_t sum = 0;
  for (auto [node, label] : llvm::zip_equal(nodes, labels))
    sum += node.labels[label].cost;
  for (const PartitionTensor &tensor : tensors)
    sum += value(tensor, labels);
  return sum;
}

int64_t PartitionProblem::usage(const PartitionLimit &limit,
                                llvm::ArrayRef<unsigned> labels) const {
  int64_t sum = 0;
  for (const LimitUse &use : limit.uses)
    if (labels[use.node] == use.label)
      sum += use.amount;
  return sum;
}

bool PartitionProblem::withinLimits(llvm::ArrayRef<unsigned> labels) const {
  return llvm::all_of(
      limits, [&](const PartitionLimit &limit) { return usage(limit, labels) <= limit.capacity; });
}

std::vector<SinglePlacePlan> tercet::partition::singlePlacePlans(const PartitionProblem &problem) {
  unsigned formats = problem.formats;
  // A place, and a format or, as the one beyond the last, whichever is cheapest.
  std::set<std::pair<unsigned, unsigned>> places;
  for (const PartitionNode &node : problem.nodes)
    for (const PartitionLabel &label : node.labels) {
      places.insert({label.place / formats, label.place % formats});
      if (formats > 1)
        places.insert({label.place / formats, formats});
    }
  std::vector<SinglePlacePlan> plans;
  for (auto [place, format] : places) {
    SinglePlacePlan plan;
    plan.place = place * formats + (format == formats ? 0 : format);
    for (const PartitionNode &node : problem.nodes) {
      // Of equal labels the first, in all cases.
      std::optional<unsigned> alike, here;
      unsigned anywhere = 0;
      for (unsigned label = 0; label < node.labels.size(); ++label) {
        const PartitionLabel &candidate = node.labels[label];
        auto take = [&](std::optional<unsigned> &best) {
          if (!best || candidate.cost < node.labels[*best].cost)
            best = label;
        };
        if (candidate.place / formats == place)
          take(here);
        if (candidate.place == place * formats + format && format < formats)
          take(alike);
        if (candidate.cost < node.labels[anywhere].cost)
          anywhere = label;
      }
      plan.fallbacks += !here;
      plan.labels.push_back(alike.value_or(here.value_or(anywhere)));
    }
    plan.value = problem.value(plan.labels);
    plan.withinLimits = problem.withinLimits(plan.labels);
    plans.push_back(std::move(plan));
  }
  return plans;
}

int64_t PartitionPlan::gapPermille() const {
  if (value <= lowerBound)
    return 0;
  // A bound of 0 says nothing: the gap is all there is.
  if (lowerBound <= 0)
    return 1000;
  auto gap = (static_cast<__int128>(value - lowerBound) * 1000 + lowerBound - 1) / lowerBound;
  return static_cast<int64_t>(std::min<__int128>(gap, greatestSum));
}

llvm::Error PartitionPlan::verify(const PartitionProblem &problem) const {
  if (labels.size() != problem.nodes.size())
    return error("expected a label for each of " + llvm::Twine(problem.nodes.size()) +
                 " nodes, got " + llvm::Twine(labels.size()));
  int64_t counted = 0;
  for (unsigned node = 0; node < labels.size(); ++node) {
    if (labels[node] >= problem.nodes[node].labels.size())
      return error(titleOf(problem, node) + ": expected a label below " +
                   llvm::Twine(problem.nodes[node].labels.size()) + ", got " +
                   llvm::Twine(labels[node]));
    counted += problem.nodes[node].labels[labels[node]].cost;
  }
  // Demand by demand: is there anybody who wants it?
  for (const PartitionTensor &tensor : problem.tensors)
    for (unsigned demand = 0; demand < tensor.demands; ++demand) {
      bool wanted = llvm::is_contained(tensor.outputDemands, demand);
      for (const TensorUse &use : tensor.uses)
        wanted |= use.demands[labels[use.node]] == demand;
      unsigned place = tensor.inputPlace;
      if (tensor.producer)
        place = problem.nodes[*tensor.producer].labels[labels[*tensor.producer]].place;
      if (wanted)
        counted += tensor.cost[place * tensor.demands + demand];
    }
  if (counted != value)
    return error("the labels cost " + llvm::Twine(counted) + " ps, the plan says " +
                 llvm::Twine(value));
  if (lowerBound > value)
    return error("the value " + llvm::Twine(value) + " ps is below the bound of " +
                 llvm::Twine(lowerBound));
  if (bestSinglePlace && bestSinglePlace->value < value)
    return error("the value " + llvm::Twine(value) + " ps is above the best single place's " +
                 llvm::Twine(bestSinglePlace->value));
  for (const PartitionLimit &limit : problem.limits) {
    std::map<std::pair<unsigned, unsigned>, int64_t> amounts;
    for (const LimitUse &use : limit.uses)
      amounts[{use.node, use.label}] += use.amount;
    int64_t used = 0;
    for (unsigned node = 0; node < labels.size(); ++node)
      used += amounts[{node, labels[node]}];
    if (used > limit.capacity)
      return error("limit '" + llvm::Twine(limit.name) + "': " + llvm::Twine(used) +
                   " used of a capacity of " + llvm::Twine(limit.capacity));
  }
  return llvm::Error::success();
}
