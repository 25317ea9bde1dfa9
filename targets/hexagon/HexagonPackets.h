// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a tile of an operation costs in packets: a sum of counts, each times a
// constant of the operation's kind. Counts follow from sizes as the emitters'
// loops do; the constants are fitted to packets that qemu-hexagon counts for
// the emitted code (test/conformance/hexagon/cost_test.py, which can fit them
// anew). Packets are not cycles.

#ifndef TERCET_TARGETS_HEXAGON_HEXAGONPACKETS_H
#define TERCET_TARGETS_HEXAGON_HEXAGONPACKETS_H

#include "targets/hexagon/HexagonWork.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

namespace tercet::hexagon {

struct PacketTerm {
  /// KIND.WHAT, as the fit names it.
  llvm::StringRef name;
  uint64_t count = 0;
  /// Packets for 1000 of them.
  uint64_t thousandths = 0;
};

/// Of a tile of so many rows and columns of the result.
llvm::SmallVector<PacketTerm> getPacketTerms(const KernelWork &work, int64_t rows, int64_t columns);

} // namespace tercet::hexagon

#endif // TERCET_TARGETS_HEXAGON_HEXAGONPACKETS_H
