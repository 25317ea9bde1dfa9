// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Greedy placement: buffers go, one after another, into a gap between those
// placed before that live at the same time. The order decides the quality, so
// several are tried and the best plan is kept.

#include "passes/plan/MemoryProblem.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/MathExtras.h"

#include <limits>
#include <map>

using namespace tercet::plan;

namespace {

using Order = llvm::SmallVector<unsigned>;

/// Above this many conflicts a placement looks at no pairs.
constexpr int64_t kMostConflicts = 4'000'000;

class Placer {
public:
  explicit Placer(const MemoryProblem &problem) : problem(problem) {
    for (const MemoryBuffer &buffer : problem.buffers)
      sizes.push_back(llvm::alignTo(buffer.size, problem.alignment));
  }

  /// Lists what conflicts; false if that is too much.
  bool findConflicts();
  MemoryPlan place(llvm::ArrayRef<unsigned> order, Fit fit);
  /// In the order of birth, the way an allocator works; for single queues
  /// without given offsets.
  MemoryPlan replay();

  /// One above the other, which always works.
  MemoryPlan stack();

private:
  void placeOne(unsigned index, Fit fit, MemoryPlan &plan);
  MemoryPlan empty() const {
    MemoryPlan plan;
    plan.offsets.assign(sizes.size(), -1);
    return plan;
  }

  const MemoryProblem &problem;
  llvm::SmallVector<int64_t> sizes;
  std::vector<std::vector<unsigned>> conflicts;
  llvm::SmallVector<std::pair<int64_t, int64_t>> occupied;
};

bool Placer::findConflicts() {
  size_t count = sizes.size();
  conflicts.resize(count);
  int64_t pairs = 0;
  auto note = [&](unsigned a, unsigned b) {
    conflicts[a].push_back(b);
    conflicts[b].push_back(a);
    return ++pairs <= kMostConflicts;
  };
  if (!problem.precedes.empty()) {
    for (unsigned a = 0; a < count; ++a)
      for (unsigned b = 0; b < a; ++b)
        if (problem.conflict(a, b) && !note(a, b))
          return false;
    return true;
  }
  Order byBirth = llvm::to_vector_of<unsigned>(llvm::seq<size_t>(0, count));
  llvm::stable_sort(byBirth, [&](unsigned a, unsigned b) {
    return problem.buffers[a].lower < problem.buffers[b].lower;
  });
  Order live;
  for (unsigned a : byBirth) {
    llvm::erase_if(
        live, [&](unsigned b) { return problem.buffers[b].upper <= problem.buffers[a].lower; });
    for (unsigned b : live)
      if (!note(a, b))
        return false;
    live.push_back(a);
  }
  return true;
}

void Placer::placeOne(unsigned index, Fit fit, MemoryPlan &plan) {
  occupied.clear();
  for (unsigned other : conflicts[index])
    if (plan.offsets[other] >= 0)
      occupied.push_back({plan.offsets[other], plan.offsets[other] + sizes[other]});
  llvm::sort(occupied);
  int64_t end = 0, chosen = -1, smallest = std::numeric_limits<int64_t>::max();
  for (auto [from, to] : occupied) {
    int64_t gap = from - end;
    if (gap >= sizes[index] && gap < smallest && (fit == Fit::Best || chosen < 0)) {
      chosen = end;
      smallest = gap;
    }
    end = std::max(end, to);
  }
  plan.offsets[index] = chosen < 0 ? end : chosen;
  plan.peak = std::max(plan.peak, plan.offsets[index] + sizes[index]);
}

MemoryPlan Placer::place(llvm::ArrayRef<unsigned> order, Fit fit) {
  MemoryPlan plan = empty();
  for (auto [i, buffer] : llvm::enumerate(problem.buffers))
    if (buffer.offset) {
      plan.offsets[i] = *buffer.offset;
      if (buffer.size > 0)
        plan.peak = std::max(plan.peak, *buffer.offset + sizes[i]);
    }
  for (unsigned index : order) {
    if (problem.buffers[index].offset)
      continue;
    if (problem.buffers[index].size == 0)
      plan.offsets[index] = 0;
    else
      placeOne(index, fit, plan);
  }
  return plan;
}

MemoryPlan Placer::replay() {
  MemoryPlan plan = empty();
  struct Event {
    int64_t at;
    bool birth;
    unsigned buffer;
  };
  std::vector<Event> events;
  for (auto [i, buffer] : llvm::enumerate(problem.buffers)) {
    plan.offsets[i] = 0;
    if (buffer.size == 0)
      continue;
    events.push_back({buffer.lower, true, static_cast<unsigned>(i)});
    events.push_back({buffer.upper, false, static_cast<unsigned>(i)});
  }
  llvm::stable_sort(events, [](const Event &a, const Event &b) {
    return std::pair(a.at, a.birth) < std::pair(b.at, b.birth);
  });
  // Gaps by size, then by offset, and by both of their ends.
  std::map<std::pair<int64_t, int64_t>, int64_t> bySize;
  std::map<int64_t, int64_t> byFrom, byTo;
  auto add = [&](int64_t from, int64_t to) {
    if (from < to) {
      bySize[{to - from, from}] = to;
      byFrom[from] = to;
      byTo[to] = from;
    }
  };
  auto remove = [&](int64_t from, int64_t to) {
    bySize.erase({to - from, from});
    byFrom.erase(from);
    byTo.erase(to);
  };
  for (const Event &event : events) {
    int64_t size = sizes[event.buffer];
    int64_t &offset = plan.offsets[event.buffer];
    if (event.birth) {
      auto gap = bySize.lower_bound({size, 0});
      if (gap != bySize.end()) {
        int64_t from = gap->first.second, to = gap->second;
        remove(from, to);
        offset = from;
        add(from + size, to);
        continue;
      }
      // Above all else, and below that as far as it is free.
      auto top = byTo.find(plan.peak);
      offset = plan.peak;
      if (top != byTo.end()) {
        offset = top->second;
        remove(offset, plan.peak);
      }
      plan.peak = offset + size;
      continue;
    }
    int64_t from = offset, to = offset + size;
    if (auto below = byTo.find(from); below != byTo.end()) {
      int64_t begin = below->second;
      remove(begin, from);
      from = begin;
    }
    if (auto above = byFrom.find(to); above != byFrom.end()) {
      int64_t end = above->second;
      remove(to, end);
      to = end;
    }
    add(from, to);
  }
  return plan;
}

MemoryPlan Placer::stack() {
  MemoryPlan plan = place({}, Fit::First);
  for (auto [i, buffer] : llvm::enumerate(problem.buffers))
    if (!buffer.offset) {
      plan.offsets[i] = plan.peak;
      plan.peak += sizes[i];
    }
  return plan;
}

template <typename Key> Order sortedBy(const MemoryProblem &problem, Key key) {
  Order order = llvm::to_vector_of<unsigned>(llvm::seq<size_t>(0, problem.buffers.size()));
  llvm::stable_sort(order, [&](unsigned a, unsigned b) {
    const MemoryBuffer &left = problem.buffers[a], &right = problem.buffers[b];
    // Then by what the buffer is, so that the order of the input does not count.
    return std::tuple(key(right), left.lower, left.upper, right.size) <
           std::tuple(key(left), right.lower, right.upper, left.size);
  });
  return order;
}

int64_t durationOf(const MemoryBuffer &buffer) {
  int64_t duration = 0;
  return llvm::SubOverflow(buffer.upper, buffer.lower, duration)
             ? std::numeric_limits<int64_t>::max()
             : std::max<int64_t>(duration, 1);
}

int64_t sizeOf(const MemoryBuffer &buffer) { return buffer.size; }

} // namespace

MemoryPlan tercet::plan::placeInOrder(const MemoryProblem &problem, llvm::ArrayRef<unsigned> order,
                                      Fit fit) {
  Placer placer(problem);
  if (!placer.findConflicts())
    return placeGreedily(problem);
  MemoryPlan plan = placer.place(order, fit);
  plan.lowerBound = problem.lowerBound();
  plan.method = fit == Fit::First ? "first-fit" : "best-fit";
  return plan;
}

MemoryPlan tercet::plan::placeBySize(const MemoryProblem &problem) {
  return placeInOrder(problem, sortedBy(problem, sizeOf), Fit::Best);
}

MemoryPlan tercet::plan::placeGreedily(const MemoryProblem &problem) {
  int64_t bound = problem.lowerBound();
  MemoryPlan best;
  best.lowerBound = bound;
  best.method = "empty";
  if (problem.buffers.empty())
    return best;
  best.peak = std::numeric_limits<int64_t>::max();
  int64_t enough = std::max(bound, problem.capacity.value_or(0));
  auto consider = [&](MemoryPlan plan, llvm::StringRef method) {
    if (plan.peak >= best.peak)
      return;
    best = std::move(plan);
    best.lowerBound = bound;
    best.method = method.str();
  };
  bool hasGiven = llvm::any_of(
      problem.buffers, [](const MemoryBuffer &buffer) { return buffer.offset.has_value(); });
  bool canReplay = problem.precedes.empty() && !hasGiven;
  Placer placer(problem);
  if (!placer.findConflicts()) {
    if (canReplay)
      consider(placer.replay(), "replay-best-fit");
    else
      consider(placer.stack(), "stack");
    return best;
  }
  auto tryOrder = [&](llvm::StringRef name, const Order &order) {
    for (Fit fit : {Fit::First, Fit::Best})
      if (best.peak > enough)
        consider(placer.place(order, fit),
                 (name + (fit == Fit::First ? "-first-fit" : "-best-fit")).str());
  };
  tryOrder("greedy-by-size", sortedBy(problem, sizeOf));
  tryOrder("greedy-by-area", sortedBy(problem, [](const MemoryBuffer &buffer) {
             return llvm::SaturatingMultiply<uint64_t>(buffer.size, durationOf(buffer));
           }));
  tryOrder("greedy-by-duration", sortedBy(problem, durationOf));
  tryOrder("greedy-by-start",
           sortedBy(problem, [](const MemoryBuffer &buffer) { return ~buffer.lower; }));
  tryOrder("greedy-by-end",
           sortedBy(problem, [](const MemoryBuffer &buffer) { return buffer.upper; }));
  if (best.peak > enough && canReplay)
    consider(placer.replay(), "replay-best-fit");
  return best;
}
