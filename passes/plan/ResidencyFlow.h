// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The linear relaxation of residency: every gap may be kept in part. Bytes that
// are kept pass over consecutive moments, so the relaxation is a minimum-cost
// flow along time.

#ifndef TERCET_PASSES_PLAN_RESIDENCYFLOW_H
#define TERCET_PASSES_PLAN_RESIDENCYFLOW_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <vector>

namespace tercet::plan {

/// Bytes that want to stay from moment `from` to before moment `to`, and what
/// each is worth.
struct FlowGap {
  unsigned from, to;
  int64_t bytes;
  int64_t value;
};

/// How many bytes of each gap to keep for the greatest value, where moment i has
/// room for `room[i]` bytes in all.
std::vector<int64_t> keepMostValue(llvm::ArrayRef<FlowGap> gaps, llvm::ArrayRef<int64_t> room);

} // namespace tercet::plan

#endif // TERCET_PASSES_PLAN_RESIDENCYFLOW_H
