// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recognises layer norm and RMS norm, from the last operation backwards.

#include "passes/graph/Matching.h"
#include "passes/graph/Passes.h"

#include "dialects/nn/NN.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/RegionUtils.h"

namespace tercet::graph {
#define GEN_PASS_DEF_FUSENORMSPASS
#include "passes/graph/Passes.h.inc"
} // namespace tercet::graph

using namespace mlir;
using namespace tercet;
using namespace tercet::graph;

namespace {

struct Norm {
  Value input, scale, bias;
  double epsilon = 0;
  bool centred = false;
};

/// The value with operand i as a vector along rows and operand 1 - i aligned.
template <typename OpTy> std::optional<std::pair<Value, Value>> matchVector(Value value) {
  std::optional<Elementwise> match = matchElementwise<OpTy>(value);
  if (!match)
    return std::nullopt;
  for (unsigned i = 0; i < 2; ++i)
    if (isVectorBroadcast(*match, i) && match->isAligned(1 - i))
      return std::make_pair(match->operands[1 - i], match->operands[i]);
  return std::nullopt;
}

/// The tensor y, if `value` is y * y.
Value matchSquare(Value value) {
  std::optional<Elementwise> match = matchElementwise(value);
  if (!match || match->operands.size() != 2 || !match->maps[0] || !match->isAligned(0))
    return {};
  if (isa<arith::MulFOp>(match->scalar) && match->operands[0] == match->operands[1] &&
      match->isAligned(1))
    return match->operands[0];
  if (isa<math::PowFOp>(match->scalar)) {
    std::optional<double> exponent = matchConstant(match->operands[1]);
    if (exponent && *exponent == 2.0)
      return match->operands[0];
  }
  return {};
}

/// For value == sqrt(mean(y * y) + epsilon): y.
Value matchRoot(Value value, double &epsilon) {
  Value moved = matchUnary<math::SqrtOp>(skipReshapes(value));
  if (!moved)
    return {};
  Value mean = matchAddConstant(skipReshapes(moved), epsilon);
  Value squares = mean ? matchMeanOfRows(mean) : Value();
  return squares ? matchSquare(squares) : Value();
}

/// For value == 1 / sqrt(mean(y * y) + epsilon): y.
Value matchInverseRoot(Value value, double &epsilon) {
  value = skipReshapes(value);
  if (Value moved = matchUnary<math::RsqrtOp>(value)) {
    Value mean = matchAddConstant(skipReshapes(moved), epsilon);
    Value squares = mean ? matchMeanOfRows(mean) : Value();
    return squares ? matchSquare(squares) : Value();
  }
  std::optional<Elementwise> quotient = matchElementwise<arith::DivFOp>(value);
  if (!quotient)
    return {};
  std::optional<double> one = matchConstant(quotient->operands[0]);
  if (!one || *one != 1.0 || !quotient->maps[1])
    return {};
  return matchRoot(quotient->operands[1], epsilon);
}

/// For value == y / sqrt(mean(y * y) + epsilon) in either spelling: y.
Value matchNormalised(Value value, double &epsilon) {
  if (auto quotient = matchElementwise<arith::DivFOp>(value))
    if (quotient->maps[0] && quotient->isAligned(0) && isRowBroadcast(*quotient, 1))
      if (matchRoot(quotient->operands[1], epsilon) == quotient->operands[0])
        return quotient->operands[0];
  if (auto product = matchElementwise<arith::MulFOp>(value))
    for (unsigned i = 0; i < 2; ++i)
      if (product->maps[i] && product->isAligned(i) && isRowBroadcast(*product, 1 - i))
        if (matchInverseRoot(product->operands[1 - i], epsilon) == product->operands[i])
          return product->operands[i];
  return {};
}

std::optional<Norm> matchNorm(Value value) {
  Norm norm;
  Value scaled = value;
  if (auto shifted = matchVector<arith::AddFOp>(value)) {
    scaled = shifted->first;
    norm.bias = shifted->second;
  }
  auto product = matchVector<arith::MulFOp>(scaled);
  if (!product)
    return std::nullopt;
  norm.scale = product->second;
  Value y = matchNormalised(product->first, norm.epsilon);
  if (!y)
    return std::nullopt;
  norm.input = y;
  // y = x - mean(x): a layer norm. Otherwise the root of the mean square of
  // the input itself: an RMS norm, which has no bias.
  if (auto centred = matchElementwise<arith::SubFOp>(y))
    if (centred->maps[0] && centred->isAligned(0) && isRowBroadcast(*centred, 1) &&
        matchMeanOfRows(centred->operands[1]) == centred->operands[0]) {
      norm.input = centred->operands[0];
      norm.centred = true;
    }
  if (!norm.centred && norm.bias)
    return std::nullopt;
  return norm;
}

struct FuseNormsPass : graph::impl::FuseNormsPassBase<FuseNormsPass> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<linalg::LinalgOp> ops;
    getOperation()->walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    for (linalg::LinalgOp op : llvm::reverse(ops)) {
      if (op->getNumResults() != 1 || op->use_empty())
        continue;
      std::optional<Norm> norm = matchNorm(op->getResult(0));
      if (!norm)
        continue;
      Location loc = op.getLoc();
      rewriter.setInsertionPoint(op);
      auto type = cast<RankedTensorType>(op->getResult(0).getType());
      auto vector = [&](Value value) {
        return value ? reshapeTo(rewriter, loc, value, type.getShape().take_back()) : Value();
      };
      Value init = tensor::EmptyOp::create(rewriter, loc, type.getShape(), type.getElementType());
      FloatAttr epsilon = rewriter.getF64FloatAttr(norm->epsilon);
      Value result;
      if (norm->centred)
        result = nn::LayerNormOp::create(rewriter, loc, type, norm->input, vector(norm->scale),
                                         vector(norm->bias), init, epsilon);
      else
        result = nn::RmsNormOp::create(rewriter, loc, type, norm->input, vector(norm->scale), init,
                                       epsilon);
      rewriter.replaceOp(op, result);
      ++fused;
    }
    (void)runRegionDCE(rewriter, getOperation()->getRegions());
  }
};

} // namespace
