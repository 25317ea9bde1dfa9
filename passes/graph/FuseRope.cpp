// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recognises rotary position embeddings from their sum backwards.

#include "passes/graph/Matching.h"
#include "passes/graph/Passes.h"

#include "dialects/nn/NN.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/RegionUtils.h"

namespace tercet::graph {
#define GEN_PASS_DEF_FUSEROPEPASS
#include "passes/graph/Passes.h.inc"
} // namespace tercet::graph

using namespace mlir;
using namespace tercet;
using namespace tercet::graph;

namespace {

/// The half of x along the last dimension, if `value` is one, and which.
Value matchHalf(Value value, bool &high) {
  auto slice = value.getDefiningOp<tensor::ExtractSliceOp>();
  if (!slice || !slice.hasUnitStride() ||
      slice.getSourceType().getRank() != slice.getType().getRank())
    return {};
  ArrayRef<int64_t> from = slice.getSourceType().getShape(), to = slice.getType().getShape();
  ArrayRef<int64_t> offsets = slice.getStaticOffsets();
  if (from.drop_back() != to.drop_back() || from.back() != 2 * to.back() ||
      llvm::any_of(offsets.drop_back(), [](int64_t offset) { return offset != 0; }))
    return {};
  high = offsets.back() != 0;
  return offsets.back() == 0 || offsets.back() == to.back() ? slice.getSource() : Value();
}

/// x, if `value` is concat(-x[D/2:], x[:D/2]).
Value matchRotatedHalf(Value value) {
  auto concat = value.getDefiningOp<tensor::ConcatOp>();
  if (!concat || concat.getInputs().size() != 2 ||
      concat.getDim() + 1 != static_cast<uint64_t>(concat.getResultType().getRank()))
    return {};
  Value negated = matchUnary<arith::NegFOp>(concat.getInputs()[0]);
  bool firstHigh = false, secondHigh = false;
  Value x = negated ? matchHalf(negated, firstHigh) : Value();
  return x && firstHigh && matchHalf(concat.getInputs()[1], secondHigh) == x && !secondHigh
             ? x
             : Value();
}

struct Rope {
  Value input, cos, sin;
};

/// The first of the indices, if they are those that follow one another from a
/// scalar of the function on.
Value matchFollowing(Value indices) {
  auto op = skipReshapes(indices).getDefiningOp<linalg::GenericOp>();
  if (!op || op.getNumDpsInputs() != 0 || op.getNumLoops() != 1 || op->getNumResults() != 1 ||
      !op.getIndexingMapsArray()[0].isIdentity())
    return {};
  auto cast = op.getBody()->getTerminator()->getOperand(0).getDefiningOp<arith::IndexCastOp>();
  auto sum = cast ? cast.getIn().getDefiningOp<arith::AddIOp>() : arith::AddIOp();
  if (!sum)
    return {};
  for (unsigned i = 0; i < 2; ++i) {
    auto argument = dyn_cast<BlockArgument>(sum->getOperand(i));
    if (argument && argument.getOwner() != op.getBody() &&
        sum->getOperand(1 - i).getDefiningOp<linalg::IndexOp>())
      return argument;
  }
  return {};
}

/// The rows of a table that are taken from a position on, if `value` is those.
struct RowsAtPosition {
  Value table, position;
};
std::optional<RowsAtPosition> matchRowsAtPosition(Value value) {
  auto gather = skipReshapes(value).getDefiningOp<nn::GatherOp>();
  if (!gather || gather.getAxis() != 0 ||
      cast<RankedTensorType>(gather.getData().getType()).getRank() != 2)
    return std::nullopt;
  Value position = matchFollowing(gather.getIndices());
  return position ? std::optional(RowsAtPosition{gather.getData(), position}) : std::nullopt;
}

/// Operand i as a table [B or 1, S, D] for a result [B, H, S, D].
bool isTable(const Elementwise &match, unsigned i) {
  if (!match.maps[i])
    return false;
  auto type = cast<RankedTensorType>(match.operands[i].getType());
  ArrayRef<int64_t> shape = cast<RankedTensorType>(match.op->getResult(0).getType()).getShape();
  int64_t elements = shape[2] * shape[3], previous = -1;
  bool followsSequence = shape[2] == 1;
  if (type.getNumElements() != elements && type.getNumElements() != elements * shape[0])
    return false;
  for (AffineExpr result : match.maps[i].getResults())
    if (auto dim = dyn_cast<AffineDimExpr>(result)) {
      int64_t position = dim.getPosition();
      if (position <= previous || (position == 1 && shape[1] != 1))
        return false;
      previous = position;
      followsSequence |= position == 2;
    }
  return previous == 3 && followsSequence;
}

std::optional<Rope> matchRope(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  std::optional<Elementwise> sum = matchElementwise<arith::AddFOp>(value);
  if (!sum || type.getRank() != 4 || !sum->isAligned(0) || !sum->isAligned(1))
    return std::nullopt;
  for (unsigned i = 0; i < 2; ++i) {
    auto straight = matchElementwise<arith::MulFOp>(sum->operands[i]);
    auto turned = matchElementwise<arith::MulFOp>(sum->operands[1 - i]);
    if (!straight || !turned)
      return std::nullopt;
    for (unsigned j = 0; j < 2; ++j)
      for (unsigned k = 0; k < 2; ++k) {
        if (!turned->maps[j] || !turned->isAligned(j) || !isTable(*turned, 1 - j))
          continue;
        Value x = matchRotatedHalf(turned->operands[j]);
        if (x && straight->operands[k] == x && straight->isAligned(k) && isTable(*straight, 1 - k))
          return Rope{x, straight->operands[1 - k], turned->operands[1 - j]};
      }
  }
  return std::nullopt;
}

struct FuseRopePass : graph::impl::FuseRopePassBase<FuseRopePass> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<linalg::LinalgOp> ops;
    getOperation()->walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    for (linalg::LinalgOp op : llvm::reverse(ops)) {
      if (op->getNumResults() != 1 || op->use_empty())
        continue;
      std::optional<Rope> rope = matchRope(op->getResult(0));
      if (!rope)
        continue;
      Location loc = op.getLoc();
      rewriter.setInsertionPoint(op);
      auto type = cast<RankedTensorType>(op->getResult(0).getType());
      int64_t perm[] = {0, 2, 1, 3};
      auto turn = [&](Value value) {
        auto from = cast<RankedTensorType>(value.getType());
        Value empty = tensor::EmptyOp::create(
            rewriter, loc, applyPermutation(from.getShape(), ArrayRef<int64_t>(perm)),
            from.getElementType());
        return linalg::TransposeOp::create(rewriter, loc, value, empty, perm)->getResult(0);
      };
      auto table = [&](Value value) {
        int64_t elements = cast<RankedTensorType>(value.getType()).getNumElements();
        int64_t rows = type.getDimSize(2) * type.getDimSize(3);
        return reshapeTo(rewriter, loc, value,
                         {elements / rows, type.getDimSize(2), type.getDimSize(3)});
      };
      Value input = turn(rope->input);
      auto inputType = cast<RankedTensorType>(input.getType());
      Value init =
          tensor::EmptyOp::create(rewriter, loc, inputType.getShape(), inputType.getElementType());
      // Rows at a position stay in their tables.
      Value cos, sin, position;
      auto cosRows = matchRowsAtPosition(rope->cos), sinRows = matchRowsAtPosition(rope->sin);
      if (cosRows && sinRows && cosRows->position == sinRows->position &&
          cosRows->table.getType() == sinRows->table.getType()) {
        ArrayRef<int64_t> shape = cast<RankedTensorType>(cosRows->table.getType()).getShape();
        cos = reshapeTo(rewriter, loc, cosRows->table, {1, shape[0], shape[1]});
        sin = reshapeTo(rewriter, loc, sinRows->table, {1, shape[0], shape[1]});
        position = cosRows->position;
      } else {
        cos = table(rope->cos);
        sin = table(rope->sin);
      }
      Value result = nn::RopeOp::create(rewriter, loc, inputType, input, cos, sin, init, position);
      rewriter.replaceOp(op, turn(result));
      ++fused;
    }
    (void)runRegionDCE(rewriter, getOperation()->getRegions());
  }
};

} // namespace
