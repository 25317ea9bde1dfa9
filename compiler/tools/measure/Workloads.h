// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The small programs that tercet-measure times, as text for the compiler.

#ifndef TERCET_COMPILER_TOOLS_MEASURE_WORKLOADS_H
#define TERCET_COMPILER_TOOLS_MEASURE_WORKLOADS_H

#include <cstdint>
#include <string>
#include <vector>

namespace tercet::measure {

struct Workload {
  /// A class of #soc.performance, or "memory" or "launch".
  std::string what;
  /// A module with one entry.
  std::string text;
  /// Bytes of its inputs in order; they are called x0, x1, ...
  std::vector<uint64_t> inputBytes;
  /// For "memory": bytes read and written.
  uint64_t movedBytes = 0;
  /// Text behind the graph stage, with its groups on engines.
  bool isGraph = false;
};

/// What is run for one engine; with `quick` the smallest of each class.
std::vector<Workload> makeWorkloads(bool quick);

/// A chain of `length` small tasks that alternates between two engines, so that
/// each waits for the one before.
Workload makeTokenChain(const std::string &first, const std::string &second, unsigned length);

} // namespace tercet::measure

#endif // TERCET_COMPILER_TOOLS_MEASURE_WORKLOADS_H
