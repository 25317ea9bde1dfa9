// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Moves reshapes behind the operations that do not mind them, with upstream's
// patterns for linalg.generic and one of our own for row operations.

#include "passes/graph/Matching.h"
#include "passes/graph/Passes.h"
#include "passes/graph/WeightRecipes.h"

#include "dialects/nn/NN.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace tercet::graph {
#define GEN_PASS_DEF_FOLDRESHAPESPASS
#include "passes/graph/Passes.h.inc"
} // namespace tercet::graph

using namespace mlir;
using namespace tercet;
using namespace tercet::graph;

namespace {

/// f(expand(x)) is expand(f(x)) for an operation that treats all rows alike,
/// as long as rows stay rows.
template <typename OpTy> struct ExpandBehind : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    auto expand = op.getInput().template getDefiningOp<tensor::ExpandShapeOp>();
    if (!expand)
      return rewriter.notifyMatchFailure(op, "input is no expand_shape");
    auto from = cast<RankedTensorType>(expand.getSrcType());
    auto to = cast<RankedTensorType>(expand.getResultType());
    if (from.getRank() == 0 || from.getShape().back() != to.getShape().back())
      return rewriter.notifyMatchFailure(op, "the last dimension is split");
    Value init = tensor::EmptyOp::create(rewriter, op.getLoc(), from.getShape(),
                                         from.getElementType());
    IRMapping mapping;
    mapping.map(op.getInput(), expand.getSrc());
    mapping.map(op.getDpsInits()[0], init);
    Operation *moved = rewriter.clone(*op.getOperation(), mapping);
    moved->getResult(0).setType(from);
    if (auto softmax = dyn_cast<linalg::SoftmaxOp>(moved))
      softmax.setDimension(from.getRank() - 1);
    rewriter.replaceOpWithNewOp<tensor::ExpandShapeOp>(op, to, moved->getResult(0),
                                                       expand.getReassociationIndices());
    return success();
  }
};

/// As above for softmax, which must be over the last dimension.
struct ExpandBehindSoftmax : ExpandBehind<linalg::SoftmaxOp> {
  using ExpandBehind::ExpandBehind;
  LogicalResult matchAndRewrite(linalg::SoftmaxOp op, PatternRewriter &rewriter) const override {
    if (static_cast<int64_t>(op.getDimension()) != op.getInputOperandType().getRank() - 1)
      return rewriter.notifyMatchFailure(op, "not over the last dimension");
    return ExpandBehind::matchAndRewrite(op, rewriter);
  }
};

/// A reshape of a weight is part of its recipe.
template <typename OpTy> struct IntoRecipe : OpRewritePattern<OpTy> {
  IntoRecipe(MLIRContext *context, SymbolTable &symbols)
      : OpRewritePattern<OpTy>(context), symbols(symbols) {}
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    auto get = op.getSrc().template getDefiningOp<nn::GetWeightOp>();
    if (!get)
      return rewriter.notifyMatchFailure(op, "source is no weight");
    auto type = cast<RankedTensorType>(op.getType());
    auto recipe = nn::ReshapeAttr::get(op.getContext(), recipeOf(get, symbols), type);
    replaceByWeight(rewriter, op, get, recipe, symbols);
    return success();
  }
  SymbolTable &symbols;
};

struct FoldReshapesPass : graph::impl::FoldReshapesPassBase<FoldReshapesPass> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    SymbolTable symbols(SymbolTable::getNearestSymbolTable(getOperation()));
    RewritePatternSet patterns(context);
    // Only expand_shape moves down; a collapse_shape that moved up would meet
    // it again without end.
    linalg::populateFoldReshapeOpsByCollapsingPatterns(patterns, [](OpOperand *operand) {
      return isa_and_nonnull<tensor::ExpandShapeOp>(operand->get().getDefiningOp());
    });
    // Of these, only the folding of splat constants into bodies: nothing fuses.
    linalg::populateElementwiseOpsFusionPatterns(patterns, [](OpOperand *) { return false; });
    patterns.add<ExpandBehind<nn::ActivationOp>, ExpandBehind<nn::LayerNormOp>,
                 ExpandBehind<nn::RmsNormOp>, ExpandBehindSoftmax>(context);
    patterns.add<IntoRecipe<tensor::CollapseShapeOp>, IntoRecipe<tensor::ExpandShapeOp>>(context,
                                                                                      symbols);
    tensor::CollapseShapeOp::getCanonicalizationPatterns(patterns, context);
    tensor::ExpandShapeOp::getCanonicalizationPatterns(patterns, context);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
