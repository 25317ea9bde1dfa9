// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A memory problem in the form that search works on: connected parts, sizes in
// units of their greatest common divisor, conflicts as adjacency lists, and
// sections, which are sets of buffers that all live together. In every section
// the sizes of what is still to be placed add up, hence they give the bounds.

#ifndef TERCET_PASSES_PLAN_PACKING_H
#define TERCET_PASSES_PLAN_PACKING_H

#include "passes/plan/MemoryProblem.h"

#include <vector>

namespace tercet::plan {

/// Lists of numbers, one list after another in one array.
class NumberLists {
public:
  NumberLists() : starts(1, 0) {}
  unsigned size() const { return starts.size() - 1; }
  llvm::ArrayRef<unsigned> operator[](unsigned i) const {
    return llvm::ArrayRef(values).slice(starts[i], starts[i + 1] - starts[i]);
  }
  /// Adds to the last list, which `close` ends.
  void push(unsigned value) { values.push_back(value); }
  void close() { starts.push_back(values.size()); }
  /// For each number below `count`, the lists that hold it.
  NumberLists invert(unsigned count) const;
  static NumberLists of(llvm::ArrayRef<std::vector<unsigned>> lists);

private:
  std::vector<unsigned> starts, values;
};

/// Bytes that a buffer of given offset takes, in units.
struct Obstacle {
  int64_t from, to;
};

/// A connected part of a problem. Its items are the buffers of at least one byte
/// whose offset is free.
struct Packing {
  /// Index of each item's buffer in the problem.
  std::vector<unsigned> buffers;
  /// In units.
  std::vector<int64_t> sizes;
  /// How long each item lives; only guides the search.
  std::vector<int64_t> durations;
  /// For each item those that live together with it.
  NumberLists conflicts;
  /// For each section its items, and for each item its sections, ascending.
  /// Two items conflict if and only if they share a section.
  NumberLists members, sectionsOf;
  /// For each item and each section what is in the way of all of it, by offset.
  /// Empty if no offset is given.
  std::vector<std::vector<Obstacle>> obstacles, sectionObstacles;
  /// Whether sections follow one another in time, so that each item's sections
  /// are without gaps.
  bool isInterval = false;

  unsigned size() const { return buffers.size(); }
  /// The greatest sum of sizes in a section, in units.
  int64_t load() const;
};

/// The parts of a problem that do not touch one another, the greatest load
/// first, and what a unit is in bytes.
struct Packings {
  int64_t unit = 1;
  std::vector<Packing> parts;
};

/// Nothing if more than `conflictLimit` pairs conflict.
std::optional<Packings> buildPackings(const MemoryProblem &problem, int64_t conflictLimit);

/// Lifetimes that say the same as a partial order, if there are any: if what
/// precedes one buffer always includes or is included in what precedes another.
std::optional<std::vector<std::pair<int64_t, int64_t>>>
findLifetimes(llvm::ArrayRef<llvm::BitVector> precedes);

/// Sets of vertices of a graph that are all adjacent to one another: the maximal
/// ones if there are at most `limit`, else for each vertex and edge one that
/// contains it, chosen heavy.
std::vector<std::vector<unsigned>> findCliques(llvm::ArrayRef<llvm::BitVector> adjacent,
                                               llvm::ArrayRef<int64_t> weights, size_t limit);

} // namespace tercet::plan

#endif // TERCET_PASSES_PLAN_PACKING_H
