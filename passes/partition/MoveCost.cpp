// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sum of token, cache maintenance and links, in integers.

#include "passes/partition/MoveCost.h"

using namespace mlir;
using namespace tercet;

/// A second.
static constexpr int64_t kUnreachablePs = 1000000000000;

int64_t partition::movePs(soc::MachineAttr machine, soc::EngineAttrInterface from,
                          soc::EngineAttrInterface to, int64_t bytes) {
  if (from == to)
    return 0;
  constexpr unsigned __int128 kPsPerSecond = 1000000000000;
  int64_t cost = to.getEnginePerformance().getSynchronisePs();
  for (soc::EngineAttrInterface engine : {from, to})
    if (uint64_t rate = engine.getEnginePerformance().getCacheBytesPerSecond())
      cost += static_cast<int64_t>((bytes * kPsPerSecond + rate - 1) / rate);
  // The bytes lie in the first memory of the writer that both address, and cross
  // the links to there and from there. Without one nothing can be handed over
  // yet, which no gain is worth.
  SmallVector<StringRef> written = from.getEngineMemories(), reached = to.getEngineMemories();
  auto *common =
      llvm::find_if(written, [&](StringRef memory) { return llvm::is_contained(reached, memory); });
  if (common == written.end())
    return cost + kUnreachablePs;
  return cost + machine.getTransferPs(from.getEngineMemory(), *common, bytes) +
         machine.getTransferPs(*common, to.getEngineMemory(), bytes);
}
