// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recognises attention from its second product backwards.

#include "passes/graph/Matching.h"
#include "passes/graph/Passes.h"

#include "dialects/nn/NN.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/RegionUtils.h"

namespace tercet::graph {
#define GEN_PASS_DEF_FUSEATTENTIONPASS
#include "passes/graph/Passes.h.inc"
} // namespace tercet::graph

using namespace mlir;
using namespace tercet;
using namespace tercet::graph;

namespace {

struct Attention {
  linalg::BatchMatmulOp first, second;
  int64_t batch, heads;
  double scale;
  /// The mask and its shape when broadcast to rank 4; null without.
  Value mask;
  SmallVector<int64_t, 4> maskShape;
};

/// An ordinary batch product that starts from zero.
linalg::BatchMatmulOp matchBatchMatmul(Value value) {
  auto op = value.getDefiningOp<linalg::BatchMatmulOp>();
  if (!op || op.hasUserDefinedMaps())
    return {};
  std::optional<double> start = matchConstant(op.getDpsInits()[0]);
  return start && *start == 0.0 ? op : linalg::BatchMatmulOp();
}

/// The shape of rank 4 that operand i has, if every dimension that it lacks is 1.
std::optional<SmallVector<int64_t, 4>> shapeOfMask(const Elementwise &sum, unsigned i,
                                                   int64_t rank) {
  if (!sum.maps[i] || rank > 4)
    return std::nullopt;
  auto type = cast<RankedTensorType>(sum.operands[i].getType());
  SmallVector<int64_t, 4> shape(4, 1);
  int64_t previous = -1;
  for (auto [position, result] : llvm::enumerate(sum.maps[i].getResults())) {
    auto dim = dyn_cast<AffineDimExpr>(result);
    if (!dim)
      continue;
    if (static_cast<int64_t>(dim.getPosition()) <= previous)
      return std::nullopt;
    previous = dim.getPosition();
    shape[4 - rank + dim.getPosition()] = type.getDimSize(position);
  }
  return shape;
}

std::optional<Attention> matchAttention(linalg::BatchMatmulOp op) {
  Attention attention;
  attention.second = matchBatchMatmul(op->getResult(0));
  if (!attention.second)
    return std::nullopt;
  auto softmax = skipReshapes(op.getInputs()[0]).getDefiningOp<linalg::SoftmaxOp>();
  if (!softmax || !softmax->hasOneUse())
    return std::nullopt;
  auto type = cast<RankedTensorType>(softmax.getInput().getType());
  int64_t rank = type.getRank();
  if (static_cast<int64_t>(softmax.getDimension()) != rank - 1 || rank < 3 || rank > 4)
    return std::nullopt;
  attention.batch = rank == 4 ? type.getDimSize(0) : 1;
  attention.heads = type.getDimSize(rank - 3);

  Value scores = softmax.getInput();
  if (auto sum = matchElementwise<arith::AddFOp>(scores)) {
    for (unsigned i = 0; i < 2 && !attention.mask; ++i) {
      if (!sum->isAligned(i))
        continue;
      // The scores are what comes from a product; the other side is the mask.
      Product product = flattenProduct(sum->operands[i]);
      if (product.factors.size() != 1 || !matchBatchMatmul(skipReshapes(product.factors[0])))
        continue;
      auto shape = shapeOfMask(*sum, 1 - i, rank);
      if (!shape)
        return std::nullopt;
      attention.mask = sum->operands[1 - i];
      attention.maskShape = *shape;
      scores = sum->operands[i];
    }
  }
  Product product = flattenProduct(scores);
  if (product.factors.size() != 1)
    return std::nullopt;
  attention.scale = product.constant;
  attention.first = matchBatchMatmul(skipReshapes(product.factors[0]));
  if (!attention.first || !attention.first->hasOneUse())
    return std::nullopt;
  // The products must see the scores in the shape that the softmax sees.
  auto scored = cast<RankedTensorType>(attention.first->getResult(0).getType());
  if (scored.getDimSize(0) != attention.batch * attention.heads ||
      scored.getDimSize(2) != type.getShape().back() || op.getInputs()[0].getType() != scored)
    return std::nullopt;
  return attention;
}

struct FuseAttentionPass : graph::impl::FuseAttentionPassBase<FuseAttentionPass> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<linalg::BatchMatmulOp> ops;
    getOperation()->walk([&](linalg::BatchMatmulOp op) { ops.push_back(op); });
    for (linalg::BatchMatmulOp op : llvm::reverse(ops))
      if (std::optional<Attention> attention = matchAttention(op)) {
        rewrite(rewriter, *attention);
        ++fused;
      }
    (void)runRegionDCE(rewriter, getOperation()->getRegions());
  }

  /// [B*H, x, y] to [B, ...] with the dimensions of [B, H, x, y] in the order of `perm`.
  static Value turned(RewriterBase &rewriter, Value value, const Attention &attention,
                      ArrayRef<int64_t> perm) {
    // The same values in another order: still the work of the node that made them.
    Location loc = skipReshapes(value).getLoc();
    auto type = cast<RankedTensorType>(value.getType());
    int64_t shape[] = {attention.batch, attention.heads, type.getDimSize(1), type.getDimSize(2)};
    Value split = reshapeTo(rewriter, loc, value, shape);
    Value empty = tensor::EmptyOp::create(
        rewriter, loc, applyPermutation(ArrayRef<int64_t>(shape), perm), type.getElementType());
    return linalg::TransposeOp::create(rewriter, loc, split, empty, perm)->getResult(0);
  }

  static void rewrite(RewriterBase &rewriter, const Attention &attention) {
    linalg::BatchMatmulOp first = attention.first, second = attention.second;
    Location loc = FusedLoc::get(rewriter.getContext(), {first.getLoc(), second.getLoc()});
    rewriter.setInsertionPoint(second);
    Value query = turned(rewriter, first.getInputs()[0], attention, {0, 2, 1, 3});
    Value key = turned(rewriter, first.getInputs()[1], attention, {0, 3, 1, 2});
    Value value = turned(rewriter, second.getInputs()[1], attention, {0, 2, 1, 3});
    Value mask =
        attention.mask ? reshapeTo(rewriter, loc, attention.mask, attention.maskShape) : Value();
    auto queryType = cast<RankedTensorType>(query.getType());
    auto resultType =
        RankedTensorType::get({attention.batch, queryType.getDimSize(1), attention.heads,
                               cast<RankedTensorType>(value.getType()).getDimSize(3)},
                              queryType.getElementType());
    Value init =
        tensor::EmptyOp::create(rewriter, loc, resultType.getShape(), resultType.getElementType());
    Value result = nn::AttentionOp::create(rewriter, loc, resultType, query, key, value, mask, init,
                                           rewriter.getF64FloatAttr(attention.scale))
                       .getResult();
    // Back to [B*H, S, E].
    int64_t perm[] = {0, 2, 1, 3};
    Value empty = tensor::EmptyOp::create(
        rewriter, loc, applyPermutation(resultType.getShape(), ArrayRef<int64_t>(perm)),
        resultType.getElementType());
    Value back = linalg::TransposeOp::create(rewriter, loc, result, empty, perm)->getResult(0);
    rewriter.replaceOp(
        second, reshapeTo(rewriter, loc, back,
                          cast<RankedTensorType>(second->getResult(0).getType()).getShape()));
  }
};

} // namespace
