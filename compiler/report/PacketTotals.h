// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What engines counted while a program ran: packets of instructions by kernel
// class, and how many multiply-adds there are to one. Packets are not cycles.

#ifndef TERCET_COMPILER_REPORT_PACKETTOTALS_H
#define TERCET_COMPILER_REPORT_PACKETTOTALS_H

#include "compiler/report/Profile.h"

namespace tercet::report {

/// Multiply-adds of bytes in a packet of Hexagon at the most: two instructions,
/// each of 128. Engines of other kinds count no packets.
inline constexpr uint64_t kPacketPeak = 256;

struct PacketTotal {
  std::string kernelClass, variant, engine;
  uint64_t commands = 0, packets = 0, vectorInstructions = 0;
  /// Of commands for which the report has them.
  uint64_t multiplyAdds = 0;
};

/// By class and engine, the most packets first; none where nothing was counted.
std::vector<PacketTotal> getPacketTotals(const Report &report, const Profile &profile);

void printPackets(const Report &report, const Profile &profile, llvm::raw_ostream &os);

} // namespace tercet::report

#endif // TERCET_COMPILER_REPORT_PACKETTOTALS_H
