// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rewrites panels and scratch of variants.

#include "passes/partition/VariantChange.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace tercet;

static soc::VariantAttr withPanelsAndScratch(soc::VariantAttr variant, ArrayRef<int64_t> panels,
                                             uint64_t scratchBytes) {
  return soc::VariantAttr::get(
      variant.getContext(), variant.getName(), variant.getPrecision(), variant.getTiles(),
      DenseI64ArrayAttr::get(variant.getContext(), panels), variant.getTimePs(), scratchBytes,
      variant.getResidentBytes(), variant.getGranularity());
}

static void changeVariants(soc::GroupOp group,
                           llvm::function_ref<soc::VariantAttr(soc::VariantAttr)> change) {
  if (group.getVariant())
    group.setVariantAttr(change(*group.getVariant()));
  if (!group.getShares())
    return;
  SmallVector<Attribute> shares;
  for (auto share : group.getShares()->getAsRange<soc::ShareAttr>())
    shares.push_back(soc::ShareAttr::get(group.getContext(), share.getEngine(), share.getBegin(),
                                         share.getSize(), change(share.getVariant())));
  group.setSharesAttr(ArrayAttr::get(group.getContext(), shares));
}

SmallVector<soc::VariantAttr> partition::getVariants(soc::GroupOp group) {
  SmallVector<soc::VariantAttr> variants;
  if (group.getVariant())
    variants.push_back(*group.getVariant());
  if (group.getShares())
    for (auto share : group.getShares()->getAsRange<soc::ShareAttr>())
      variants.push_back(share.getVariant());
  return variants;
}

void partition::addPanels(soc::GroupOp group, unsigned count) {
  changeVariants(group, [&](soc::VariantAttr variant) {
    SmallVector<int64_t> panels(variant.getPanels().asArrayRef());
    panels.append(count, 0);
    return withPanelsAndScratch(variant, panels, variant.getScratchBytes());
  });
}

void partition::addScratch(soc::GroupOp group, Operation *op, unsigned cutDims) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  changeVariants(group, [&](soc::VariantAttr variant) {
    ArrayRef<int64_t> tiles = variant.getTiles();
    int64_t elements = 1;
    for (auto [dim, size] : llvm::enumerate(type.getShape()))
      elements *= dim < std::min<size_t>(cutDims, tiles.size()) && tiles[dim] > 0
                      ? std::min(size, tiles[dim])
                      : size;
    int64_t bytes = elements * llvm::divideCeil(type.getElementTypeBitWidth(), 8);
    return withPanelsAndScratch(variant, variant.getPanels(),
                                variant.getScratchBytes() + 2 * llvm::alignTo(bytes, 64) + 128);
  });
}
