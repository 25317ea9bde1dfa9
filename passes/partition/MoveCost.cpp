// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sum of token, cache maintenance and links, in integers; passes that convert.

#include "passes/partition/MoveCost.h"

#include "passes/partition/GroupWork.h"

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

unsigned partition::converterOf(ArrayRef<soc::EngineAttrInterface> engines, unsigned producer) {
  auto isCpu = [](soc::EngineAttrInterface engine) {
    std::string reason;
    return engine.getEngineKind() == "cpu" && engine.isPresent(reason);
  };
  if (isCpu(engines[producer]))
    return producer;
  const auto *first = llvm::find_if(engines, isCpu);
  return first == engines.end() ? producer : first - engines.begin();
}

static int64_t passPs(soc::MachineAttr machine, soc::EngineAttrInterface engine,
                      const partition::GroupWork &work) {
  soc::PerformanceAttr performance = engine.getEnginePerformance();
  uint64_t cores = engine.getEngineCores();
  uint64_t workers = std::min<uint64_t>(machine.getWorkersOf(engine), cores);
  return performance.getLaunchPs() + work.timePs(performance, workers, cores);
}

int64_t partition::convertPs(soc::MachineAttr machine, soc::EngineAttrInterface engine,
                             uint64_t elements, uint64_t fromBits, uint64_t toBits) {
  return passPs(machine, engine,
                GroupWork::ofConversion(machine.getContext(), elements, fromBits, toBits));
}

int64_t partition::copyPs(soc::MachineAttr machine, soc::EngineAttrInterface engine,
                          uint64_t bytes) {
  GroupWork work;
  work.readBytes = work.writtenBytes = bytes;
  return passPs(machine, engine, work);
}
