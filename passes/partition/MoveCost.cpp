// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sum of token, cache maintenance and copy, in integers.

#include "passes/partition/MoveCost.h"

using namespace mlir;
using namespace tercet;

int64_t partition::movePs(soc::MachineAttr machine, soc::EngineAttrInterface from,
                          soc::EngineAttrInterface to, int64_t bytes) {
  if (from == to)
    return 0;
  constexpr unsigned __int128 kPsPerSecond = 1000000000000;
  int64_t cost = to.getEnginePerformance().getSynchronisePs();
  for (soc::EngineAttrInterface engine : {from, to})
    if (uint64_t rate = engine.getEnginePerformance().getCacheBytesPerSecond())
      cost += static_cast<int64_t>((bytes * kPsPerSecond + rate - 1) / rate);
  return cost + machine.getTransferPs(from.getEngineMemory(), to.getEngineMemory(), bytes);
}
