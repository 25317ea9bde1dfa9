// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bytes, times and parts as people read them. One spelling for the terminal
// summary, the report and what changed between two of them. For display only:
// nothing is decided by these.

#ifndef TERCET_COMPILER_REPORT_QUANTITIES_H
#define TERCET_COMPILER_REPORT_QUANTITIES_H

#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <string>

namespace tercet {

/// 1536 as "1.5 KiB".
std::string formatBytes(uint64_t bytes);

/// Picoseconds as "12.40 ms", "3.20 us", "1.50 s" or "0 ms".
std::string formatPs(uint64_t picoseconds);

/// `part` of `whole` as "3.8 %", "less than 0.1 %", or "0.0 %" where it is none.
std::string formatPercent(double part, double whole);

/// How far `value` is above a bound: " = lower bound, optimal" or
/// ", at most 1.3 % above the bound".
std::string formatBound(uint64_t value, uint64_t lowerBound);

/// "1 command", "2 commands".
std::string formatCount(uint64_t count, llvm::StringRef noun);

/// The name of a kernel without the number that tells equal names apart:
/// "packed_matmul_3" is of the class "packed_matmul".
llvm::StringRef getKernelClass(llvm::StringRef kernelName);

} // namespace tercet

#endif // TERCET_COMPILER_REPORT_QUANTITIES_H
