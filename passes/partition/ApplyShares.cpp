// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Groups with shares become one group for each share.

#include "passes/partition/Passes.h"

#include "dialects/nn/NN.h"
#include "dialects/soc/Soc.h"
#include "dialects/soc/Views.h"
#include "passes/partition/GroupShares.h"
#include "passes/partition/GroupWork.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/SymbolTable.h"

namespace tercet::partition {
#define GEN_PASS_DEF_APPLYSHARESPASS
#include "passes/partition/Passes.h.inc"
} // namespace tercet::partition

using namespace mlir;
using namespace tercet;

namespace {

struct ApplySharesPass : partition::impl::ApplySharesPassBase<ApplySharesPass> {
  void runOnOperation() override {
    SymbolTable symbolTable(getOperation());
    symbols = &symbolTable;
    sliced.clear();
    SmallVector<soc::GroupOp> groups;
    getOperation().walk([&](soc::GroupOp group) {
      if (group.getShares())
        groups.push_back(group);
    });
    for (soc::GroupOp group : groups)
      if (failed(apply(group)))
        return signalPassFailure();
    if (!groups.empty())
      getOperation().walk([](tensor::ExtractSliceOp slice) { readPart(slice); });
  }

  /// A view that lies in one part of a concatenation becomes a view of that
  /// part, which is there before the others are.
  static void readPart(tensor::ExtractSliceOp slice) {
    if (!isa<func::FuncOp>(slice->getParentOp()) || !soc::getContiguousOffset(slice))
      return;
    SmallVector<soc::SourceRange> sources = soc::getSources(slice.getResult());
    if (sources.size() != 1 || sources[0].root == slice.getSource())
      return;
    auto from = cast<RankedTensorType>(sources[0].root.getType());
    RankedTensorType to = slice.getType();
    OpBuilder builder(slice);
    Location loc = slice.getLoc();
    Value value = sources[0].root;
    if (from != to) {
      auto flat = [&](RankedTensorType type) {
        return RankedTensorType::get({type.getNumElements()}, type.getElementType());
      };
      auto all = [](RankedTensorType type) {
        ReassociationIndices dims = llvm::to_vector<2>(llvm::seq<int64_t>(0, type.getRank()));
        return SmallVector<ReassociationIndices>{dims};
      };
      if (from.getRank() != 1)
        value = tensor::CollapseShapeOp::create(builder, loc, flat(from), value, all(from));
      if (from.getNumElements() != to.getNumElements())
        value = tensor::ExtractSliceOp::create(
            builder, loc, flat(to), value,
            ArrayRef<OpFoldResult>{builder.getIndexAttr(sources[0].begin)},
            ArrayRef<OpFoldResult>{builder.getIndexAttr(to.getNumElements())},
            ArrayRef<OpFoldResult>{builder.getIndexAttr(1)});
      if (to.getRank() != 1)
        value = tensor::ExpandShapeOp::create(builder, loc, to, value, all(to));
    }
    slice.replaceAllUsesWith(value);
    slice.erase();
  }

  LogicalResult apply(soc::GroupOp group) {
    if (failed(partition::verifyShares(group)))
      return failure();
    IRRewriter rewriter(group);
    SmallVector<Value> parts;
    for (auto share : group.getShares()->getAsRange<soc::ShareAttr>()) {
      FailureOr<soc::GroupOp> part =
          partition::cutShare(rewriter, group, share.getBegin(), share.getSize());
      if (failed(part))
        return group.emitOpError() << "cannot be cut into rows " << share.getBegin() << " to "
                                   << share.getBegin() + share.getSize();
      part->setEngineAttr(share.getEngine());
      part->setVariantAttr(share.getVariant());
      part->setAlternativesAttr(group.getAlternativesAttr());
      if (ArrayAttr precisions = group.getPrecisionsAttr())
        part->setPrecisionsAttr(precisions);
      sliceWeights(*part);
      parts.push_back(part->getOutputs()[0]);
    }
    rewriter.setInsertionPoint(group);
    Value whole = parts.size() == 1
                      ? parts[0]
                      : tensor::ConcatOp::create(rewriter, group.getLoc(),
                                                 *partition::getShareDim(group), parts)
                            .getResult();
    rewriter.replaceOp(group, whole);
    return success();
  }

  /// A part of a weight is a weight with a recipe of its own.
  void sliceWeights(soc::GroupOp share) {
    for (OpOperand &operand : share.getInputsMutable()) {
      auto slice = operand.get().getDefiningOp<tensor::ExtractSliceOp>();
      auto get = slice ? slice.getSource().getDefiningOp<nn::GetWeightOp>() : nn::GetWeightOp();
      if (!get)
        continue;
      auto weight = symbols->lookup<nn::WeightOp>(get.getWeight());
      auto flat = RankedTensorType::get(slice.getStaticSizes(), slice.getType().getElementType());
      TypedAttr recipe = nn::SliceAttr::get(get.getContext(), cast<TypedAttr>(weight.getRecipe()),
                                            slice.getStaticOffsets(), flat);
      if (flat != slice.getType())
        recipe = nn::ReshapeAttr::get(get.getContext(), recipe, slice.getType());
      nn::WeightOp &part = sliced[recipe];
      if (!part) {
        OpBuilder builder(get.getContext());
        builder.setInsertionPointAfter(weight);
        part = nn::WeightOp::create(builder, weight.getLoc(), weight.getSymName(), recipe);
        symbols->insert(part, Block::iterator(part));
      }
      OpBuilder builder(slice);
      operand.set(
          nn::GetWeightOp::create(builder, get.getLoc(), slice.getType(), part.getSymName()));
      slice.erase();
    }
  }

  SymbolTable *symbols = nullptr;
  DenseMap<Attribute, nn::WeightOp> sliced;
};

} // namespace
