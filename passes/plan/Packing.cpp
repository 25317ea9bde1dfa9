// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a problem to its parts. Where there are lifetimes, sections are the
// moments at which no buffer is born before the next one dies; a sweep finds
// them. Otherwise they are cliques of the graph of conflicts.

#include "passes/plan/Packing.h"

#include "llvm/ADT/IntEqClasses.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace tercet::plan;

NumberLists NumberLists::of(llvm::ArrayRef<std::vector<unsigned>> lists) {
  NumberLists result;
  for (const std::vector<unsigned> &list : lists) {
    result.values.insert(result.values.end(), list.begin(), list.end());
    result.close();
  }
  return result;
}

NumberLists NumberLists::invert(unsigned count) const {
  std::vector<std::vector<unsigned>> lists(count);
  for (unsigned list = 0; list < size(); ++list)
    for (unsigned value : (*this)[list])
      lists[value].push_back(list);
  return of(lists);
}

int64_t Packing::load() const {
  int64_t most = 0;
  for (unsigned section = 0; section < members.size(); ++section) {
    int64_t sum = 0;
    for (unsigned item : members[section])
      sum += sizes[item];
    most = std::max(most, sum);
  }
  return most;
}

std::optional<std::vector<std::pair<int64_t, int64_t>>>
tercet::plan::findLifetimes(llvm::ArrayRef<llvm::BitVector> precedes) {
  size_t count = precedes.size();
  std::vector<llvm::BitVector> before(count, llvm::BitVector(count));
  for (size_t a = 0; a < count; ++a)
    for (unsigned b : precedes[a].set_bits())
      before[b].set(a);
  std::vector<unsigned> sizes(count), order(count);
  for (size_t i = 0; i < count; ++i) {
    sizes[i] = before[i].count();
    order[i] = i;
  }
  llvm::sort(order, [&](unsigned a, unsigned b) {
    return std::pair(sizes[a], a) < std::pair(sizes[b], b);
  });
  // Born at the rank of what precedes it; dead when first among what precedes.
  std::vector<std::pair<int64_t, int64_t>> lifetimes(count, {0, -1});
  int64_t moment = 0;
  for (size_t i = 0; i < count; ++i) {
    if (i > 0 && before[order[i - 1]].test(before[order[i]]))
      return std::nullopt;
    if (i > 0 && sizes[order[i - 1]] != sizes[order[i]]) {
      ++moment;
      for (unsigned dead : before[order[i]].set_bits())
        if (lifetimes[dead].second < 0)
          lifetimes[dead].second = moment;
    }
    lifetimes[order[i]].first = moment;
  }
  for (auto &[lower, upper] : lifetimes)
    if (upper < 0)
      upper = moment + 1;
  return lifetimes;
}

namespace {

using Lifetimes = std::vector<std::pair<int64_t, int64_t>>;

class Builder {
public:
  Builder(const MemoryProblem &problem, int64_t conflictLimit)
      : problem(problem), conflictLimit(conflictLimit) {}
  std::optional<Packings> build();

private:
  void choose();
  bool buildFromLifetimes();
  bool buildFromOrder();
  Packing pack(llvm::ArrayRef<unsigned> items, llvm::ArrayRef<std::vector<unsigned>> sections,
               llvm::ArrayRef<std::vector<unsigned>> conflicts);
  void block(Packing &packing);
  bool meet(unsigned a, unsigned b) const {
    return lifetimes ? (*lifetimes)[a].first < (*lifetimes)[b].second &&
                           (*lifetimes)[b].first < (*lifetimes)[a].second
                     : problem.conflict(a, b);
  }
  int64_t sizeOf(unsigned buffer) const {
    return llvm::alignTo(problem.buffers[buffer].size, problem.alignment) / result.unit;
  }

  const MemoryProblem &problem;
  int64_t conflictLimit;
  std::optional<Lifetimes> lifetimes;
  /// Buffers whose offset is free, and those whose offset is given.
  std::vector<unsigned> free, given;
  /// Of each buffer whose offset is free: its number in its part.
  std::vector<unsigned> itemOf;
  Packings result;
};

void Builder::choose() {
  int64_t unit = 0;
  for (auto [i, buffer] : llvm::enumerate(problem.buffers)) {
    if (buffer.size == 0)
      continue;
    (buffer.offset ? given : free).push_back(i);
    unit = std::gcd(unit, static_cast<int64_t>(llvm::alignTo(buffer.size, problem.alignment)));
    unit = std::gcd(unit, buffer.offset.value_or(0));
  }
  result.unit = std::max<int64_t>(unit, 1);
  itemOf.resize(problem.buffers.size());
  if (!problem.precedes.empty()) {
    lifetimes = findLifetimes(problem.precedes);
    return;
  }
  lifetimes.emplace();
  for (const MemoryBuffer &buffer : problem.buffers)
    lifetimes->push_back({buffer.lower, buffer.upper});
  // So that the plan does not depend on the order of the buffers.
  llvm::stable_sort(free, [&](unsigned a, unsigned b) {
    return std::pair((*lifetimes)[a], sizeOf(a)) < std::pair((*lifetimes)[b], sizeOf(b));
  });
}

Packing Builder::pack(llvm::ArrayRef<unsigned> items,
                      llvm::ArrayRef<std::vector<unsigned>> sections,
                      llvm::ArrayRef<std::vector<unsigned>> conflicts) {
  Packing packing;
  packing.isInterval = lifetimes.has_value();
  packing.buffers.assign(items.begin(), items.end());
  packing.members = NumberLists::of(sections);
  packing.sectionsOf = packing.members.invert(items.size());
  packing.conflicts = NumberLists::of(conflicts);
  for (auto [item, index] : llvm::enumerate(items)) {
    packing.sizes.push_back(sizeOf(index));
    const MemoryBuffer &buffer = problem.buffers[index];
    int64_t duration = 0;
    bool hint = !llvm::SubOverflow(buffer.upper, buffer.lower, duration) && duration > 0;
    packing.durations.push_back(hint ? duration : static_cast<int64_t>(conflicts[item].size()));
  }
  block(packing);
  return packing;
}

void Builder::block(Packing &packing) {
  if (given.empty())
    return;
  packing.obstacles.resize(packing.size());
  packing.sectionObstacles.resize(packing.members.size());
  // What adds up must all live together: given buffers as well.
  std::vector<std::vector<unsigned>> blocking(packing.members.size());
  for (unsigned buffer : given) {
    int64_t from = *problem.buffers[buffer].offset / result.unit;
    Obstacle obstacle = {from, from + sizeOf(buffer)};
    std::vector<char> blocked(packing.size());
    for (unsigned item = 0; item < packing.size(); ++item)
      if ((blocked[item] = meet(buffer, packing.buffers[item])))
        packing.obstacles[item].push_back(obstacle);
    for (unsigned section = 0; section < packing.members.size(); ++section)
      if (llvm::all_of(packing.members[section], [&](unsigned item) { return blocked[item]; }) &&
          llvm::all_of(blocking[section], [&](unsigned other) { return meet(buffer, other); })) {
        packing.sectionObstacles[section].push_back(obstacle);
        blocking[section].push_back(buffer);
      }
  }
  for (auto *lists : {&packing.obstacles, &packing.sectionObstacles})
    for (std::vector<Obstacle> &list : *lists)
      llvm::sort(list, [](const Obstacle &a, const Obstacle &b) {
        return std::pair(a.from, a.to) < std::pair(b.from, b.to);
      });
}

bool Builder::buildFromLifetimes() {
  // Births before deaths of the same moment would conflict, so deaths go first.
  struct Event {
    int64_t at;
    bool birth;
    unsigned rank, buffer;
    bool operator<(const Event &other) const {
      return std::tuple(at, birth, rank) < std::tuple(other.at, other.birth, other.rank);
    }
  };
  std::vector<Event> events;
  for (auto [position, buffer] : llvm::enumerate(free)) {
    unsigned rank = position;
    events.push_back({(*lifetimes)[buffer].first, true, rank, buffer});
    events.push_back({(*lifetimes)[buffer].second, false, rank, buffer});
  }
  llvm::sort(events);
  std::vector<unsigned> live, items;
  std::vector<std::vector<unsigned>> sections, conflicts;
  int64_t pairs = 0;
  for (size_t i = 0; i < events.size(); ++i) {
    const Event &event = events[i];
    if (event.birth) {
      pairs += live.size();
      if (pairs > conflictLimit)
        return false;
      unsigned item = itemOf[event.buffer] = items.size();
      items.push_back(event.buffer);
      conflicts.push_back(live);
      for (unsigned other : live)
        conflicts[other].push_back(item);
      live.push_back(item);
      // As many as there will be before some die.
      if (!events[i + 1].birth)
        sections.push_back(live);
      continue;
    }
    live.erase(llvm::find(live, itemOf[event.buffer]));
    if (live.empty()) {
      result.parts.push_back(pack(items, sections, conflicts));
      items.clear();
      sections.clear();
      conflicts.clear();
    }
  }
  return true;
}

bool Builder::buildFromOrder() {
  size_t count = free.size();
  std::vector<llvm::BitVector> adjacent(count, llvm::BitVector(count));
  llvm::IntEqClasses classes(count);
  int64_t conflicts = 0;
  for (unsigned a = 0; a < count; ++a)
    for (unsigned b = 0; b < a; ++b)
      if (problem.conflict(free[a], free[b])) {
        adjacent[a].set(b);
        adjacent[b].set(a);
        classes.join(a, b);
        ++conflicts;
      }
  if (conflicts > conflictLimit)
    return false;
  classes.compress();
  std::vector<std::vector<unsigned>> parts(classes.getNumClasses());
  for (unsigned a = 0; a < count; ++a)
    parts[classes[a]].push_back(a);
  for (const std::vector<unsigned> &part : parts) {
    std::vector<llvm::BitVector> inside(part.size(), llvm::BitVector(part.size()));
    std::vector<std::vector<unsigned>> conflicts(part.size());
    std::vector<int64_t> weights;
    std::vector<unsigned> items;
    for (auto [i, a] : llvm::enumerate(part)) {
      for (auto [j, b] : llvm::enumerate(part))
        if (adjacent[a][b]) {
          inside[i].set(j);
          conflicts[i].push_back(j);
        }
      items.push_back(free[a]);
      weights.push_back(sizeOf(free[a]));
    }
    result.parts.push_back(
        pack(items, findCliques(inside, weights, 4 * part.size() + 64), conflicts));
  }
  return true;
}

std::optional<Packings> Builder::build() {
  choose();
  if (!(lifetimes ? buildFromLifetimes() : buildFromOrder()))
    return std::nullopt;
  llvm::stable_sort(result.parts,
                    [](const Packing &a, const Packing &b) { return a.load() > b.load(); });
  return std::move(result);
}

} // namespace

std::optional<Packings> tercet::plan::buildPackings(const MemoryProblem &problem,
                                                    int64_t conflictLimit) {
  return Builder(problem, conflictLimit).build();
}
