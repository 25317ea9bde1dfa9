// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What changed between two compilations, in terms of the source nodes: commands
// are matched by entry and nodes, never by number, which a change anywhere
// before would shift.

#ifndef TERCET_COMPILER_REPORT_REPORTDIFFERENCE_H
#define TERCET_COMPILER_REPORT_REPORTDIFFERENCE_H

#include "compiler/report/ReportFile.h"

#include "llvm/Support/raw_ostream.h"

namespace tercet::report {

/// Version of the JSON that `printJson` writes.
inline constexpr int64_t kDifferenceFormat = 1;

/// A value that is not the same; absent on the side that does not have it.
template <typename T> struct Changed {
  std::string what;
  std::optional<T> before, after;
};

/// All commands of some source nodes.
struct NodeCommands {
  std::string entry, nodes;
  /// "cpu0", "cpu0 rows 0 to 64 + cpu1 rows 64 to 128".
  std::string placement;
  /// Kernel classes and variants, joined.
  std::string kernels;
  int64_t commands = 0;
  uint64_t predictedPs = 0;
  /// "npu: slower, it takes longer there" for each engine that was not chosen.
  std::string reasons;
};

struct Difference {
  /// Name, model, machine, workers, weights.
  std::vector<Changed<std::string>> identity;
  /// Bytes of pools.
  std::vector<Changed<uint64_t>> pools;
  /// Predicted picoseconds of entries.
  std::vector<Changed<uint64_t>> latencies;
  /// Nodes without commands before or after.
  std::vector<NodeCommands> added, removed;
  struct Pair {
    NodeCommands before, after;
  };
  /// Nodes on other engines, or on the same with other shares.
  std::vector<Pair> moved;
  /// Nodes in the same place with other kernels or another prediction.
  std::vector<Pair> changed;
  /// Commands of each kernel class and variant by engine.
  std::vector<Changed<uint64_t>> kernels;
  /// Values anywhere in the reports that differ, and the first of them: offsets
  /// or stack sizes may change when nothing above does.
  uint64_t values = 0;
  std::string firstValue;

  bool isEqual() const { return values == 0; }
};

Difference compareReports(const Report &before, const Report &after);

void printText(const Difference &difference, llvm::raw_ostream &os);
void printJson(const Difference &difference, llvm::raw_ostream &os);

} // namespace tercet::report

#endif // TERCET_COMPILER_REPORT_REPORTDIFFERENCE_H
