// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Branch and bound over the gaps between uses, with the flow as the bound. A
// value that is dropped more than once is stored only the first time; the bound
// spreads that store evenly over its gaps, which no plan can go below. Every
// relaxation is rounded to a plan, the most valuable bytes first.

#include "passes/plan/Residency.h"
#include "passes/plan/ResidencyFlow.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <map>

using namespace tercet::plan;

namespace {

/// A value of a byte moved; divisible by what a store is most often spread over.
constexpr int64_t kByte = 60;

class ResidencySolver {
public:
  ResidencySolver(const ResidencyProblem &problem, int64_t nodeLimit)
      : problem(problem), nodesLeft(nodeLimit) {}
  ResidencyPlan run();

private:
  enum State : char { Open, Keep, Drop };
  struct Gap {
    unsigned tensor, use;
    FlowGap flow;
    /// The value that it carries: gaps of the same one share a store.
    unsigned value;
  };

  void collect();
  void search();
  void round(llvm::ArrayRef<int64_t> relaxed);
  std::vector<std::vector<bool>> decide(llvm::ArrayRef<char> keeps) const;

  const ResidencyProblem &problem;
  int64_t nodesLeft;
  /// Room between uses, at the moments that tell gaps apart.
  std::vector<int64_t> room;
  std::vector<Gap> gaps;
  std::vector<State> states;
  unsigned values = 0;
  /// What is moved whatever is kept.
  int64_t compulsory = 0;
  /// The least bound of what was given up unexplored.
  int64_t unexplored = std::numeric_limits<int64_t>::max();
  ResidencyPlan best;
};

void ResidencySolver::collect() {
  // Between uses room changes only at steps that are used, and after them.
  std::map<int64_t, int64_t> used;
  for (const ResidencyTensor &tensor : problem.tensors)
    for (const ResidencyUse &use : tensor.uses) {
      used[use.step] += tensor.size;
      used[use.step + 1] += 0;
    }
  std::map<int64_t, unsigned> momentOf;
  for (auto [step, bytes] : used) {
    momentOf[step] = room.size();
    room.push_back(problem.capacity - bytes);
  }
  best.kept.resize(problem.tensors.size());
  for (auto [t, tensor] : llvm::enumerate(problem.tensors)) {
    size_t first = gaps.size();
    bool mustStore = false;
    auto endValue = [&](bool isStoredAnyway) {
      int64_t count = gaps.size() - first;
      for (Gap &gap : llvm::MutableArrayRef(gaps).drop_front(first))
        gap.flow.value = kByte + (mustStore && !isStoredAnyway ? kByte / count : 0);
      first = gaps.size();
      ++values;
    };
    for (size_t i = 0; i < tensor.uses.size(); ++i) {
      if (tensor.uses[i].isWrite) {
        endValue(false);
        mustStore = true;
      }
      if (i + 1 == tensor.uses.size())
        break;
      bool isRead = !tensor.uses[i + 1].isWrite;
      unsigned from = momentOf[tensor.uses[i].step + 1], to = momentOf[tensor.uses[i + 1].step];
      // With nothing between, to keep it takes nothing. Otherwise to drop it
      // does until something says better.
      best.kept[t].push_back(isRead && from == to);
      if (isRead && from != to && tensor.size > 0)
        gaps.push_back({static_cast<unsigned>(t),
                        static_cast<unsigned>(i),
                        {from, to, tensor.size, 0},
                        values});
    }
    endValue(tensor.isOutput);
  }
  states.assign(gaps.size(), Open);
  compulsory = countMovedBytes(problem, decide(std::vector<char>(gaps.size(), 1)));
}

std::vector<std::vector<bool>> ResidencySolver::decide(llvm::ArrayRef<char> keeps) const {
  std::vector<std::vector<bool>> kept = best.kept;
  for (auto [gap, keep] : llvm::zip_equal(gaps, keeps))
    kept[gap.tensor][gap.use] = keep;
  return kept;
}

/// Keeps what the relaxation keeps most of, as far as there is room.
void ResidencySolver::round(llvm::ArrayRef<int64_t> relaxed) {
  std::vector<unsigned> order;
  for (unsigned i = 0; i < gaps.size(); ++i)
    if (states[i] != Drop)
      order.push_back(i);
  // What is decided, then what is kept as a whole, then the largest parts.
  auto rankOf = [&](unsigned i) {
    bool isWhole = relaxed[i] == gaps[i].flow.bytes;
    return std::tuple(states[i] == Keep, isWhole, relaxed[i], gaps[i].flow.value);
  };
  llvm::stable_sort(order, [&](unsigned a, unsigned b) { return rankOf(a) > rankOf(b); });
  std::vector<int64_t> left = room;
  std::vector<char> keeps(gaps.size(), 0);
  for (unsigned i : order) {
    const FlowGap &flow = gaps[i].flow;
    auto moments = llvm::MutableArrayRef(left).slice(flow.from, flow.to - flow.from);
    if (llvm::any_of(moments, [&](int64_t free) { return free < flow.bytes; }))
      continue;
    for (int64_t &free : moments)
      free -= flow.bytes;
    keeps[i] = 1;
  }
  std::vector<std::vector<bool>> kept = decide(keeps);
  if (int64_t bytes = countMovedBytes(problem, kept); bytes < best.bytes) {
    best.bytes = bytes;
    best.kept = std::move(kept);
  }
}

void ResidencySolver::search() {
  std::vector<FlowGap> flows;
  std::vector<unsigned> open;
  std::vector<int64_t> left = room, relaxed(gaps.size(), 0);
  // Bytes that are moved on top of the compulsory ones, scaled.
  int64_t dropped = 0;
  for (auto [i, gap] : llvm::enumerate(gaps)) {
    if (states[i] == Drop)
      dropped += gap.flow.bytes * gap.flow.value;
    if (states[i] == Keep)
      for (unsigned at = gap.flow.from; at < gap.flow.to; ++at)
        if ((left[at] -= gap.flow.bytes) < 0)
          return;
    if (states[i] != Open)
      continue;
    flows.push_back(gap.flow);
    open.push_back(i);
  }
  std::vector<int64_t> amounts = keepMostValue(flows, left);
  for (auto [i, amount] : llvm::zip_equal(open, amounts)) {
    relaxed[i] = amount;
    dropped += (gaps[i].flow.bytes - amount) * gaps[i].flow.value;
  }
  int64_t bound = compulsory + llvm::divideCeil(dropped, kByte);
  ++best.nodes;
  round(relaxed);
  if (best.nodes == 1)
    best.lowerBound = bound;
  if (bound >= best.bytes)
    return;
  if (nodesLeft-- <= 0) {
    unexplored = std::min(unexplored, bound);
    return;
  }
  // Where the relaxation decides least: the most bytes that are partly kept;
  // else where a store is spread over gaps that are not dropped.
  unsigned chosen = gaps.size();
  int64_t most = -1;
  for (unsigned i : open) {
    int64_t undecided = std::min(relaxed[i], gaps[i].flow.bytes - relaxed[i]);
    if (undecided > most) {
      most = undecided;
      chosen = i;
    }
  }
  if (chosen == gaps.size()) {
    // All is decided, yet stores are counted in part; the plan itself counts.
    return;
  }
  bool keepFirst = 2 * relaxed[chosen] >= gaps[chosen].flow.bytes;
  for (State state : {keepFirst ? Keep : Drop, keepFirst ? Drop : Keep}) {
    states[chosen] = state;
    search();
  }
  states[chosen] = Open;
}

ResidencyPlan ResidencySolver::run() {
  collect();
  best.bytes = countMovedBytes(problem, best.kept);
  search();
  best.lowerBound = std::max(best.lowerBound, std::min(best.bytes, unexplored));
  best.method = best.nodes == 1 ? "flow" : "branch-and-bound";
  return std::move(best);
}

} // namespace

ResidencyPlan tercet::plan::solveResidency(const ResidencyProblem &problem, int64_t nodeLimit) {
  return ResidencySolver(problem, nodeLimit).run();
}

/// The stays of a plan as buffers, and for each tensor and use its buffer.
static MemoryProblem asBuffers(const ResidencyProblem &problem, const ResidencyPlan &plan,
                               std::vector<std::vector<unsigned>> &bufferOf) {
  MemoryProblem result;
  bufferOf.assign(problem.tensors.size(), {});
  for (auto [t, tensor] : llvm::enumerate(problem.tensors))
    for (size_t i = 0; i < tensor.uses.size(); ++i) {
      int64_t step = tensor.uses[i].step;
      if (i > 0 && plan.kept[t][i - 1])
        result.buffers.back().upper = step + 1;
      else
        result.buffers.push_back(
            {static_cast<int64_t>(result.buffers.size()), step, step + 1, tensor.size});
      bufferOf[t].push_back(result.buffers.size() - 1);
    }
  return result;
}

llvm::Expected<ResidencyPlan>
tercet::plan::solveResidencyWithOffsets(const ResidencyProblem &problem, int64_t alignment,
                                        int64_t nodeLimit) {
  // Tensors take whole units, and so does the scratchpad.
  ResidencyProblem reduced = problem;
  reduced.capacity = problem.capacity / alignment * alignment;
  for (ResidencyTensor &tensor : reduced.tensors)
    tensor.size = llvm::alignTo(tensor.size, alignment);
  int64_t lowerBound = 0;
  for (int round = 0;; ++round) {
    if (llvm::Error wrong = reduced.check()) {
      if (round == 0)
        return std::move(wrong);
      llvm::consumeError(std::move(wrong));
      return llvm::createStringError("what the steps use fits in the scratchpad of " +
                                     llvm::Twine(problem.capacity) +
                                     " bytes, but no offsets were found with which it does");
    }
    ResidencyPlan plan = solveResidency(reduced, nodeLimit);
    std::vector<std::vector<unsigned>> bufferOf;
    MemoryProblem buffers = asBuffers(problem, plan, bufferOf);
    buffers.alignment = alignment;
    buffers.capacity = problem.capacity;
    MemoryPlan placed = solveMemory(buffers);
    if (round == 0)
      lowerBound = alignment == 1 ? plan.lowerBound : 0;
    if (placed.peak > problem.capacity) {
      // What does not fit has to go; ever more, so that this ends soon.
      int64_t excess = std::max(placed.peak - problem.capacity, alignment);
      reduced.capacity -= llvm::alignTo(excess << round, alignment);
      continue;
    }
    plan.bytes = countMovedBytes(problem, plan.kept);
    // Less capacity never helps, so the first bound holds; with sizes rounded up
    // it would be one of another problem, and that of the exact sizes is solved.
    plan.lowerBound = alignment == 1
                          ? lowerBound
                          : std::min(plan.bytes, solveResidency(problem, nodeLimit).lowerBound);
    plan.method += "+" + placed.method;
    for (const std::vector<unsigned> &of : bufferOf) {
      plan.offsets.emplace_back();
      for (unsigned buffer : of)
        plan.offsets.back().push_back(placed.offsets[buffer]);
    }
    return plan;
  }
}
