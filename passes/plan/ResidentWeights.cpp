// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A weight stays in an engine's memory if some task there wants it to and
// nobody else reads it: tasks of that engine that do not care read it there too.

#include "passes/plan/ResidentWeights.h"

#include "passes/plan/EntryPlanner.h"

#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace tercet;

namespace {

struct Readers {
  llvm::SmallDenseSet<int64_t> engines;
  bool isWanted = false;
};

int64_t engineIndex(soc::MachineAttr machine, StringRef name) {
  for (auto [index, attr] : llvm::enumerate(machine.getEngines()))
    if (cast<soc::EngineAttrInterface>(attr).getEngineName() == name)
      return index;
  return -1;
}

} // namespace

plan::ResidentWeights::ResidentWeights(ModuleOp module, const SymbolTable &symbols,
                                       soc::MachineAttr machine) {
  llvm::MapVector<Operation *, Readers> readers;
  module.walk([&](nn::GetWeightOp get) {
    Readers &own = readers[symbols.lookup(get.getWeight())];
    for (OpOperand &use : get->getUses()) {
      auto task = dyn_cast<soc::TaskOp>(use.getOwner());
      if (!task) {
        own.engines.insert(-1);
        continue;
      }
      soc::VariantAttr variant = task.getVariant();
      unsigned number = use.getOperandNumber();
      own.engines.insert(engineIndex(machine, task.getEngine()));
      own.isWanted |= variant.getResidentBytes() && number < variant.getPanels().size() &&
                      variant.getPanels()[number] != 0;
    }
  });
  for (auto &[weight, own] : readers) {
    if (!weight || !own.isWanted || own.engines.size() != 1 || *own.engines.begin() < 0)
      continue;
    unsigned engine = *own.engines.begin();
    Attribute attr = machine.getEngines()[engine];
    StringRef memory = cast<soc::EngineAttrInterface>(attr).getEngineMemory();
    StringRef shared = cast<soc::EngineAttrInterface>(machine.getEngines()[0]).getEngineMemory();
    if (!hasDriver(attr) || memory == shared)
      continue;
    engines[weight] = engine;
    bytes[memory] +=
        llvm::alignTo(bytesOf(cast<nn::WeightOp>(weight).getType()), alignmentOf(machine, memory));
  }
}

std::optional<unsigned> plan::ResidentWeights::engineOf(Operation *weight) const {
  auto found = engines.find(weight);
  return found == engines.end() ? std::nullopt : std::optional<unsigned>(found->second);
}
