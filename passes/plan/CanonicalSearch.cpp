// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Depth-first search with three inferences. A buffer that is not to lie at its
// floor is lifted above one that it conflicts with. In every section what is
// left to place has to fit above the lowest floor. And every floor, exclusion
// and dead end carries its reasons, the levels of the placements that it follows
// from: when both sides of a decision fail for reasons that do not include it,
// the search goes back to the last one that is included (conflict-directed
// backjumping), so that buffers that live at other times are not tried again.

#include "passes/plan/CanonicalSearch.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace tercet::plan;

namespace {

/// A row of bits for each item, whose changes can be taken back.
class ReasonTable {
public:
  ReasonTable(unsigned rows, unsigned bits)
      : width((bits + 63) / 64), words(static_cast<size_t>(rows) * width) {}

  uint64_t *operator[](unsigned row) { return &words[static_cast<size_t>(row) * width]; }
  void save(unsigned row) {
    saved.push_back(row);
    pool.insert(pool.end(), (*this)[row], (*this)[row] + width);
  }
  size_t mark() const { return saved.size(); }
  void undo(size_t mark) {
    for (; saved.size() > mark; saved.pop_back()) {
      std::copy(pool.end() - width, pool.end(), (*this)[saved.back()]);
      pool.resize(pool.size() - width);
    }
  }
  void copy(const uint64_t *from, uint64_t *to) const { std::copy(from, from + width, to); }
  void add(const uint64_t *from, uint64_t *to) const {
    for (unsigned i = 0; i < width; ++i)
      to[i] |= from[i];
  }
  void clear(uint64_t *row) const { std::fill(row, row + width, 0); }
  static void set(uint64_t *row, unsigned bit) { row[bit / 64] |= uint64_t(1) << bit % 64; }
  static void reset(uint64_t *row, unsigned bit) { row[bit / 64] &= ~(uint64_t(1) << bit % 64); }
  static bool test(const uint64_t *row, unsigned bit) { return row[bit / 64] >> bit % 64 & 1; }

private:
  unsigned width;
  std::vector<uint64_t> words, pool;
  std::vector<unsigned> saved;
};

/// `Unit` holds twice the capacity.
template <typename Unit> class Search {
public:
  Search(const Packing &packing, const CanonicalRequest &request);
  CanonicalResult run();

private:
  /// Above any height that occurs, also when a size is added.
  static constexpr Unit kNever = std::numeric_limits<Unit>::max() / 4;

  struct Mark {
    size_t values, reasons;
    unsigned placed;
  };

  void findTwins();
  bool solve();
  bool propagate();
  bool lift(bool &changed);
  bool checkSections();
  void place(unsigned item);
  void raise(unsigned item, Unit floor, bool supported);
  void exclude(unsigned item);
  void findCandidates();
  unsigned choose();

  bool isPlaced(unsigned item) const { return floor[item] == kNever; }
  /// Whether it may still turn out to lie at its floor.
  bool isOpen(unsigned item) const { return supported[item] && excluded[item] != floor[item]; }
  Unit heightOf(unsigned section, Unit low) const;
  uint64_t *floorReason(unsigned item) { return reasons[item]; }
  uint64_t *exclusionReason(unsigned item) { return reasons[packing.size() + item]; }
  uint64_t *deadEnd() { return reasons[2 * packing.size()]; }
  void touch(unsigned item) {
    for (unsigned section : packing.sectionsOf[item])
      touched[section] = 1;
  }
  void touchAll() { std::fill(touched.begin(), touched.end(), 1); }

  void assign(Unit &value, Unit next) {
    if (value == next)
      return;
    trail.push_back({&value, value});
    value = next;
  }
  Mark mark() const { return {trail.size(), reasons.mark(), placed}; }
  void undo(Mark mark) {
    for (; trail.size() > mark.values; trail.pop_back())
      *trail.back().first = trail.back().second;
    reasons.undo(mark.reasons);
    placed = mark.placed;
    touchAll();
  }

  const Packing &packing;
  const CanonicalRequest &request;
  Unit capacity;
  /// The least height that a branch was given up for.
  Unit exceeded = kNever;
  int64_t nodes = 0, steps = 0;
  bool gaveUp = false;
  /// How many items are placed: the level of the next placement.
  unsigned placed = 0;

  // Of items.
  std::vector<Unit> size, offsets;
  /// No plan that agrees with the placements has the item lower, and where it
  /// would end; `kNever` if it is placed.
  std::vector<Unit> floor, reach;
  /// Whether something placed ends at the floor, so that the item can rest there.
  std::vector<Unit> supported;
  /// A floor at which the item does not lie.
  std::vector<Unit> excluded;
  /// When it was placed.
  std::vector<Unit> level;
  /// The items of the same size and conflicts with the rank before and after
  /// its own, or itself.
  std::vector<unsigned> twin, nextTwin;

  /// Whether it can be decided now: nothing that is left fits below its floor,
  /// and of twins it is the first.
  std::vector<char> candidate;

  // Of sections: what is left to place, and the lowest floor in it.
  std::vector<Unit> remaining, lowest;
  std::vector<char> touched;

  ReasonTable reasons;
  std::vector<std::pair<Unit *, Unit>> trail;
};

template <typename Unit>
Search<Unit>::Search(const Packing &packing, const CanonicalRequest &request)
    : packing(packing), request(request), capacity(request.capacity),
      size(packing.sizes.begin(), packing.sizes.end()), offsets(packing.size(), 0),
      floor(packing.size(), 0), reach(size), supported(packing.size(), 1),
      excluded(packing.size(), -1), level(packing.size(), 0), candidate(packing.size(), 0),
      remaining(packing.members.size(), 0), lowest(packing.members.size(), 0),
      touched(packing.members.size(), 1), reasons(2 * packing.size() + 1, packing.size()) {
  for (unsigned section = 0; section < remaining.size(); ++section)
    for (unsigned item : packing.members[section])
      remaining[section] += size[item];
  for (unsigned item = 0; item < packing.size(); ++item)
    raise(item, 0, /*supported=*/true);
  findTwins();
}

template <typename Unit> void Search<Unit>::findTwins() {
  // Sorted by what makes them twins, twins are neighbours.
  std::vector<unsigned> order(packing.size());
  for (unsigned item = 0; item < packing.size(); ++item)
    order[item] = item;
  twin = nextTwin = order;
  // Given buffers in the way may tell twins apart.
  if (!packing.obstacles.empty())
    return;
  auto same = [&](unsigned a, unsigned b) {
    return size[a] == size[b] && packing.sectionsOf[a] == packing.sectionsOf[b];
  };
  llvm::sort(order, [&](unsigned a, unsigned b) {
    if (same(a, b))
      return request.ranks[a] < request.ranks[b];
    if (size[a] != size[b])
      return size[a] < size[b];
    llvm::ArrayRef<unsigned> left = packing.sectionsOf[a], right = packing.sectionsOf[b];
    return std::lexicographical_compare(left.begin(), left.end(), right.begin(), right.end());
  });
  for (size_t i = 1; i < order.size(); ++i)
    if (same(order[i - 1], order[i])) {
      twin[order[i]] = order[i - 1];
      nextTwin[order[i - 1]] = order[i];
    }
}

/// How high a section gets if what remains of it begins at `low`.
template <typename Unit> Unit Search<Unit>::heightOf(unsigned section, Unit low) const {
  Unit height = low + remaining[section];
  if (!packing.obstacles.empty())
    for (const Obstacle &obstacle : packing.sectionObstacles[section])
      if (obstacle.from >= low)
        height += obstacle.to - obstacle.from;
  return height;
}

/// Gives an item a floor, above given buffers that it would not fit below.
template <typename Unit> void Search<Unit>::raise(unsigned item, Unit to, bool isSupported) {
  if (!packing.obstacles.empty())
    for (const Obstacle &obstacle : packing.obstacles[item])
      if (obstacle.from < to + size[item] && to < obstacle.to) {
        to = obstacle.to;
        isSupported = true;
      }
  assign(floor[item], to);
  assign(reach[item], to + size[item]);
  assign(supported[item], isSupported);
  touch(item);
}

/// Places the item at its floor. What is left goes above it: it does not fit
/// below, which is part of the reason.
template <typename Unit> void Search<Unit>::place(unsigned item) {
  Unit at = floor[item], end = at + size[item];
  offsets[item] = at;
  assign(level[item], placed++);
  assign(floor[item], kNever);
  assign(reach[item], kNever);
  for (unsigned section : packing.sectionsOf[item]) {
    assign(remaining[section], remaining[section] - size[item]);
    touched[section] = 1;
  }
  steps += packing.conflicts[item].size();
  for (unsigned other : packing.conflicts[item]) {
    // Which includes what is placed.
    if (floor[other] > end || (floor[other] == end && supported[other]))
      continue;
    reasons.save(other);
    reasons.add(floorReason(item), floorReason(other));
    reasons.set(floorReason(other), level[item]);
    raise(other, end, /*supported=*/true);
  }
}

/// Notes, for the reasons in `deadEnd`, that the item does not lie at its floor.
template <typename Unit> void Search<Unit>::exclude(unsigned item) {
  // Nor do its twins: exchanged, they would be it.
  for (Unit at = floor[item];; item = nextTwin[item]) {
    assign(excluded[item], at);
    reasons.save(packing.size() + item);
    reasons.copy(deadEnd(), exclusionReason(item));
    if (nextTwin[item] == item)
      return;
  }
}

/// Lifts what cannot lie at its floor onto the lowest that could be below it.
template <typename Unit> bool Search<Unit>::lift(bool &changed) {
  changed = false;
  for (unsigned item = 0; item < packing.size(); ++item) {
    if (isPlaced(item) || isOpen(item))
      continue;
    Unit to = kNever;
    for (unsigned other : packing.conflicts[item])
      to = std::min(to, reach[other]);
    steps += packing.conflicts[item].size();
    // A given buffer can be below it, too.
    if (!packing.obstacles.empty())
      for (const Obstacle &obstacle : packing.obstacles[item])
        if (obstacle.to > floor[item])
          to = std::min<Unit>(to, obstacle.to);
    if (to <= floor[item])
      continue;
    reasons.save(item);
    if (excluded[item] == floor[item])
      reasons.add(exclusionReason(item), floorReason(item));
    for (unsigned other : packing.conflicts[item])
      if (isPlaced(other))
        reasons.set(floorReason(item), level[other]);
      else
        reasons.add(floorReason(other), floorReason(item));
    if (to == kNever) {
      reasons.copy(floorReason(item), deadEnd());
      return false;
    }
    bool onGiven = !packing.obstacles.empty() &&
                   llvm::any_of(packing.obstacles[item],
                                [&](const Obstacle &obstacle) { return obstacle.to == to; });
    raise(item, to, onGiven);
    changed = true;
  }
  return true;
}

template <typename Unit> bool Search<Unit>::checkSections() {
  for (unsigned section = 0; section < remaining.size(); ++section) {
    if (!touched[section])
      continue;
    touched[section] = 0;
    if (remaining[section] == 0)
      continue;
    Unit low = kNever;
    for (unsigned item : packing.members[section])
      low = std::min(low, floor[item]);
    steps += packing.members[section].size();
    assign(lowest[section], low);
    Unit height = heightOf(section, low);
    if (height <= capacity)
      continue;
    exceeded = std::min(exceeded, height);
    reasons.clear(deadEnd());
    for (unsigned item : packing.members[section])
      if (!isPlaced(item))
        reasons.add(floorReason(item), deadEnd());
    return false;
  }
  return true;
}

template <typename Unit> bool Search<Unit>::propagate() {
  // Lifts can follow from one another without end in sight; a few rounds find
  // most of what there is, and the rest is found by search.
  for (int round = 0; round < 30; ++round) {
    bool changed = false;
    if (!lift(changed) || !checkSections())
      return false;
    if (!changed)
      break;
  }
  return true;
}

template <typename Unit> void Search<Unit>::findCandidates() {
  for (unsigned item = 0; item < packing.size(); ++item) {
    candidate[item] = false;
    if (isPlaced(item) || !isOpen(item) || (twin[item] != item && !isPlaced(twin[item])))
      continue;
    candidate[item] = llvm::all_of(packing.conflicts[item],
                                   [&](unsigned other) { return reach[other] > floor[item]; });
    steps += packing.conflicts[item].size();
  }
}

/// The candidate to decide next; the number of items if there is none.
template <typename Unit> unsigned Search<Unit>::choose() {
  findCandidates();
  unsigned best = packing.size();
  auto consider = [&](unsigned item) {
    if (best == packing.size() ||
        std::tuple(floor[item], request.ranks[item]) < std::tuple(floor[best], request.ranks[best]))
      best = item;
  };
  if (request.branching == Branching::LowestBuffer) {
    for (unsigned item = 0; item < packing.size(); ++item)
      if (candidate[item])
        consider(item);
    return best;
  }
  std::tuple<Unit, Unit, Unit> least;
  unsigned chosen = remaining.size();
  for (unsigned section = 0; section < remaining.size(); ++section) {
    if (remaining[section] == 0)
      continue;
    Unit count = 0, low = lowest[section];
    for (unsigned item : packing.members[section])
      count += candidate[item] && floor[item] == low;
    steps += packing.members[section].size();
    if (count == 0)
      continue;
    Unit slack = capacity - heightOf(section, low);
    // To leave the section empty there is a choice as well, if there is room.
    bool forced = count + (slack > 0) < 2;
    std::tuple<Unit, Unit, Unit> key =
        request.branching == Branching::FewestCandidates
            ? std::tuple<Unit, Unit, Unit>(low, count, slack)
            : std::tuple<Unit, Unit, Unit>(forced ? -1 : low, low, slack);
    if (chosen == remaining.size() || key < least) {
      least = key;
      chosen = section;
    }
  }
  if (chosen != remaining.size())
    for (unsigned item : packing.members[chosen])
      if (candidate[item] && floor[item] == lowest[chosen])
        consider(item);
  return best;
}

/// Completes the plan. If that fails, `deadEnd` has the levels of placements
/// with which it always fails.
template <typename Unit> bool Search<Unit>::solve() {
  while (true) {
    if (!propagate()) {
      touchAll();
      return false;
    }
    if (placed == packing.size())
      return true;
    if (++nodes > request.nodeLimit || steps > request.stepLimit) {
      gaveUp = true;
      return false;
    }
    unsigned item = choose();
    if (item == packing.size()) {
      // The lowest of what is left would be a candidate.
      reasons.clear(deadEnd());
      for (unsigned at = 0; at < placed; ++at)
        reasons.set(deadEnd(), at);
      return false;
    }
    Mark before = mark();
    unsigned at = placed;
    place(item);
    if (solve())
      return true;
    undo(before);
    if (gaveUp)
      return false;
    // It fails wherever the item is.
    if (!reasons.test(deadEnd(), at))
      return false;
    reasons.reset(deadEnd(), at);
    exclude(item);
  }
}

template <typename Unit> CanonicalResult Search<Unit>::run() {
  bool found = solve();
  CanonicalResult result;
  result.nodes = nodes;
  result.steps = steps;
  if (found) {
    result.outcome = CanonicalResult::Found;
    result.offsets.assign(offsets.begin(), offsets.end());
  } else if (!gaveUp) {
    result.outcome = CanonicalResult::Refuted;
    result.atLeast = exceeded;
  }
  return result;
}

} // namespace

CanonicalResult tercet::plan::searchCanonical(const Packing &packing,
                                              const CanonicalRequest &request) {
  // Within the capacity, no sum below overflows.
  if (int64_t load = packing.load(); load > request.capacity) {
    CanonicalResult result;
    result.outcome = CanonicalResult::Refuted;
    result.atLeast = load;
    return result;
  }
  // Half the width, twice the speed.
  if (request.capacity < (1 << 27))
    return Search<int32_t>(packing, request).run();
  return Search<int64_t>(packing, request).run();
}
