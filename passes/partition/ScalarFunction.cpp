// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Evaluates the body of an elementwise operation on one number. Whether it can
// be evaluated does not depend on the number, so matching evaluates it at 0.

#include "passes/partition/ScalarFunction.h"

#include "dialects/nn/NN.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <optional>

using namespace mlir;
using namespace tercet;

/// Numbers of a body; truth values are 0 and 1.
using Numbers = DenseMap<Value, double>;

static double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

static double activate(nn::ActivationKind kind, double x) {
  switch (kind) {
  case nn::ActivationKind::GeluErf:
    return 0.5 * x * (1.0 + std::erf(x * 0.70710678118654752440));
  case nn::ActivationKind::GeluTanh:
    return 0.5 * x * (1.0 + std::tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
  case nn::ActivationKind::QuickGelu:
    return x * sigmoid(1.702 * x);
  case nn::ActivationKind::Silu:
    return x * sigmoid(x);
  case nn::ActivationKind::Sigmoid:
    return sigmoid(x);
  }
  llvm_unreachable("all activations are listed");
}

static std::optional<double> compare(arith::CmpFPredicate predicate, double a, double b) {
  bool unordered = std::isnan(a) || std::isnan(b);
  switch (predicate) {
  case arith::CmpFPredicate::OEQ:
    return a == b;
  case arith::CmpFPredicate::OGT:
    return a > b;
  case arith::CmpFPredicate::OGE:
    return a >= b;
  case arith::CmpFPredicate::OLT:
    return a < b;
  case arith::CmpFPredicate::OLE:
    return a <= b;
  case arith::CmpFPredicate::ONE:
    return !unordered && a != b;
  case arith::CmpFPredicate::UEQ:
    return unordered || a == b;
  case arith::CmpFPredicate::UGT:
    return unordered || a > b;
  case arith::CmpFPredicate::UGE:
    return unordered || a >= b;
  case arith::CmpFPredicate::ULT:
    return unordered || a < b;
  case arith::CmpFPredicate::ULE:
    return unordered || a <= b;
  case arith::CmpFPredicate::UNE:
    return a != b;
  default:
    return std::nullopt;
  }
}

/// NaN if one of the two is; the others prefer the number.
static double greatest(double a, double b) {
  return std::isnan(a) || std::isnan(b) ? std::nan("") : std::max(a, b);
}
static double least(double a, double b) {
  return std::isnan(a) || std::isnan(b) ? std::nan("") : std::min(a, b);
}

/// The value of one operation of the body; nothing if it is not known.
static std::optional<double> evaluate(Operation *op, ArrayRef<double> x) {
  return llvm::TypeSwitch<Operation *, std::optional<double>>(op)
      .Case([&](arith::AddFOp) { return x[0] + x[1]; })
      .Case([&](arith::SubFOp) { return x[0] - x[1]; })
      .Case([&](arith::MulFOp) { return x[0] * x[1]; })
      .Case([&](arith::DivFOp) { return x[0] / x[1]; })
      .Case([&](arith::NegFOp) { return -x[0]; })
      .Case([&](arith::MaximumFOp) { return greatest(x[0], x[1]); })
      .Case([&](arith::MinimumFOp) { return least(x[0], x[1]); })
      .Case([&](arith::MaxNumFOp) { return std::fmax(x[0], x[1]); })
      .Case([&](arith::MinNumFOp) { return std::fmin(x[0], x[1]); })
      .Case([&](arith::CmpFOp cmp) { return compare(cmp.getPredicate(), x[0], x[1]); })
      .Case([&](arith::SelectOp) { return x[0] != 0.0 ? x[1] : x[2]; })
      .Case([&](math::AbsFOp) { return std::fabs(x[0]); })
      .Case([&](math::ExpOp) { return std::exp(x[0]); })
      .Case([&](math::Exp2Op) { return std::exp2(x[0]); })
      .Case([&](math::ExpM1Op) { return std::expm1(x[0]); })
      .Case([&](math::LogOp) { return std::log(x[0]); })
      .Case([&](math::Log2Op) { return std::log2(x[0]); })
      .Case([&](math::Log1pOp) { return std::log1p(x[0]); })
      .Case([&](math::SqrtOp) { return std::sqrt(x[0]); })
      .Case([&](math::RsqrtOp) { return 1.0 / std::sqrt(x[0]); })
      .Case([&](math::TanhOp) { return std::tanh(x[0]); })
      .Case([&](math::ErfOp) { return std::erf(x[0]); })
      .Case([&](math::SinOp) { return std::sin(x[0]); })
      .Case([&](math::CosOp) { return std::cos(x[0]); })
      .Case([&](math::FloorOp) { return std::floor(x[0]); })
      .Case([&](math::CeilOp) { return std::ceil(x[0]); })
      .Case([&](math::PowFOp) { return std::pow(x[0], x[1]); })
      .Case([&](math::FmaOp) { return x[0] * x[1] + x[2]; })
      .Default([](Operation *) { return std::nullopt; });
}

/// f(x) for the body of a linalg operation whose argument `input` is x.
static std::optional<double> evaluateBody(linalg::LinalgOp op, unsigned input, double x) {
  Block *body = op.getBlock();
  Numbers numbers;
  numbers[body->getArgument(input)] = x;
  auto numberOf = [&](Value value) -> std::optional<double> {
    if (auto found = numbers.find(value); found != numbers.end())
      return found->second;
    FloatAttr constant;
    if (matchPattern(value, m_Constant(&constant)))
      return constant.getValueAsDouble();
    return std::nullopt;
  };
  // Scalars among the operands.
  for (auto [index, operand] : llvm::enumerate(op->getOperands()))
    if (!isa<ShapedType>(operand.getType()))
      if (std::optional<double> number = numberOf(operand))
        numbers[body->getArgument(index)] = *number;
  for (Operation &inner : body->without_terminator()) {
    if (inner.hasTrait<OpTrait::ConstantLike>())
      continue;
    SmallVector<double> operands;
    for (Value operand : inner.getOperands()) {
      std::optional<double> number = numberOf(operand);
      if (!number)
        return std::nullopt;
      operands.push_back(*number);
    }
    std::optional<double> result = evaluate(&inner, operands);
    if (!result)
      return std::nullopt;
    numbers[inner.getResult(0)] = *result;
  }
  return numberOf(body->getTerminator()->getOperand(0));
}

/// The only tensor that a linalg operation reads, if it is read at the index of
/// the result.
static std::optional<unsigned> findInput(linalg::LinalgOp op) {
  if (op->getNumResults() != 1 || op.getNumParallelLoops() != op.getNumLoops() ||
      !op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity())
    return std::nullopt;
  std::optional<unsigned> input;
  for (OpOperand *operand : op.getDpsInputOperands()) {
    if (!isa<ShapedType>(operand->get().getType()))
      continue;
    if (input || !op.getMatchingIndexingMap(operand).isIdentity())
      return std::nullopt;
    input = operand->getOperandNumber();
  }
  return input;
}

Value partition::matchScalarFunction(Operation *op) {
  if (auto activation = dyn_cast<nn::ActivationOp>(op))
    return activation.getInput();
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  std::optional<unsigned> input = linalgOp ? findInput(linalgOp) : std::nullopt;
  if (!input || !evaluateBody(linalgOp, *input, 0.0))
    return {};
  return op->getOperand(*input);
}

double partition::evaluateScalarFunction(Operation *op, double x) {
  if (auto activation = dyn_cast<nn::ActivationOp>(op))
    return activate(activation.getKind(), x);
  auto linalgOp = cast<linalg::LinalgOp>(op);
  return *evaluateBody(linalgOp, *findInput(linalgOp), x);
}
