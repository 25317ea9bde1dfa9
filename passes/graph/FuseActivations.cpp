// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recognises activation functions. A spelling is taken apart into a constant
// and factors, so the order in which an exporter multiplies does not matter.

#include "passes/graph/Matching.h"
#include "passes/graph/Passes.h"

#include "dialects/nn/NN.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/RegionUtils.h"

#include <cmath>

namespace tercet::graph {
#define GEN_PASS_DEF_FUSEACTIVATIONSPASS
#include "passes/graph/Passes.h.inc"
} // namespace tercet::graph

using namespace mlir;
using namespace tercet;
using namespace tercet::graph;

namespace {

struct Activation {
  nn::ActivationKind kind;
  Value input;
};

/// value == 1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)).
bool isTanhTerm(Value value, Value x) {
  double one = 0;
  Value tanh = matchAddConstant(value, one);
  Value inner = tanh ? matchUnary<math::TanhOp>(tanh) : Value();
  if (!inner || !isNear(one, 1.0))
    return false;
  Product outer = flattenProduct(inner);
  if (outer.factors.size() != 1 || !isNear(outer.constant, std::sqrt(2.0 / M_PI)))
    return false;
  std::optional<Elementwise> sum = matchElementwise<arith::AddFOp>(outer.factors[0]);
  if (!sum || !sum->isAligned(0) || !sum->isAligned(1))
    return false;
  for (unsigned i = 0; i < 2; ++i) {
    if (sum->operands[i] != x)
      continue;
    Product cube = flattenProduct(sum->operands[1 - i]);
    if (!isNear(cube.constant, 0.044715))
      continue;
    if (cube.factors.size() == 3 && llvm::all_of(cube.factors, [&](Value v) { return v == x; }))
      return true;
    if (cube.factors.size() != 1)
      continue;
    std::optional<Elementwise> power = matchElementwise<math::PowFOp>(cube.factors[0]);
    if (power && power->operands[0] == x) {
      std::optional<double> exponent = matchConstant(power->operands[1]);
      if (exponent && *exponent == 3.0)
        return true;
    }
  }
  return false;
}

/// value == 1 + erf(x / sqrt 2).
bool isErfTerm(Value value, Value x) {
  double one = 0;
  Value erf = matchAddConstant(value, one);
  Value inner = erf ? matchUnary<math::ErfOp>(erf) : Value();
  if (!inner || !isNear(one, 1.0))
    return false;
  Product argument = flattenProduct(inner);
  return argument.factors.size() == 1 && argument.factors[0] == x &&
         isNear(argument.constant, std::sqrt(0.5));
}

std::optional<Activation> match(Value value) {
  if (!matchElementwise<arith::MulFOp>(value) && !matchElementwise<arith::DivFOp>(value))
    return std::nullopt;
  Product product = flattenProduct(value);
  if (product.factors.size() != 2)
    return std::nullopt;
  for (unsigned i = 0; i < 2; ++i) {
    Value x = product.factors[i], other = product.factors[1 - i];
    if (isNear(product.constant, 0.5)) {
      if (isErfTerm(other, x))
        return Activation{nn::ActivationKind::GeluErf, x};
      if (isTanhTerm(other, x))
        return Activation{nn::ActivationKind::GeluTanh, x};
    }
    auto sigmoid = other.getDefiningOp<nn::ActivationOp>();
    if (!sigmoid || sigmoid.getKind() != nn::ActivationKind::Sigmoid || product.constant != 1.0)
      continue;
    if (sigmoid.getInput() == x)
      return Activation{nn::ActivationKind::Silu, x};
    Product argument = flattenProduct(sigmoid.getInput());
    if (argument.factors.size() == 1 && argument.factors[0] == x &&
        isNear(argument.constant, 1.702))
      return Activation{nn::ActivationKind::QuickGelu, x};
  }
  return std::nullopt;
}

/// 1 / (1 + exp(-x)), should an exporter spell it out.
std::optional<Activation> matchSigmoid(Value value) {
  std::optional<Elementwise> quotient = matchElementwise<arith::DivFOp>(value);
  if (!quotient || !quotient->isAligned(1))
    return std::nullopt;
  std::optional<double> numerator = matchConstant(quotient->operands[0]);
  double one = 0;
  Value exp = matchAddConstant(quotient->operands[1], one);
  Value negated = exp ? matchUnary<math::ExpOp>(exp) : Value();
  Value x = negated ? matchUnary<arith::NegFOp>(negated) : Value();
  if (!x || !numerator || *numerator != 1.0 || one != 1.0)
    return std::nullopt;
  return Activation{nn::ActivationKind::Sigmoid, x};
}

struct FuseActivationsPass : graph::impl::FuseActivationsPassBase<FuseActivationsPass> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    // Sigmoids first: they occur inside of the others.
    for (auto matcher : {matchSigmoid, match}) {
      SmallVector<linalg::LinalgOp> ops;
      getOperation()->walk([&](linalg::LinalgOp op) { ops.push_back(op); });
      for (linalg::LinalgOp op : llvm::reverse(ops)) {
        if (op->getNumResults() != 1 || op->use_empty())
          continue;
        std::optional<Activation> activation = matcher(op->getResult(0));
        if (!activation)
          continue;
        rewriter.setInsertionPoint(op);
        rewriter.replaceOpWithNewOp<nn::ActivationOp>(op, op->getResult(0).getType(),
                                                      activation->kind, activation->input,
                                                      op.getDpsInits()[0]);
        ++fused;
      }
      // Removes what a match has left without readers, so that the next one
      // sees true use counts.
      (void)runRegionDCE(rewriter, getOperation()->getRegions());
    }
  }
};

} // namespace
