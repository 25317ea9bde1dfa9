// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Looks at the machine and at who reads an input.

#include "passes/partition/GroupPanels.h"

#include "dialects/nn/NN.h"
#include "passes/partition/GroupWork.h"

using namespace mlir;
using namespace tercet;

/// Of machines without a CPU of their own: 64 bytes of codes side by side.
static constexpr int64_t kPanel = 16;

int64_t partition::groupPanelOf(soc::CpuAttr cpu) {
  return std::max<int64_t>(4, cpu.getVectorBits() / 32);
}

int64_t partition::groupPanelOf(soc::MachineAttr machine) {
  if (machine)
    for (Attribute engine : machine.getEngines())
      if (auto cpu = dyn_cast<soc::CpuAttr>(engine))
        return groupPanelOf(cpu);
  return kPanel;
}

bool partition::isWeightInGroups(soc::GroupOp group, size_t input) {
  BlockArgument argument = group.getBody().front().getArgument(input);
  return !argument.use_empty() &&
         isa_and_nonnull<nn::GetWeightOp>(group.getInputs()[input].getDefiningOp()) &&
         llvm::all_of(argument.getUses(), [](OpOperand &use) {
           return (isa<nn::GroupMatmulOp>(use.getOwner()) && use.getOperandNumber() == 1) ||
                  (isa<nn::GroupGatherOp>(use.getOwner()) && use.getOperandNumber() == 0);
         });
}

uint64_t partition::bytesInPanels(soc::GroupOp group, size_t input, int64_t panel) {
  auto type = cast<RankedTensorType>(group.getInputs()[input].getType());
  Operation *user = *group.getBody().front().getArgument(input).getUsers().begin();
  auto format = user->getAttrOfType<nn::GroupsAttr>("format");
  uint64_t rowBytes = format ? type.getDimSize(1) * format.getPackedBytes()
                             : partition::bytesOf(type) / std::max<int64_t>(1, type.getDimSize(0));
  return llvm::alignTo(type.getDimSize(0), panel) * rowBytes;
}
