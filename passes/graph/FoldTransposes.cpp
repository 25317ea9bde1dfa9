// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes transposes meet and vanish. A transpose of a weight goes into its
// recipe, at no cost at run time.

#include "passes/graph/Matching.h"
#include "passes/graph/Passes.h"
#include "passes/graph/WeightRecipes.h"

#include "dialects/nn/NN.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace tercet::graph {
#define GEN_PASS_DEF_FOLDTRANSPOSESPASS
#include "passes/graph/Passes.h.inc"
} // namespace tercet::graph

using namespace mlir;
using namespace tercet;
using namespace tercet::graph;

namespace {

Value transposeOf(PatternRewriter &rewriter, Location loc, Value value, ArrayRef<int64_t> perm) {
  auto type = cast<RankedTensorType>(value.getType());
  Value empty = tensor::EmptyOp::create(rewriter, loc, applyPermutation(type.getShape(), perm),
                                        type.getElementType());
  return linalg::TransposeOp::create(rewriter, loc, value, empty, perm)->getResult(0);
}

/// transpose(transpose(x)) is one transpose.
struct Compose : OpRewritePattern<linalg::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::TransposeOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<linalg::TransposeOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "input is no transpose");
    SmallVector<int64_t> perm = applyPermutation(inner.getPermutation(), op.getPermutation());
    rewriter.replaceOp(op, transposeOf(rewriter, op.getLoc(), inner.getInput(), perm));
    return success();
  }
};

/// A transpose that keeps the order of all dimensions of more than one element
/// moves nothing.
struct MovesNothing : OpRewritePattern<linalg::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::TransposeOp op, PatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getInput().getType());
    int64_t previous = -1;
    for (int64_t dim : op.getPermutation()) {
      if (type.getDimSize(dim) == 1)
        continue;
      if (dim < previous)
        return rewriter.notifyMatchFailure(op, "dimensions change places");
      previous = dim;
    }
    auto result = cast<RankedTensorType>(op->getResult(0).getType());
    rewriter.replaceOp(op, reshapeTo(rewriter, op.getLoc(), op.getInput(), result.getShape()));
    return success();
  }
};

/// A transpose of a weight is part of its recipe.
struct IntoRecipe : OpRewritePattern<linalg::TransposeOp> {
  IntoRecipe(MLIRContext *context, SymbolTable &symbols)
      : OpRewritePattern(context), symbols(symbols) {}
  LogicalResult matchAndRewrite(linalg::TransposeOp op, PatternRewriter &rewriter) const override {
    auto get = op.getInput().getDefiningOp<nn::GetWeightOp>();
    if (!get)
      return rewriter.notifyMatchFailure(op, "input is no weight");
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    auto recipe = nn::TransposeAttr::get(op.getContext(), recipeOf(get, symbols),
                                         op.getPermutation(), type);
    replaceByWeight(rewriter, op, get, recipe, symbols);
    return success();
  }
  SymbolTable &symbols;
};

struct FoldTransposesPass : graph::impl::FoldTransposesPassBase<FoldTransposesPass> {
  void runOnOperation() override {
    Operation *module = SymbolTable::getNearestSymbolTable(getOperation());
    SymbolTable symbols(module);
    RewritePatternSet patterns(&getContext());
    patterns.add<Compose, MovesNothing>(&getContext());
    patterns.add<IntoRecipe>(&getContext(), symbols);
    tensor::CollapseShapeOp::getCanonicalizationPatterns(patterns, &getContext());
    tensor::ExpandShapeOp::getCanonicalizationPatterns(patterns, &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
