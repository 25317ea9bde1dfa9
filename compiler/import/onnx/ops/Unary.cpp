// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators with one tensor that compute every element by itself: functions,
// activations, rounding, casts.

#include "compiler/import/onnx/OperatorTable.h"

#include "dialects/nn/NN.h"

using namespace mlir;
using namespace tercet::onnx;
using tercet::nn::ActivationKind;

namespace {

Value number(OpBuilder &n, Location at, Value like, double value) {
  return scalarConstant(n, at, like.getType(), value);
}

/// x where `x > 0` (or >= with OGE), else another value.
Value selectWhere(OpBuilder &n, Location at, arith::CmpFPredicate predicate, Value x, double bound,
                  Value yes, Value no) {
  Value test = arith::CmpFOp::create(n, at, predicate, x, number(n, at, x, bound));
  return arith::SelectOp::create(n, at, test, yes, no);
}

LogicalResult unary(NodeImporter &node, ScalarBody body) {
  if (!node.expectFloat(0))
    return failure();
  return node.set(node.elementwise({&node.in(0)}, node.in(0).element, body));
}

template <typename OpTy> LogicalResult importMath(NodeImporter &node) {
  return unary(node, [](OpBuilder &n, Location at, ValueRange x) -> Value {
    return OpTy::create(n, at, x[0]);
  });
}

/// A float operation, and one for signed integers; unsigned integers pass.
template <typename FloatOp, typename Body>
LogicalResult floatOrInteger(NodeImporter &node, Body integerBody) {
  Operand &input = node.in(0);
  if (!node.expectNumber(0))
    return failure();
  if (isUnsigned(input.element))
    return node.fail("expected a signed type, got " + nameOf(input.element));
  bool isFloating = isFloat(input.element);
  return node.set(node.elementwise(
      {&input}, input.element, [&](OpBuilder &n, Location at, ValueRange x) -> Value {
        return isFloating ? Value(FloatOp::create(n, at, x[0])) : integerBody(n, at, x[0]);
      }));
}

LogicalResult importNeg(NodeImporter &node) {
  return floatOrInteger<arith::NegFOp>(node, [](OpBuilder &n, Location at, Value x) -> Value {
    return arith::SubIOp::create(n, at, number(n, at, x, 0), x);
  });
}

LogicalResult importAbs(NodeImporter &node) {
  if (isUnsigned(node.in(0).element) && !isBool(node.in(0).element))
    return node.set(node.in(0));
  return floatOrInteger<math::AbsFOp>(node, [](OpBuilder &n, Location at, Value x) -> Value {
    return math::AbsIOp::create(n, at, x);
  });
}

LogicalResult importSign(NodeImporter &node) {
  return unary(node, [](OpBuilder &n, Location at, ValueRange x) -> Value {
    Value negative =
        selectWhere(n, at, arith::CmpFPredicate::OLT, x[0], 0, number(n, at, x[0], -1), x[0]);
    return selectWhere(n, at, arith::CmpFPredicate::OGT, x[0], 0, number(n, at, x[0], 1), negative);
  });
}

LogicalResult importReciprocal(NodeImporter &node) {
  return unary(node, [](OpBuilder &n, Location at, ValueRange x) -> Value {
    return arith::DivFOp::create(n, at, number(n, at, x[0], 1), x[0]);
  });
}

LogicalResult importRelu(NodeImporter &node) {
  return floatOrInteger<math::AbsFOp>(node, [](OpBuilder &n, Location at, Value x) -> Value {
    return arith::MaxSIOp::create(n, at, x, number(n, at, x, 0));
  });
}

LogicalResult importReluFloat(NodeImporter &node) {
  if (!isFloat(node.in(0).element))
    return importRelu(node);
  return unary(node, [](OpBuilder &n, Location at, ValueRange x) -> Value {
    return arith::MaximumFOp::create(n, at, x[0], number(n, at, x[0], 0));
  });
}

LogicalResult importLeakyRelu(NodeImporter &node) {
  double alpha = node.getFloat("alpha", 0.01f);
  return unary(node, [&](OpBuilder &n, Location at, ValueRange x) -> Value {
    Value scaled = arith::MulFOp::create(n, at, x[0], number(n, at, x[0], alpha));
    return selectWhere(n, at, arith::CmpFPredicate::OGE, x[0], 0, x[0], scaled);
  });
}

/// positive * (x > 0 ? x : alpha * (exp(x / width) - 1))
LogicalResult exponentialUnit(NodeImporter &node, double alpha, double positive, double width) {
  return unary(node, [&](OpBuilder &n, Location at, ValueRange x) -> Value {
    Value argument = x[0];
    if (width != 1)
      argument = arith::DivFOp::create(n, at, argument, number(n, at, x[0], width));
    Value low = math::ExpOp::create(n, at, argument);
    low = arith::SubFOp::create(n, at, low, number(n, at, x[0], 1));
    low = arith::MulFOp::create(n, at, low, number(n, at, x[0], alpha));
    Value y = selectWhere(n, at, arith::CmpFPredicate::OGT, x[0], 0, x[0], low);
    if (positive != 1)
      y = arith::MulFOp::create(n, at, y, number(n, at, x[0], positive));
    return y;
  });
}

LogicalResult importElu(NodeImporter &node) {
  return exponentialUnit(node, node.getFloat("alpha", 1), 1, 1);
}

LogicalResult importSelu(NodeImporter &node) {
  double alpha = node.getFloat("alpha", 1.67326319217681884765625f);
  return exponentialUnit(node, alpha, node.getFloat("gamma", 1.05070102214813232421875f), 1);
}

LogicalResult importCelu(NodeImporter &node) {
  double alpha = node.getFloat("alpha", 1);
  if (alpha == 0)
    return node.fail("expected an alpha other than 0");
  return exponentialUnit(node, alpha, 1, alpha);
}

/// max(0, min(1, alpha * x + beta))
Value hardSigmoid(OpBuilder &n, Location at, Value x, double alpha, double beta) {
  Value y = arith::MulFOp::create(n, at, x, number(n, at, x, alpha));
  y = arith::AddFOp::create(n, at, y, number(n, at, x, beta));
  y = arith::MinimumFOp::create(n, at, y, number(n, at, x, 1));
  return arith::MaximumFOp::create(n, at, y, number(n, at, x, 0));
}

LogicalResult importHardSigmoid(NodeImporter &node) {
  double alpha = node.getFloat("alpha", 0.2f), beta = node.getFloat("beta", 0.5);
  return unary(node, [&](OpBuilder &n, Location at, ValueRange x) {
    return hardSigmoid(n, at, x[0], alpha, beta);
  });
}

LogicalResult importHardSwish(NodeImporter &node) {
  return unary(node, [&](OpBuilder &n, Location at, ValueRange x) -> Value {
    return arith::MulFOp::create(n, at, x[0], hardSigmoid(n, at, x[0], 1.0f / 6.0f, 0.5));
  });
}

/// log(1 + exp(x)), from the side on which the exponential is small.
Value softplus(OpBuilder &n, Location at, Value x) {
  Value magnitude = math::AbsFOp::create(n, at, x);
  Value small = math::ExpOp::create(n, at, arith::NegFOp::create(n, at, magnitude));
  Value tail = math::Log1pOp::create(n, at, small);
  return arith::AddFOp::create(n, at, arith::MaximumFOp::create(n, at, x, number(n, at, x, 0)),
                               tail);
}

LogicalResult importSoftplus(NodeImporter &node) {
  return unary(node, [](OpBuilder &n, Location at, ValueRange x) { return softplus(n, at, x[0]); });
}

LogicalResult importMish(NodeImporter &node) {
  return unary(node, [](OpBuilder &n, Location at, ValueRange x) -> Value {
    return arith::MulFOp::create(n, at, x[0], math::TanhOp::create(n, at, softplus(n, at, x[0])));
  });
}

LogicalResult importSoftsign(NodeImporter &node) {
  return unary(node, [](OpBuilder &n, Location at, ValueRange x) -> Value {
    Value below =
        arith::AddFOp::create(n, at, math::AbsFOp::create(n, at, x[0]), number(n, at, x[0], 1));
    return arith::DivFOp::create(n, at, x[0], below);
  });
}

LogicalResult importThresholdedRelu(NodeImporter &node) {
  double alpha = node.getFloat("alpha", 1);
  return unary(node, [&](OpBuilder &n, Location at, ValueRange x) -> Value {
    return selectWhere(n, at, arith::CmpFPredicate::OGT, x[0], alpha, x[0], number(n, at, x[0], 0));
  });
}

LogicalResult importIsNaN(NodeImporter &node) {
  if (!node.expectFloat(0))
    return failure();
  return node.set(node.elementwise(
      {&node.in(0)}, DataType::Bool, [](OpBuilder &n, Location at, ValueRange x) -> Value {
        return arith::CmpFOp::create(n, at, arith::CmpFPredicate::UNO, x[0], x[0]);
      }));
}

LogicalResult importIsInf(NodeImporter &node) {
  bool negative = node.getInt("detect_negative", 1), positive = node.getInt("detect_positive", 1);
  if (!node.expectFloat(0))
    return failure();
  return node.set(node.elementwise(
      {&node.in(0)}, DataType::Bool, [&](OpBuilder &n, Location at, ValueRange x) -> Value {
        double infinity = std::numeric_limits<double>::infinity();
        auto equals = [&](double value, bool wanted) -> Value {
          if (!wanted)
            return scalarConstant(n, at, n.getI1Type(), 0);
          return arith::CmpFOp::create(n, at, arith::CmpFPredicate::OEQ, x[0],
                                       number(n, at, x[0], value));
        };
        return arith::OrIOp::create(n, at, equals(infinity, positive), equals(-infinity, negative));
      }));
}

LogicalResult importNot(NodeImporter &node) {
  if (!isBool(node.in(0).element))
    return node.fail("expected bool, got " + describe(node.in(0)));
  return node.set(node.elementwise(
      {&node.in(0)}, DataType::Bool, [](OpBuilder &n, Location at, ValueRange x) -> Value {
        return arith::XOrIOp::create(n, at, x[0], scalarConstant(n, at, n.getI1Type(), 1));
      }));
}

LogicalResult activation(NodeImporter &node, Operand &input, ActivationKind kind) {
  Value init = node.empty(input.element, input.shape);
  Value value = node.materialize(input);
  return node.set(node.ofValue(
      tercet::nn::ActivationOp::create(node.b, node.loc, init.getType(), kind, value, init),
      input.element));
}

template <ActivationKind kind> LogicalResult importActivation(NodeImporter &node) {
  return node.expectFloat(0) ? activation(node, node.in(0), kind) : failure();
}

LogicalResult importGelu(NodeImporter &node) {
  std::string approximate = node.getString("approximate", "none");
  if (approximate != "none" && approximate != "tanh")
    return node.fail("expected attribute 'approximate' to be none or tanh, got '" + approximate +
                     "'");
  if (!node.expectFloat(0))
    return failure();
  return activation(node, node.in(0),
                    approximate == "tanh" ? ActivationKind::GeluTanh : ActivationKind::GeluErf);
}

LogicalResult importQuickGelu(NodeImporter &node) {
  double alpha = node.getFloat("alpha", 1.702f);
  if (static_cast<float>(alpha) != 1.702f)
    return node.fail("expected attribute 'alpha' to be 1.702, got " + std::to_string(alpha));
  return node.expectFloat(0) ? activation(node, node.in(0), ActivationKind::QuickGelu) : failure();
}

/// Gelu of the sum with an optional bias.
template <ActivationKind kind> LogicalResult importBiasGelu(NodeImporter &node) {
  if (!node.expectFloat(0))
    return failure();
  if (!node.has(1))
    return activation(node, node.in(0), kind);
  if (!node.expectSameType({0, 1}))
    return failure();
  if (node.in(1).rank() != 1 || node.in(0).rank() < 1 ||
      node.in(1).shape[0] != node.in(0).shape.back())
    return node.fail("expected a bias for the last dimension of " + describe(node.in(0)) +
                     ", got " + describe(node.in(1)));
  Operand sum = node.elementwise({&node.in(0), &node.in(1)}, node.in(0).element,
                                 [](OpBuilder &n, Location at, ValueRange x) -> Value {
                                   return arith::AddFOp::create(n, at, x[0], x[1]);
                                 });
  return activation(node, sum, kind);
}

LogicalResult importIdentity(NodeImporter &node) { return node.set(node.in(0)); }

LogicalResult importDropout(NodeImporter &node) {
  node.getFloat("ratio", 0.5);
  node.findInt("seed");
  if (node.usesOutput(1))
    return node.fail("the mask output of Dropout is not supported");
  if (node.has(2)) {
    std::optional<Scalar> training = node.knownScalar(2, "training_mode");
    if (!training)
      return failure();
    if (training->i)
      return node.fail("Dropout in training mode is not supported");
  }
  return node.set(node.in(0));
}

LogicalResult importCast(NodeImporter &node) {
  std::optional<int64_t> to = node.findInt("to");
  node.findInt("saturate"); // concerns 8-bit floats only
  if (!to)
    return node.fail("expected an attribute 'to'");
  auto type = static_cast<DataType>(*to);
  if (*to != static_cast<int32_t>(*to) || !isSupported(type))
    return node.fail("a cast to " + nameOf(type) + " is not supported");
  return node.set(node.convert(node.in(0), type));
}

LogicalResult importCastLike(NodeImporter &node) {
  node.findInt("saturate");
  return node.set(node.convert(node.in(0), node.in(1).element));
}

const Operator operators[] = {
    {"", "Abs", 1, 1, 1, importAbs, ""},
    {"", "Cast", 1, 1, 1, importCast,
     "between float, float16, bfloat16, double, integers, bool; float to "
     "integer saturates, NaN becomes 0"},
    {"", "CastLike", 15, 2, 2, importCastLike, "as Cast"},
    {"", "Ceil", 1, 1, 1, importMath<math::CeilOp>, ""},
    {"", "Celu", 12, 1, 1, importCelu, ""},
    {"", "Cos", 7, 1, 1, importMath<math::CosOp>, ""},
    {"", "Dropout", 1, 1, 3, importDropout, "inference only; no mask output"},
    {"", "Elu", 1, 1, 1, importElu, ""},
    {"", "Erf", 9, 1, 1, importMath<math::ErfOp>, "floating point"},
    {"", "Exp", 1, 1, 1, importMath<math::ExpOp>, ""},
    {"", "Floor", 1, 1, 1, importMath<math::FloorOp>, ""},
    {"", "Gelu", 20, 1, 1, importGelu, ""},
    {"", "HardSigmoid", 1, 1, 1, importHardSigmoid, ""},
    {"", "HardSwish", 14, 1, 1, importHardSwish, ""},
    {"", "Identity", 1, 1, 1, importIdentity, "tensors"},
    {"", "IsInf", 10, 1, 1, importIsInf, ""},
    {"", "IsNaN", 9, 1, 1, importIsNaN, ""},
    {"", "LeakyRelu", 1, 1, 1, importLeakyRelu, ""},
    {"", "Log", 1, 1, 1, importMath<math::LogOp>, ""},
    {"", "Mish", 18, 1, 1, importMish, ""},
    {"", "Neg", 1, 1, 1, importNeg, ""},
    {"", "Not", 1, 1, 1, importNot, ""},
    {"", "Reciprocal", 1, 1, 1, importReciprocal, ""},
    {"", "Relu", 1, 1, 1, importReluFloat, ""},
    {"", "Round", 11, 1, 1, importMath<math::RoundEvenOp>, ""},
    {"", "Selu", 1, 1, 1, importSelu, ""},
    {"", "Sigmoid", 1, 1, 1, importActivation<ActivationKind::Sigmoid>, ""},
    {"", "Sign", 9, 1, 1, importSign, "floating point"},
    {"", "Sin", 7, 1, 1, importMath<math::SinOp>, ""},
    {"", "Softplus", 1, 1, 1, importSoftplus, ""},
    {"", "Softsign", 1, 1, 1, importSoftsign, ""},
    {"", "Sqrt", 1, 1, 1, importMath<math::SqrtOp>, ""},
    {"", "Tanh", 1, 1, 1, importMath<math::TanhOp>, ""},
    {"", "ThresholdedRelu", 10, 1, 1, importThresholdedRelu, ""},
    {"com.microsoft", "BiasGelu", 1, 2, 2, importBiasGelu<ActivationKind::GeluErf>, ""},
    {"com.microsoft", "FastGelu", 1, 1, 2, importBiasGelu<ActivationKind::GeluTanh>, ""},
    {"com.microsoft", "Gelu", 1, 1, 1, importActivation<ActivationKind::GeluErf>, ""},
    {"com.microsoft", "QuickGelu", 1, 1, 1, importQuickGelu, "alpha 1.702; 1 would be Silu"},
};

} // namespace

llvm::ArrayRef<Operator> tercet::onnx::unaryOperators() { return operators; }
