// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Looks at what functions have at their top only: groups and weights are there,
// and this is asked for every group.

#include "targets/hexagon/KeptWeights.h"

#include "dialects/nn/NN.h"
#include "targets/hexagon/HexagonArchitecture.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::hexagon;

uint64_t hexagon::getPanelBytes(RankedTensorType weight) {
  return llvm::divideCeil(weight.getDimSize(1), kPanel) *
         llvm::divideCeil(weight.getDimSize(0), 4) * kVectorBytes;
}

/// Whether a product has it on its right-hand side. A group that is being made
/// has no arguments yet.
static bool isOfProduct(nn::GetWeightOp get) {
  return llvm::any_of(get->getUses(), [](OpOperand &use) {
    auto group = dyn_cast<soc::GroupOp>(use.getOwner());
    unsigned operand = use.getOperandNumber();
    if (!group || group.getBody().empty() || operand >= group.getBody().getNumArguments())
      return false;
    return llvm::any_of(group.getBody().getArgument(operand).getUses(), [](OpOperand &inner) {
      return inner.getOperandNumber() == 1 &&
             isa<linalg::MatmulOp, nn::QuantizedMatmulOp>(inner.getOwner());
    });
  });
}

/// Whether it has been placed on the engine with weights that stay.
static bool keeps(soc::GroupOp group, soc::EngineAttr engine) {
  StringRef name = engine.getName().getValue();
  if (group.getVariant() && group.getEngine() == name && group.getVariant()->getResidentBytes())
    return true;
  std::optional<ArrayAttr> shares = group.getShares();
  return shares && llvm::any_of(shares->getAsRange<soc::ShareAttr>(), [&](soc::ShareAttr share) {
           return share.getEngine().getValue() == name && share.getVariant().getResidentBytes();
         });
}

KeptWeights hexagon::findKeptWeights(soc::EngineAttr engine, soc::GroupOp group) {
  uint64_t most =
      llvm::alignDown(getScratchpadBytes(engine, soc::MachineAttr::of(group)) / 2, kVectorBytes);
  auto module = group->getParentOfType<ModuleOp>();
  if (!most || !module)
    return {};
  uint64_t bytes = 0;
  bool placed = false;
  llvm::SmallDenseSet<Attribute> seen;
  for (auto func : module.getOps<func::FuncOp>()) {
    if (func.isExternal())
      continue;
    for (Operation &op : func.getBody().front()) {
      if (auto other = dyn_cast<soc::GroupOp>(op)) {
        placed |= keeps(other, engine);
        continue;
      }
      auto get = dyn_cast<nn::GetWeightOp>(op);
      auto type = get ? dyn_cast<RankedTensorType>(get.getType()) : RankedTensorType();
      if (type && type.getRank() == 2 && bytes <= most && isOfProduct(get) &&
          seen.insert(get.getWeightAttr()).second)
        bytes += getPanelBytes(type);
    }
  }
  bool fits = bytes && bytes <= most;
  return {placed ? most : fits ? bytes : 0, fits};
}
