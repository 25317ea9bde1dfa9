// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exact search for a plan within a given capacity. Any plan can be pushed down
// until every buffer lies at 0 or on another one. Building such a plan from
// below, the next buffer always lies at its floor, the end of the highest one
// placed before that it conflicts with; so the search decides, again and again,
// of one buffer whether it lies at its floor or higher.

#ifndef TERCET_PASSES_PLAN_CANONICALSEARCH_H
#define TERCET_PASSES_PLAN_CANONICALSEARCH_H

#include "passes/plan/Packing.h"

namespace tercet::plan {

/// Which buffer is decided next. Any choice is exact; they differ in how soon
/// they find a plan, and no one is best everywhere.
enum class Branching {
  /// Where there is no choice first, then in the section with the lowest floor,
  /// among several in the one with the least room to spare.
  TightestSection,
  /// In the section with the lowest floor, among several in the one with the
  /// fewest buffers that could lie there.
  FewestCandidates,
  /// The buffer with the lowest floor, among several the first rank.
  LowestBuffer
};

/// What the search works with; lengths in units of the packing.
struct CanonicalRequest {
  int64_t capacity = 0;
  /// Of two buffers in question the lower rank goes first.
  llvm::ArrayRef<unsigned> ranks;
  Branching branching = Branching::TightestSection;
  /// Decisions after which to give up.
  int64_t nodeLimit = 0;
  /// Buffers looked at after which to give up.
  int64_t stepLimit = 0;
};

struct CanonicalResult {
  enum Outcome { Found, Refuted, Unknown } outcome = Unknown;
  /// If found, of each item.
  std::vector<int64_t> offsets;
  /// If refuted, no plan is smaller than this; above the capacity.
  int64_t atLeast = 0;
  int64_t nodes = 0;
  int64_t steps = 0;
};

/// The search is as deep as there are items; it takes no more than this.
constexpr unsigned kMostSearched = 4096;

CanonicalResult searchCanonical(const Packing &packing, const CanonicalRequest &request);

} // namespace tercet::plan

#endif // TERCET_PASSES_PLAN_CANONICALSEARCH_H
