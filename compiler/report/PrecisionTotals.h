// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a quantised program computes in, by engine: how many of its multiply-adds
// and commands are in which precision, and why others stayed in float.

#ifndef TERCET_COMPILER_REPORT_PRECISIONTOTALS_H
#define TERCET_COMPILER_REPORT_PRECISIONTOTALS_H

#include "compiler/report/ReportFile.h"

#include "llvm/Support/raw_ostream.h"

namespace tercet::report {

struct PrecisionTotal {
  std::string engine, precision;
  uint64_t commands = 0, multiplyAdds = 0;
};

/// In the order of engines, then of first use; empty for a program that is not
/// quantised.
std::vector<PrecisionTotal> getPrecisionTotals(const Report &report);

/// The totals, the commands with the least ratio of signal to noise, and the
/// reasons for float with the nodes that they hold for. Nothing for a program
/// that is not quantised.
void printPrecisions(const Report &report, llvm::raw_ostream &os);

} // namespace tercet::report

#endif // TERCET_COMPILER_REPORT_PRECISIONTOTALS_H
