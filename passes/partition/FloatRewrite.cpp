// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Puts conversions into the bodies of float groups.

#include "passes/partition/FloatRewrite.h"

#include "passes/partition/VariantChange.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::partition;

static bool isParallel(linalg::LinalgOp op) {
  return op.getNumParallelLoops() == op.getNumLoops() && op.getNumDpsInits() == 1 &&
         op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity();
}

/// Whether a tile of the reader's result needs just that tile of the operand.
static bool readsTileByTile(OpOperand &use) {
  Operation *op = use.getOwner();
  if (isa<nn::ActivationOp, nn::LayerNormOp, nn::RmsNormOp>(op))
    return use.getOperandNumber() == 0;
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  return linalgOp && isParallel(linalgOp) && linalgOp.isDpsInput(&use) &&
         linalgOp.getMatchingIndexingMap(&use).isIdentity();
}

bool partition::canDequantiseAtHead(soc::GroupOp group, unsigned operand) {
  BlockArgument argument = group.getBody().front().getArgument(operand);
  auto shapeOf = [](Value value) { return cast<RankedTensorType>(value.getType()).getShape(); };
  return shapeOf(argument) == shapeOf(group.getOutputs()[0]) &&
         llvm::all_of(argument.getUses(), readsTileByTile);
}

bool partition::canQuantiseTiles(soc::VariantAttr variant, Type type) {
  ArrayRef<int64_t> tiles = variant.getTiles().asArrayRef();
  return !isa<quant::UniformQuantizedPerAxisType>(type) || tiles.empty() || tiles.back() == 0;
}

bool partition::canQuantiseAtEnd(soc::GroupOp group) {
  if (group.getOutputs().size() != 1 ||
      !cast<RankedTensorType>(group.getOutputs()[0].getType()).getElementType().isF32())
    return false;
  Operation *root = group.getBody().front().getTerminator()->getOperand(0).getDefiningOp();
  if (isa_and_nonnull<nn::ActivationOp, nn::LayerNormOp, nn::RmsNormOp, nn::GatherOp,
                      linalg::MatmulOp, linalg::BatchMatmulOp>(root))
    return true;
  auto linalgOp = dyn_cast_or_null<linalg::LinalgOp>(root);
  return linalgOp && isParallel(linalgOp);
}

soc::GroupOp partition::rewriteFloats(soc::GroupOp group, ArrayRef<StoredValue> operands,
                                      QuantType result) {
  SmallVector<Value> inputs;
  for (const StoredValue &operand : operands)
    inputs.push_back(operand.value);
  SmallVector<Type> types(group->getResultTypes());
  if (result)
    types[0] = storedAs(types[0], result);
  OpBuilder b(group);
  auto changed =
      soc::GroupOp::create(b, group.getLoc(), types, group.getEngineAttr(), group.getVariantAttr(),
                           group.getSharesAttr(), group.getAlternativesAttr(),
                           group.getPrecisionsAttr(), inputs, group.getScalars());
  changed.getBody().takeBody(group.getBody());
  Block &body = changed.getBody().front();

  // Both are of the first result's shape.
  unsigned rank = cast<RankedTensorType>(types[0]).getRank();
  // Neither of the two takes constants.
  auto none = [](DenseElementsAttr) -> Value { llvm_unreachable("only rescaling has constants"); };
  b.setInsertionPointToStart(&body);
  for (auto [argument, operand] : llvm::zip(body.getArguments(), operands)) {
    if (!operand.type)
      continue;
    argument.setType(operand.value.getType());
    SmallVector<OpOperand *> uses =
        llvm::map_to_vector(argument.getUses(), [](OpOperand &use) { return &use; });
    Value floats = *convertStored(b, group.getLoc(), {argument, operand.type}, {}, none);
    for (OpOperand *use : uses)
      use->set(floats);
    addScratch(changed, floats.getDefiningOp(), rank);
  }
  if (result) {
    Operation *yield = body.getTerminator();
    b.setInsertionPoint(yield);
    Value floats = yield->getOperand(0);
    Value integers = *convertStored(b, floats.getLoc(), {floats, {}}, result, none);
    yield->setOperand(0, integers);
    addScratch(changed, integers.getDefiningOp(), rank);
  }
  return changed;
}
