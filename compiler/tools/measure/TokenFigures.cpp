// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The same chain of small tasks three times: alternating between two engines,
// and on each of them alone.

#include "compiler/tools/measure/Figures.h"

using namespace tercet;
using namespace tercet::measure;

static constexpr unsigned kSteps = 256;

static std::string nameOf(mlir::Attribute engine) {
  return mlir::cast<soc::EngineAttrInterface>(engine).getEngineName().str();
}

llvm::Expected<std::optional<uint64_t>> measure::measureTokens(const Timing &timing,
                                                               soc::MachineAttr machine,
                                                               mlir::Attribute first,
                                                               mlir::Attribute second) {
  mlir::Builder b(machine.getContext());
  soc::MachineAttr both = soc::MachineAttr::get(machine.getContext(), b.getStringAttr("tokens"), 1,
                                                b.getArrayAttr({first, second}),
                                                machine.getMemories(), machine.getLinks());
  auto latencyOf = [&](mlir::Attribute even, mlir::Attribute odd) -> llvm::Expected<uint64_t> {
    llvm::Expected<Sample> sample =
        timing.time(makeTokenChain(nameOf(even), nameOf(odd), kSteps), both);
    if (!sample)
      return sample.takeError();
    return sample->latencyNs;
  };
  llvm::Expected<uint64_t> crossing = latencyOf(first, second);
  if (!crossing)
    return crossing.takeError();
  uint64_t staying = 0;
  for (mlir::Attribute engine : {first, second}) {
    llvm::Expected<uint64_t> own = latencyOf(engine, engine);
    if (!own)
      return own.takeError();
    staying += *own / 2;
  }
  // Nothing to see on a machine whose cores take turns.
  if (*crossing <= staying)
    return std::nullopt;
  return (*crossing - staying) * 1000 / (kSteps - 1);
}
