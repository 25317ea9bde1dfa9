// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which algorithm when. Cheap plans first; a dual bound; a beam search, which
// often proves itself; then what is exact, a minimum cut or the full search of the
// frontier within a budget; then expansion moves and the gap. Limits come last,
// and only if the plan without them breaks one.

#include "passes/partition/PartitionAlgorithms.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace tercet::partition;

namespace {

llvm::Error error(const llvm::Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

class Solver {
public:
  Solver(const PartitionProblem &problem, const PartitionOptions &options, ReducedPartition reduced)
      : problem(problem), options(options), reduced(std::move(reduced)), dual(this->reduced) {}

  llvm::Expected<PartitionPlan> run();

private:
  void offer(llvm::ArrayRef<unsigned> originals, llvm::StringRef method);
  void offer(const Labels &labels, llvm::StringRef method) {
    offer(reduced.originals(labels), method);
  }
  FrontierResult search(int64_t width, bool enforceLimits);
  void raiseBound(int64_t bound) { plan.lowerBound = std::max(plan.lowerBound, bound); }
  bool isDone() const { return hasPlan && plan.lowerBound >= plan.value; }
  void solveFree();
  llvm::Error solveWithin(const PartitionPlan &free);
  void expandFromStarts();
  int64_t upper() const { return hasPlan ? plan.value : greatestSum * 2; }

  const PartitionProblem &problem;
  const PartitionOptions &options;
  ReducedPartition reduced;
  DualBound dual;
  PartitionPlan plan;
  bool hasPlan = false;
};

} // namespace

void Solver::offer(llvm::ArrayRef<unsigned> originals, llvm::StringRef method) {
  int64_t value = problem.value(originals);
  if (hasPlan && plan.value <= value)
    return;
  plan.labels.assign(originals.begin(), originals.end());
  plan.value = value;
  plan.method = method.str();
  hasPlan = true;
}

FrontierResult Solver::search(int64_t width, bool enforceLimits) {
  FrontierOptions search;
  search.upper = upper();
  // States with amounts are dearer: each is compared with all others of its key.
  search.maxStates = enforceLimits ? options.maxStates / 2 : options.maxStates;
  search.maxTransitions = options.maxTransitions;
  search.width = width;
  search.enforceLimits = enforceLimits;
  FrontierResult found = searchFrontier(reduced, dual, search);
  plan.frontier = found.frontier;
  plan.widestStep = std::max(plan.widestStep, found.widestStep);
  plan.states += found.states;
  if (found.labels)
    offer(*found.labels, "beam");
  raiseBound(std::min(found.lowerBound, upper()));
  if (found.complete && hasPlan) {
    plan.lowerBound = plan.value;
    plan.method = "frontier";
  }
  return found;
}

void Solver::expandFromStarts() {
  Labels starts[] = {cheapestLabels(reduced), greedyLabels(reduced)};
  for (const Labels &start : starts)
    offer(expand(reduced, start), "expansion");
  if (plan.bestSinglePlace)
    offer(expand(reduced, reduced.reduced(plan.bestSinglePlace->labels)), "expansion");
}

/// The best plan without limits.
void Solver::solveFree() {
  if (options.method == PartitionMethod::MinCut) {
    if (auto labels = solveByMinCut(reduced)) {
      offer(*labels, "min-cut");
      plan.lowerBound = plan.value;
    }
    return;
  }
  bool isAutomatic = options.method == PartitionMethod::Automatic;
  if (options.method != PartitionMethod::Frontier) {
    Labels labels = greedyLabels(reduced);
    improveNodes(reduced, labels, /*enforceLimits=*/false);
    offer(labels, "single-moves");
  }
  raiseBound(dual.improve(options.dualSweeps, upper()));
  if (isDone())
    return;
  if (options.method == PartitionMethod::Frontier) {
    search(/*width=*/0, /*enforceLimits=*/false);
    return;
  }
  if (isAutomatic) {
    // The narrow beam's plan lets the wider one drop more.
    for (int64_t width : {options.beamWidth / 8, options.beamWidth}) {
      search(std::max<int64_t>(1, width), /*enforceLimits=*/false);
      if (isDone())
        return;
    }
    if (auto labels = solveByMinCut(reduced)) {
      offer(*labels, "min-cut");
      plan.method = "min-cut";
      plan.lowerBound = plan.value;
      return;
    }
    search(/*width=*/0, /*enforceLimits=*/false);
    if (isDone())
      return;
  }
  expandFromStarts();
  raiseBound(dual.improve(options.dualSweeps, upper()));
}

/// The best plan within the limits, which `free` breaks.
llvm::Error Solver::solveWithin(const PartitionPlan &free) {
  raiseBound(free.lowerBound);
  PricedResult priced = priceLimits(reduced, dual, reduced.reduced(free.labels), options);
  if (priced.labels)
    offer(*priced.labels, "priced-limits");
  raiseBound(std::min(priced.lowerBound, upper()));
  if (!isDone())
    search(4 * options.beamWidth, /*enforceLimits=*/true);
  if (isDone())
    return llvm::Error::success();
  FrontierResult found = search(/*width=*/0, /*enforceLimits=*/true);
  if (hasPlan)
    return llvm::Error::success();
  std::string limits;
  for (const PartitionLimit &limit : problem.limits) {
    int64_t used = problem.usage(limit, free.labels);
    limits += "; limit '" + limit.name + "': capacity " + llvm::itostr(limit.capacity) +
              ", the fastest labels use " + llvm::itostr(used);
  }
  return error((found.complete ? "no choice of labels is within all limits at once"
                               : "found no choice of labels within all limits at once") +
               limits);
}

llvm::Expected<PartitionPlan> Solver::run() {
  // Optima are compared with the best single place, and start from it.
  for (SinglePlacePlan &single : singlePlacePlans(problem))
    if (single.withinLimits &&
        (!plan.bestSinglePlace || single.value < plan.bestSinglePlace->value))
      plan.bestSinglePlace = std::move(single);
  std::optional<SinglePlacePlan> single = plan.bestSinglePlace;
  if (single && options.method == PartitionMethod::Automatic)
    offer(single->labels, "single-place");
  solveFree();
  if (options.method != PartitionMethod::Automatic && !hasPlan)
    return error("the algorithm asked for does not apply to the problem, or its budget is spent");
  if (!problem.withinLimits(plan.labels)) {
    PartitionPlan free = std::move(plan);
    plan = PartitionPlan();
    plan.frontier = free.frontier;
    plan.widestStep = free.widestStep;
    plan.states = free.states;
    plan.bestSinglePlace = single;
    hasPlan = false;
    if (single)
      offer(single->labels, "single-place");
    if (llvm::Error failure = solveWithin(free))
      return std::move(failure);
  }
  if (single)
    offer(single->labels, "single-place");
  return std::move(plan);
}

llvm::Expected<PartitionPlan> tercet::partition::solvePartition(const PartitionProblem &problem,
                                                                const PartitionOptions &options) {
  if (llvm::Error failure = problem.check())
    return std::move(failure);
  if (problem.nodes.empty()) {
    PartitionPlan plan;
    plan.value = plan.lowerBound = problem.value({});
    plan.method = "empty";
    return plan;
  }
  llvm::Expected<LabelSets> allowed = labelsWithinLimits(problem);
  if (!allowed)
    return allowed.takeError();
  return Solver(problem, options, reduce(problem, searchOrder(problem), std::move(*allowed))).run();
}
