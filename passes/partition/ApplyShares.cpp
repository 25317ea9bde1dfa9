// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Groups with shares become one group for each share.

#include "passes/partition/Passes.h"

#include "dialects/nn/NN.h"
#include "dialects/soc/Soc.h"
#include "passes/partition/GroupShares.h"
#include "passes/partition/GroupWork.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
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
    SmallVector<tensor::ExtractSliceOp> slices;
    getOperation().walk([&](tensor::ExtractSliceOp slice) {
      if (slice.getSource().getDefiningOp<tensor::ConcatOp>())
        slices.push_back(slice);
    });
    for (tensor::ExtractSliceOp slice : slices)
      narrow(slice);
  }

  /// A share that reads rows of another group's shares reads those shares, not
  /// all of them put together: it may run before the rest is computed.
  static void narrow(tensor::ExtractSliceOp slice) {
    auto concat = slice.getSource().getDefiningOp<tensor::ConcatOp>();
    if (!concat || !slice.hasUnitStride() || !slice.getOffsets().empty() ||
        !slice.getSizes().empty() || !slice.getStrides().empty() ||
        slice.getType().getRank() != concat.getResultType().getRank())
      return;
    uint64_t dim = concat.getDim();
    SmallVector<int64_t> offsets(slice.getStaticOffsets()), sizes(slice.getStaticSizes());
    int64_t begin = offsets[dim], end = begin + sizes[dim], at = 0;
    IRRewriter rewriter(slice);
    SmallVector<std::pair<Value, int64_t>> touched;
    for (Value part : concat.getInputs()) {
      auto type = cast<RankedTensorType>(part.getType());
      if (type.isDynamicDim(dim))
        return;
      int64_t next = at + type.getDimSize(dim);
      if (begin < next && at < end)
        touched.push_back({part, at});
      at = next;
    }
    if (touched.empty() || touched.size() == concat.getInputs().size())
      return;
    SmallVector<Value> pieces;
    for (auto [part, start] : touched) {
      auto type = cast<RankedTensorType>(part.getType());
      offsets[dim] = std::max(begin, start) - start;
      sizes[dim] = std::min(end, start + type.getDimSize(dim)) - std::max(begin, start);
      bool whole = ArrayRef(sizes) == type.getShape();
      SmallVector<int64_t> ones(sizes.size(), 1);
      pieces.push_back(whole ? part
                             : tensor::ExtractSliceOp::create(
                                   rewriter, slice.getLoc(), type.clone(sizes), part, ValueRange(),
                                   ValueRange(), ValueRange(), offsets, sizes, ones)
                                   .getResult());
    }
    rewriter.replaceOp(
        slice, pieces.size() == 1
                   ? pieces[0]
                   : tensor::ConcatOp::create(rewriter, slice.getLoc(), dim, pieces).getResult());
    if (concat->use_empty())
      rewriter.eraseOp(concat);
  }

  LogicalResult apply(soc::GroupOp group) {
    std::optional<unsigned> dim = partition::getShareDim(group);
    int64_t rows = partition::getShareRows(group), at = 0;
    IRRewriter rewriter(group);
    SmallVector<Value> parts;
    for (auto share : group.getShares()->getAsRange<soc::ShareAttr>()) {
      if (share.getBegin() != at)
        return group.emitOpError()
               << "expected the share on engine '" << share.getEngine().getValue()
               << "' to begin at row " << at << ", got " << share.getBegin();
      FailureOr<soc::GroupOp> part =
          partition::cutShare(rewriter, group, share.getBegin(), share.getSize());
      if (failed(part))
        return group.emitOpError() << "cannot be cut into rows " << share.getBegin() << " to "
                                   << share.getBegin() + share.getSize();
      part->setEngineAttr(share.getEngine());
      part->setVariantAttr(share.getVariant());
      part->setAlternativesAttr(group.getAlternativesAttr());
      sliceWeights(*part);
      parts.push_back(part->getOutputs()[0]);
      at += share.getSize();
    }
    if (at != rows)
      return group.emitOpError() << "its shares cover " << at << " of " << rows << " rows";
    rewriter.setInsertionPoint(group);
    Value whole = parts.size() == 1
                      ? parts[0]
                      : tensor::ConcatOp::create(rewriter, group.getLoc(), *dim, parts).getResult();
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
