// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks back from an operation to what filled its destination, past operations
// that touch other memory.

#include "targets/cpu/FillSearch.h"

#include "dialects/nn/NN.h"
#include "dialects/soc/Soc.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;
using namespace tercet;

namespace {

Value rootOf(Value memref) {
  while (auto view = memref.getDefiningOp<ViewLikeOpInterface>())
    memref = view.getViewSource();
  return memref;
}

/// Whether memory reached through the two may be the same.
bool mayAlias(Value left, Value right) {
  Value l = rootOf(left), r = rootOf(right);
  if (l == r)
    return true;
  auto lScratch = l.getDefiningOp<soc::ScratchOp>(), rScratch = r.getDefiningOp<soc::ScratchOp>();
  if (static_cast<bool>(lScratch) != static_cast<bool>(rScratch))
    return false; // an argument never lies in the scratch
  if (!lScratch)
    return true; // the planner may give two arguments the same place
  auto range = [](soc::ScratchOp op) -> std::optional<std::pair<int64_t, int64_t>> {
    auto type = cast<MemRefType>(op.getType());
    if (!type.hasStaticShape() || !type.getElementType().isIntOrFloat())
      return std::nullopt;
    int64_t bytes = type.getNumElements() * llvm::divideCeil(type.getElementTypeBitWidth(), 8);
    return std::make_pair(op.getOffset(), op.getOffset() + bytes);
  };
  auto lRange = range(lScratch), rRange = range(rScratch);
  return !lRange || !rRange || (lRange->first < rRange->second && rRange->first < lRange->second);
}

} // namespace

linalg::FillOp cpu::findFill(Operation *op, Value destination) {
  for (Operation *before = op->getPrevNode(); before; before = before->getPrevNode()) {
    auto fill = dyn_cast<linalg::FillOp>(before);
    if (fill && fill.getOutputs()[0] == destination)
      return fill;
    if (isMemoryEffectFree(before))
      continue;
    // Others may stand in between if they have nothing to do with it.
    if (!isa<linalg::LinalgOp, memref::CopyOp, nn::PackedMatmulOp, nn::GroupMatmulOp>(before) ||
        llvm::any_of(before->getOperands(), [&](Value operand) {
          return isa<MemRefType>(operand.getType()) && mayAlias(operand, destination);
        }))
      return {};
    // A body may load from anywhere.
    bool loads =
        before->walk([](memref::LoadOp) { return WalkResult::interrupt(); }).wasInterrupted();
    if (loads)
      return {};
  }
  return {};
}
