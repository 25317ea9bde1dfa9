// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products and gathers of decoded weights take the weights as they are stored.
// The weight of such an operation is a symbol with the recipe of the blocks, or
// of the narrow floats, one for each recipe, so that a tied embedding stays one.

#include "passes/graph/Passes.h"

#include "dialects/nn/GroupFormats.h"
#include "dialects/nn/NN.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace tercet::graph {
#define GEN_PASS_DEF_FUSEGROUPWEIGHTSPASS
#include "passes/graph/Passes.h.inc"
} // namespace tercet::graph

using namespace mlir;
using namespace tercet;

namespace {

/// What [N, K] of f32 are stored as: blocks of a format, or narrower floats.
struct Stored {
  TypedAttr source;
  nn::GroupsAttr format;

  explicit operator bool() const { return static_cast<bool>(source); }
};

RankedTensorType typeOf(TypedAttr recipe) { return cast<RankedTensorType>(recipe.getType()); }

bool isNarrowFloat(Type element) { return element.isF16() || element.isBF16(); }

TypedAttr transposed(TypedAttr recipe) {
  RankedTensorType type = typeOf(recipe);
  auto turned =
      RankedTensorType::get({type.getDimSize(1), type.getDimSize(0)}, type.getElementType());
  return nn::TransposeAttr::get(recipe.getContext(), recipe, {1, 0}, turned);
}

/// The source of a transpose of a matrix, or null.
TypedAttr sourceOfTranspose(TypedAttr recipe) {
  auto transpose = dyn_cast<nn::TransposeAttr>(recipe);
  return transpose && typeOf(recipe).getRank() == 2 &&
                 transpose.getPerm() == ArrayRef<int64_t>{1, 0}
             ? transpose.getSource()
             : TypedAttr();
}

/// What a recipe of f32 in [N, K] stands for.
Stored matchStored(TypedAttr recipe) {
  if (auto decode = dyn_cast<nn::DecodeAttr>(recipe)) {
    nn::GroupsAttr format = decode.getFormat();
    // Kernels have no rows that end within a block.
    bool whole = typeOf(recipe).getDimSize(1) % format.getBlock() == 0;
    return format.isPackable() && whole ? Stored{decode.getSource(), format} : Stored();
  }
  if (auto cast = dyn_cast<nn::CastAttr>(recipe))
    if (typeOf(recipe).getElementType().isF32() &&
        isNarrowFloat(typeOf(cast.getSource()).getElementType()))
      return {cast.getSource(), {}};
  return {};
}

/// What a recipe of f32 in [K, N] is the transpose of.
Stored matchTransposed(TypedAttr recipe) {
  if (TypedAttr source = sourceOfTranspose(recipe))
    return matchStored(source);
  auto cast = dyn_cast<nn::CastAttr>(recipe);
  if (!cast || !typeOf(recipe).getElementType().isF32() ||
      !isNarrowFloat(typeOf(cast.getSource()).getElementType()))
    return {};
  TypedAttr source = sourceOfTranspose(cast.getSource());
  return {source ? source : transposed(cast.getSource()), {}};
}

class Fusion {
public:
  explicit Fusion(ModuleOp module) : symbols(module) {}

  /// The weight that an operand is, or null.
  nn::WeightOp weightOf(Value operand) {
    auto get = operand.getDefiningOp<nn::GetWeightOp>();
    return get ? symbols.lookup<nn::WeightOp>(get.getWeight()) : nn::WeightOp();
  }

  /// The value of a weight with the recipe of what is stored.
  Value storedValue(OpBuilder &b, Location loc, nn::WeightOp weight, const Stored &stored) {
    nn::WeightOp &own = bySource[stored.source];
    if (!own) {
      OpBuilder atWeight(weight->getContext());
      atWeight.setInsertionPointAfter(weight);
      own = nn::WeightOp::create(atWeight, weight.getLoc(), weight.getSymName(), stored.source);
      symbols.insert(own, Block::iterator(own));
    }
    return nn::GetWeightOp::create(b, loc, stored.source.getType(), own.getSymName());
  }

private:
  SymbolTable symbols;
  DenseMap<Attribute, nn::WeightOp> bySource;
};

struct FuseProduct : OpRewritePattern<linalg::MatmulOp> {
  FuseProduct(MLIRContext *context, Fusion &fusion, Pass::Statistic &count)
      : OpRewritePattern(context), fusion(fusion), count(count) {}

  LogicalResult matchAndRewrite(linalg::MatmulOp op, PatternRewriter &rewriter) const override {
    if (op.hasUserDefinedMaps() || !op.hasPureTensorSemantics())
      return rewriter.notifyMatchFailure(op, "is no plain product of tensors");
    Value lhs = op.getInputs()[0], init = op.getDpsInits()[0];
    auto lhsType = cast<RankedTensorType>(lhs.getType());
    if (!lhsType.getElementType().isF32() || !getElementTypeOrSelf(init.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "is not of f32");
    nn::WeightOp weight = fusion.weightOf(op.getInputs()[1]);
    if (!weight)
      return rewriter.notifyMatchFailure(op, "the right-hand side is no weight");
    Stored stored = matchTransposed(cast<TypedAttr>(weight.getRecipe()));
    if (!stored)
      return rewriter.notifyMatchFailure(op, "the weight is not stored in groups or narrow floats");

    Location loc = op.getLoc();
    nn::GroupsAttr left;
    // What says that a weight's products stay in f32.
    if (stored.format && !weight.getFloatActivations()) {
      left = nn::leftFormatFor(stored.format);
      Value empty =
          tensor::EmptyOp::create(rewriter, loc,
                                  {tensor::getMixedSize(rewriter, loc, lhs, 0),
                                   rewriter.getIndexAttr(left.getBlocks(lhsType.getDimSize(1))),
                                   rewriter.getIndexAttr(left.getBytes())},
                                  rewriter.getI8Type());
      lhs = nn::EncodeGroupsOp::create(rewriter, loc, TypeRange{empty.getType()}, left, lhs, empty)
                .getResult();
    }
    Value rhs = fusion.storedValue(rewriter, loc, weight, stored);
    rewriter.replaceOpWithNewOp<nn::GroupMatmulOp>(op, TypeRange{op.getResult(0).getType()},
                                                   stored.format, IntegerAttr(), left, lhs, rhs,
                                                   init);
    ++count;
    return success();
  }

private:
  Fusion &fusion;
  Pass::Statistic &count;
};

struct FuseGather : OpRewritePattern<nn::GatherOp> {
  FuseGather(MLIRContext *context, Fusion &fusion, Pass::Statistic &count)
      : OpRewritePattern(context), fusion(fusion), count(count) {}

  LogicalResult matchAndRewrite(nn::GatherOp op, PatternRewriter &rewriter) const override {
    nn::WeightOp weight = fusion.weightOf(op.getData());
    if (op.getAxis() != 0 || !weight)
      return rewriter.notifyMatchFailure(op, "gathers no rows of a weight");
    if (weight.getType().getRank() != 2)
      return rewriter.notifyMatchFailure(op, "the weight is no matrix");
    Stored stored = matchStored(cast<TypedAttr>(weight.getRecipe()));
    if (!stored)
      return rewriter.notifyMatchFailure(op, "the weight is not stored in groups or narrow floats");
    Value data = fusion.storedValue(rewriter, op.getLoc(), weight, stored);
    rewriter.replaceOpWithNewOp<nn::GroupGatherOp>(
        op, TypeRange{op.getResult().getType()}, stored.format, IntegerAttr(),
        rewriter.getI64IntegerAttr(weight.getType().getDimSize(0)), data, op.getIndices(),
        op.getInit());
    ++count;
    return success();
  }

private:
  Fusion &fusion;
  Pass::Statistic &count;
};

struct FuseGroupWeightsPass : graph::impl::FuseGroupWeightsPassBase<FuseGroupWeightsPass> {
  void runOnOperation() override {
    Fusion fusion(getOperation());
    RewritePatternSet patterns(&getContext());
    patterns.add<FuseProduct>(&getContext(), fusion, products);
    patterns.add<FuseGather>(&getContext(), fusion, gathers);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
