// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How long engines work at the same time, as predicted and as measured: what
// shares and pipelined inferences are for.

#ifndef TERCET_COMPILER_REPORT_ENGINEOVERLAP_H
#define TERCET_COMPILER_REPORT_ENGINEOVERLAP_H

#include "compiler/report/Profile.h"

#include <optional>

namespace tercet::report {

/// Sums of times, in picoseconds.
struct EngineOverlap {
  struct Busy {
    std::string engine;
    uint64_t ps = 0;
  };
  /// Engines with commands, in the order of the machine.
  std::vector<Busy> engines;
  /// While two or more of them work.
  uint64_t togetherPs = 0;
  /// From the first start to the last end.
  uint64_t spanPs = 0;
};

/// From the starts and ends of the schedule; none without them.
std::optional<EngineOverlap> getPredictedOverlap(const Report &report, const Entry &entry);

/// From those of the run that the profile shows.
EngineOverlap getMeasuredOverlap(const Report &report, const Profile &profile);

/// Both, where an entry has commands on several engines.
void printOverlap(const Report &report, const Profile *profile, llvm::raw_ostream &os);

} // namespace tercet::report

#endif // TERCET_COMPILER_REPORT_ENGINEOVERLAP_H
