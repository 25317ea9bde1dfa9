// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What to search for and how long. Parts of the problem that do not touch are
// solved one by one, the one with the greatest load first; the others only have
// to stay below it. In each the search first aims at the lower bound; what it
// refutes raises the bound, and where it gives up, capacities between the bound
// and the best plan are tried. Orders are varied from round to round, and each
// round may visit more nodes, so one unlucky order costs little.

#include "passes/plan/CanonicalSearch.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

#include <array>

using namespace tercet::plan;

namespace {

/// Problems with more conflicts are left to greedy placement.
constexpr int64_t kMostConflicts = 4'000'000;
/// Heights above are left to greedy placement: search adds two of them.
constexpr int64_t kGreatestHeight = int64_t(1) << 58;

/// A small generator of fixed seed; the sequence is part of the algorithm.
struct Random {
  uint64_t state;
  uint64_t below(uint64_t bound) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % bound;
  }
};

/// What a buffer is ranked by, the most significant first. That these three
/// together serve well is known from google/minimalloc; load is the greatest
/// sum of sizes in one of the buffer's sections, area is size by duration.
struct RankOrder {
  const char *name;
  enum Key { Duration, Area, Load } keys[3];
};
constexpr RankOrder kOrders[] = {
    {"duration", {RankOrder::Duration, RankOrder::Area, RankOrder::Load}},
    {"load-area", {RankOrder::Load, RankOrder::Area, RankOrder::Duration}},
    {"load-duration", {RankOrder::Load, RankOrder::Duration, RankOrder::Area}}};

constexpr std::pair<const char *, Branching> kBranchings[] = {
    {"tightest", Branching::TightestSection},
    {"fewest", Branching::FewestCandidates},
    {"lowest", Branching::LowestBuffer}};

/// One part, its best plan, and its bound; lengths in units.
class PartSolver {
public:
  PartSolver(const Packing &packing, std::vector<int64_t> offsets, int64_t lower,
             MemoryBudget &budget)
      : packing(packing), best(std::move(offsets)), lower(lower), budget(budget),
        attemptLimit(budget.steps / 5), random{budget.seed} {
    upper = heightOf(best);
    collectKeys();
  }

  /// Improves the plan until it is no higher than `enough`, or proven optimal,
  /// or the budget is used up.
  void solve(int64_t enough);

  const Packing &packing;
  std::vector<int64_t> best;
  int64_t lower, upper = 0;
  std::string method;
  int64_t nodes = 0;

private:
  void collectKeys();
  int64_t heightOf(llvm::ArrayRef<int64_t> offsets) const;
  std::vector<unsigned> rank(const RankOrder &order, bool varied);
  /// Whether the question of this capacity is settled.
  bool attempt(int64_t capacity, const RankOrder &order,
               std::pair<const char *, Branching> branching, bool varied);
  void closeIn(int64_t enough, int probes, unsigned attempts);

  MemoryBudget &budget;
  /// Steps of one attempt.
  int64_t attemptLimit;
  Random random;
  int64_t nodeLimit = 0;
  /// Of each item, by RankOrder::Key.
  std::vector<std::array<uint64_t, 3>> keys;
};

int64_t PartSolver::heightOf(llvm::ArrayRef<int64_t> offsets) const {
  int64_t height = 0;
  for (auto [offset, size] : llvm::zip_equal(offsets, packing.sizes))
    height = std::max(height, offset + size);
  return height;
}

void PartSolver::collectKeys() {
  keys.resize(packing.size());
  for (unsigned section = 0; section < packing.members.size(); ++section) {
    uint64_t load = 0;
    for (unsigned item : packing.members[section])
      load += packing.sizes[item];
    for (unsigned item : packing.members[section])
      keys[item][RankOrder::Load] = std::max(keys[item][RankOrder::Load], load);
  }
  for (unsigned item = 0; item < packing.size(); ++item) {
    keys[item][RankOrder::Duration] = packing.durations[item];
    keys[item][RankOrder::Area] =
        llvm::SaturatingMultiply<uint64_t>(packing.durations[item], packing.sizes[item]);
  }
}

std::vector<unsigned> PartSolver::rank(const RankOrder &order, bool varied) {
  std::vector<std::array<uint64_t, 3>> sorting(packing.size());
  for (unsigned item = 0; item < packing.size(); ++item)
    for (unsigned i = 0; i < 3; ++i) {
      // By up to a fifth more or less.
      uint64_t factor = varied ? 820 + random.below(409) : 1024;
      sorting[item][i] = llvm::SaturatingMultiply(keys[item][order.keys[i]], factor);
    }
  std::vector<unsigned> items(packing.size()), ranks(packing.size());
  for (unsigned item = 0; item < packing.size(); ++item)
    items[item] = item;
  llvm::stable_sort(items, [&](unsigned a, unsigned b) { return sorting[a] > sorting[b]; });
  for (auto [position, item] : llvm::enumerate(items))
    ranks[item] = position;
  return ranks;
}

bool PartSolver::attempt(int64_t capacity, const RankOrder &order,
                         std::pair<const char *, Branching> branching, bool varied) {
  std::vector<unsigned> ranks = rank(order, varied);
  CanonicalRequest request;
  request.capacity = capacity;
  request.ranks = ranks;
  request.branching = branching.second;
  request.nodeLimit = nodeLimit;
  request.stepLimit = std::min(budget.steps, attemptLimit);
  CanonicalResult result = searchCanonical(packing, request);
  // Setting up takes some time as well.
  budget.steps -= result.steps + 8 * packing.size();
  nodes += result.nodes;
  if (result.outcome == CanonicalResult::Unknown)
    return false;
  if (result.outcome == CanonicalResult::Refuted) {
    lower = std::min(result.atLeast, upper);
    return true;
  }
  best = std::move(result.offsets);
  upper = heightOf(best);
  method = (llvm::Twine("search-") + branching.first + "-" + order.name).str();
  return true;
}

/// Looks for better plans at capacities between the bound and the best one, as
/// if what the search gives up were refuted.
void PartSolver::closeIn(int64_t enough, int probes, unsigned attempts) {
  int64_t low = std::max(lower, enough);
  for (int probe = 0; probe < probes && low + 1 < upper && budget.steps > 0; ++probe) {
    // Near the bound first: greedy plans are seldom close to what there is.
    int64_t capacity = low + (upper - low) / (probe == 0 ? 16 : 2);
    capacity = std::clamp(capacity, low + 1, upper - 1);
    bool settled = false;
    for (unsigned i = 0; i < attempts && !settled && budget.steps > 0; ++i)
      settled = attempt(capacity, kOrders[(probe + i) % 3], kBranchings[i], probe + i > 0);
    low = std::max({low, lower, upper <= capacity ? low : capacity});
  }
}

void PartSolver::solve(int64_t enough) {
  if (packing.size() > kMostSearched || upper > kGreatestHeight)
    return;
  nodeLimit = 3 * packing.size();
  auto isDone = [&] { return upper <= std::max(lower, enough) || budget.steps <= 0; };
  // The likeliest first, and something better than greedy in case the budget is
  // small.
  if (!isDone())
    attempt(std::max(lower, enough), kOrders[0], kBranchings[0], /*varied=*/false);
  closeIn(enough, /*probes=*/3, /*attempts=*/1);
  for (int round = 0; !isDone(); ++round) {
    for (const RankOrder &order : kOrders)
      for (auto branching : kBranchings)
        while (!isDone() &&
               attempt(std::max(lower, enough), order, branching, /*varied=*/round > 0))
          ;
    if (round % 3 == 0)
      closeIn(enough, /*probes=*/12, /*attempts=*/3);
    nodeLimit += nodeLimit / 3;
  }
}

} // namespace

MemoryPlan tercet::plan::solveMemory(const MemoryProblem &problem, const MemoryBudget &budget) {
  MemoryPlan plan = placeGreedily(problem);
  int64_t enough = std::max(plan.lowerBound, problem.capacity.value_or(0));
  if (plan.peak <= enough)
    return plan;
  std::optional<Packings> packings = buildPackings(problem, kMostConflicts);
  if (!packings)
    return plan;
  MemoryBudget left = budget;
  int64_t unit = packings->unit;
  int64_t peak = 0;
  for (auto [i, buffer] : llvm::enumerate(problem.buffers))
    if (buffer.offset && buffer.size > 0)
      peak =
          std::max<int64_t>(peak, *buffer.offset + llvm::alignTo(buffer.size, problem.alignment));
  plan.refutedBelow = 0;
  for (const Packing &part : packings->parts) {
    std::vector<int64_t> offsets;
    for (unsigned buffer : part.buffers)
      offsets.push_back(plan.offsets[buffer] / unit);
    PartSolver solver(part, std::move(offsets), part.load(), left);
    // What another part needs anyway does not make this one too high.
    solver.solve(std::max(enough, peak) / unit);
    for (auto [buffer, offset] : llvm::zip_equal(part.buffers, solver.best))
      plan.offsets[buffer] = offset * unit;
    plan.nodes += solver.nodes;
    plan.refutedBelow = std::max(plan.refutedBelow, solver.lower * unit);
    if (solver.upper * unit > peak && !solver.method.empty())
      plan.method = solver.method;
    peak = std::max(peak, solver.upper * unit);
  }
  plan.peak = peak;
  return plan;
}
