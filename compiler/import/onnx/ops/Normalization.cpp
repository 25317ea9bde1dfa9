// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Softmax and the normalisations.

#include "compiler/import/onnx/OperatorTable.h"

#include "dialects/nn/NN.h"

using namespace mlir;
using namespace tercet::onnx;

namespace {

using Binary = Value (*)(OpBuilder &, Location, Value, Value);

Value addOf(OpBuilder &n, Location at, Value a, Value c) {
  return arith::AddFOp::create(n, at, a, c);
}
Value subOf(OpBuilder &n, Location at, Value a, Value c) {
  return arith::SubFOp::create(n, at, a, c);
}
Value mulOf(OpBuilder &n, Location at, Value a, Value c) {
  return arith::MulFOp::create(n, at, a, c);
}
Value divOf(OpBuilder &n, Location at, Value a, Value c) {
  return arith::DivFOp::create(n, at, a, c);
}

Operand combine(NodeImporter &node, Operand &a, Operand &c, Binary body) {
  return node.elementwise({&a, &c}, a.element, [&](OpBuilder &n, Location at, ValueRange x) {
    return body(n, at, x[0], x[1]);
  });
}

Operand reduceSum(NodeImporter &node, Operand &input, ArrayRef<int64_t> axes) {
  return node.reduce(
      input, axes, /*keepDims=*/true, Scalar{0},
      [](OpBuilder &n, Location at, ValueRange x) { return addOf(n, at, x[0], x[1]); });
}

/// Softmax or its logarithm over one axis. The logarithm is x - max - log(sum),
/// since the quotient itself may have vanished.
Operand softmax(NodeImporter &node, Operand &input, int64_t axis, bool isLog) {
  if (!isLog) {
    Value source = node.materialize(input), init = node.empty(input.element, input.shape);
    return node.ofValue(
        linalg::SoftmaxOp::create(node.b, node.loc, init.getType(), source, init, axis)
            ->getResult(0),
        input.element);
  }
  Scalar lowest{0};
  lowest.d = -std::numeric_limits<double>::infinity();
  Operand top = node.reduce(input, axis, /*keepDims=*/true, lowest,
                            [](OpBuilder &n, Location at, ValueRange x) -> Value {
                              return arith::MaximumFOp::create(n, at, x[0], x[1]);
                            });
  Operand below = combine(node, input, top, subOf);
  Operand power = node.elementwise({&below}, input.element,
                                   [](OpBuilder &n, Location at, ValueRange x) -> Value {
                                     return math::ExpOp::create(n, at, x[0]);
                                   });
  Operand sum = reduceSum(node, power, axis);
  return node.elementwise({&below, &sum}, input.element,
                          [](OpBuilder &n, Location at, ValueRange x) -> Value {
                            return subOf(n, at, x[0], math::LogOp::create(n, at, x[1]));
                          });
}

template <bool isLog> LogicalResult importSoftmax(NodeImporter &node) {
  Operand &input = node.in(0);
  std::optional<int64_t> axis =
      node.normalizeAxis(node.getInt("axis", node.opset < 13 ? 1 : -1), input.rank());
  if (!axis || !node.expectFloat(0))
    return failure();
  if (node.opset >= 13 || *axis == input.rank() - 1)
    return node.set(softmax(node, input, *axis, isLog));
  // Before opset 13 all dimensions from the axis on are one.
  auto shape = ArrayRef<int64_t>(input.shape);
  Operand flat = node.reshape(input, {ShapedType::getNumElements(shape.take_front(*axis)),
                                      ShapedType::getNumElements(shape.drop_front(*axis))});
  Operand result = softmax(node, flat, 1, isLog);
  return node.set(node.reshape(result, input.shape));
}

/// The dimensions from `axis` on as one, with scale and bias to match.
struct NormalizedInput {
  Operand input;
  std::optional<Operand> scale, bias;
};
std::optional<NormalizedInput> flattenForNorm(NodeImporter &node, int64_t axis) {
  Operand &input = node.in(0);
  auto shape = ArrayRef<int64_t>(input.shape);
  int64_t inner = ShapedType::getNumElements(shape.drop_front(axis));
  SmallVector<int64_t> flat(shape.take_front(axis));
  flat.push_back(inner);
  NormalizedInput result{node.reshape(input, flat), {}, {}};
  for (unsigned i : {1u, 2u}) {
    if (!node.has(i))
      continue;
    if (!node.expectSameType({0, i}))
      return std::nullopt;
    Operand &side = node.in(i);
    auto wide = broadcastShapes({shape.drop_front(axis), ArrayRef<int64_t>(side.shape)});
    if (!wide || ArrayRef<int64_t>(*wide) != shape.drop_front(axis)) {
      (void)node.fail("expected input " + Twine(i) + " of shape " +
                      describe(shape.drop_front(axis)) + ", got " + describe(side));
      return std::nullopt;
    }
    Operand full = node.broadcast(side, shape.drop_front(axis));
    (i == 1 ? result.scale : result.bias) = node.reshape(full, inner);
  }
  return result;
}

LogicalResult importLayerNorm(NodeImporter &node) {
  double epsilon = node.getFloat("epsilon", 1e-5f);
  int64_t stash = node.getInt("stash_type", 1);
  std::optional<int64_t> axis = node.normalizeAxis(node.getInt("axis", -1), node.in(0).rank());
  if (!axis || !node.expectFloat(0))
    return failure();
  if (node.in(0).element != DataType::Float)
    return node.fail("expected float, got " + describe(node.in(0)));
  if (stash != 1)
    return node.fail("expected attribute 'stash_type' to be 1 (float), got " + Twine(stash));
  if (node.usesOutput(1) || node.usesOutput(2))
    return node.fail("the outputs for the mean and the deviation are not supported");
  std::optional<NormalizedInput> parts = flattenForNorm(node, *axis);
  if (!parts)
    return failure();
  Value x = node.materialize(parts->input), scale = node.materialize(*parts->scale);
  Value bias = parts->bias ? node.materialize(*parts->bias) : Value();
  Value init = node.empty(parts->input.element, parts->input.shape);
  Operand result =
      node.ofValue(tercet::nn::LayerNormOp::create(node.b, node.loc, init.getType(), x, scale, bias,
                                                   init, node.b.getF64FloatAttr(epsilon)),
                   node.in(0).element);
  return node.set(node.reshape(result, node.in(0).shape));
}

LogicalResult importRmsNorm(NodeImporter &node) {
  double epsilon = node.getFloat("epsilon", 1e-5f);
  int64_t stash = node.getInt("stash_type", 1);
  std::optional<int64_t> axis = node.normalizeAxis(node.getInt("axis", -1), node.in(0).rank());
  if (!axis || !node.expectFloat(0))
    return failure();
  if (node.in(0).element != DataType::Float || stash != 1)
    return node.fail("expected float and stash_type 1, got " + describe(node.in(0)));
  if (node.usesOutput(1))
    return node.fail("the output for the inverse deviation is not supported");
  std::optional<NormalizedInput> parts = flattenForNorm(node, *axis);
  if (!parts)
    return failure();
  Value x = node.materialize(parts->input), scale = node.materialize(*parts->scale);
  Value init = node.empty(parts->input.element, parts->input.shape);
  Operand result =
      node.ofValue(tercet::nn::RmsNormOp::create(node.b, node.loc, init.getType(), x, scale, init,
                                                 node.b.getF64FloatAttr(epsilon)),
                   node.in(0).element);
  return node.set(node.reshape(result, node.in(0).shape));
}

/// Of the sum of two inputs (and a bias): SkipLayerNormalization, which has
/// beta as well, and with `isRms` SkipSimplifiedLayerNormalization.
template <bool isRms> LogicalResult importSkipNorm(NodeImporter &node) {
  constexpr unsigned kBias = isRms ? 3 : 4;
  double epsilon = node.getFloat("epsilon", 1e-5f);
  Operand &input = node.in(0), &gamma = node.in(2);
  if (input.element != DataType::Float || (input.rank() != 2 && input.rank() != 3))
    return node.fail("expected float in [B, S, size] or [rows, size], got " + describe(input));
  if (node.usesOutput(1) || node.usesOutput(2))
    return node.fail("the outputs for the mean and the deviation are not supported");
  auto shape = ArrayRef<int64_t>(input.shape);
  Operand &skip = node.in(1);
  // The skip may be the same for every batch.
  auto wide = broadcastShapes({shape, ArrayRef<int64_t>(skip.shape)});
  if (skip.element != input.element || !wide || ArrayRef<int64_t>(*wide) != shape ||
      skip.rank() < 2 || skip.shape.back() != shape.back())
    return node.fail("expected input 1 (skip) of shape " + describe(shape) + ", got " +
                     describe(skip));
  for (unsigned i = 2; i < (isRms ? 4 : 5); ++i)
    if (node.has(i) && (node.in(i).element != input.element ||
                        ArrayRef<int64_t>(node.in(i).shape) != shape.take_back(1)))
      return node.fail("expected input " + Twine(i) + " of shape [" + Twine(shape.back()) +
                       "], got " + describe(node.in(i)));
  Operand sum = combine(node, input, skip, addOf);
  if (node.has(kBias))
    sum = combine(node, sum, node.in(kBias), addOf);
  Value x = node.materialize(sum), scale = node.materialize(gamma);
  Value init = node.empty(sum.element, sum.shape), result;
  FloatAttr least = node.b.getF64FloatAttr(epsilon);
  if (isRms) {
    result = tercet::nn::RmsNormOp::create(node.b, node.loc, init.getType(), x, scale, init, least);
  } else {
    Value bias = node.has(3) ? node.materialize(node.in(3)) : Value();
    result = tercet::nn::LayerNormOp::create(node.b, node.loc, init.getType(), x, scale, bias, init,
                                             least);
  }
  if (node.usesOutput(3))
    (void)node.set(sum, 3);
  return node.set(node.ofValue(result, sum.element));
}

/// One number a channel, as [C, 1, 1, ..] to broadcast along dimension 1.
std::optional<Operand> perChannel(NodeImporter &node, unsigned i, int64_t rank) {
  Operand &side = node.in(i);
  if (!node.expectSameType({0, i}))
    return std::nullopt;
  if (side.rank() != 1 || side.shape[0] != node.in(0).shape[1]) {
    (void)node.fail("expected input " + Twine(i) + " of shape [" + Twine(node.in(0).shape[1]) +
                    "], got " + describe(side));
    return std::nullopt;
  }
  SmallVector<int64_t> shape(rank - 1, 1);
  shape[0] = side.shape[0];
  return node.reshape(side, shape);
}

/// 1 / sqrt(variance + epsilon)
Operand inverseDeviation(NodeImporter &node, Operand &variance, double epsilon) {
  return node.elementwise(
      {&variance}, variance.element, [&](OpBuilder &n, Location at, ValueRange x) -> Value {
        Type type = x[0].getType();
        Value sum = addOf(n, at, x[0], scalarConstant(n, at, type, epsilon));
        return divOf(n, at, scalarConstant(n, at, type, 1), math::SqrtOp::create(n, at, sum));
      });
}

LogicalResult importBatchNorm(NodeImporter &node) {
  double epsilon = node.getFloat("epsilon", 1e-5f);
  node.getFloat("momentum", 0.9f);
  if (node.opset < 9 && node.getInt("spatial", 1) != 1)
    return node.fail("expected attribute 'spatial' to be 1");
  if (node.opset >= 14 && node.getInt("training_mode", 0))
    return node.fail("BatchNormalization in training mode is not supported");
  for (unsigned i = 1; i < 5; ++i)
    if (node.usesOutput(i))
      return node.fail("BatchNormalization in training mode is not supported");
  Operand &input = node.in(0);
  if (!node.expectFloat(0))
    return failure();
  if (input.rank() < 2)
    return node.fail("expected [N, C, ..], got " + describe(input));
  std::optional<Operand> scale = perChannel(node, 1, input.rank()),
                         bias = perChannel(node, 2, input.rank()),
                         mean = perChannel(node, 3, input.rank()),
                         variance = perChannel(node, 4, input.rank());
  if (node.failed())
    return failure();
  Operand inverse = inverseDeviation(node, *variance, epsilon);
  Operand factor = combine(node, inverse, *scale, mulOf);
  Operand centred = combine(node, input, *mean, subOf);
  Operand scaled = combine(node, centred, factor, mulOf);
  return node.set(combine(node, scaled, *bias, addOf));
}

/// (x - mean) / sqrt(variance + epsilon) over `axes`.
Operand standardize(NodeImporter &node, Operand &input, ArrayRef<int64_t> axes, double epsilon) {
  double size = 1;
  for (int64_t axis : axes)
    size *= input.shape[axis];
  Operand count = node.scalar(input.element, size);
  Operand sum = reduceSum(node, input, axes);
  Operand mean = combine(node, sum, count, divOf);
  Operand centred = combine(node, input, mean, subOf);
  Operand squared = combine(node, centred, centred, mulOf);
  Operand squares = reduceSum(node, squared, axes);
  Operand variance = combine(node, squares, count, divOf);
  Operand inverse = inverseDeviation(node, variance, epsilon);
  return combine(node, centred, inverse, mulOf);
}

LogicalResult importInstanceNorm(NodeImporter &node) {
  double epsilon = node.getFloat("epsilon", 1e-5f);
  Operand &input = node.in(0);
  if (!node.expectFloat(0))
    return failure();
  if (input.rank() < 3 || input.size() == 0)
    return node.fail("expected [N, C, ..] with elements, got " + describe(input));
  std::optional<Operand> scale = perChannel(node, 1, input.rank()),
                         bias = perChannel(node, 2, input.rank());
  if (node.failed())
    return failure();
  Operand standard =
      standardize(node, input, llvm::to_vector(llvm::seq<int64_t>(2, input.rank())), epsilon);
  Operand scaled = combine(node, standard, *scale, mulOf);
  return node.set(combine(node, scaled, *bias, addOf));
}

LogicalResult importGroupNorm(NodeImporter &node) {
  double epsilon = node.getFloat("epsilon", 1e-5f);
  int64_t groups = node.getInt("num_groups", 0);
  Operand &input = node.in(0);
  if (node.opset < 21)
    return node.fail("GroupNormalization of opset 18 to 20 (one scale a group) "
                     "is not supported");
  if (node.getInt("stash_type", 1) != 1 || input.element != DataType::Float)
    return node.fail("expected float and stash_type 1, got " + describe(input));
  if (input.rank() < 2 || groups < 1 || input.shape[1] % groups || input.size() == 0)
    return node.fail("expected channels that " + Twine(groups) + " groups divide, got " +
                     describe(input));
  std::optional<Operand> scale = perChannel(node, 1, input.rank()),
                         bias = perChannel(node, 2, input.rank());
  if (node.failed())
    return failure();
  int64_t outer = input.shape[0];
  Operand grouped = node.reshape(input, {outer, groups, input.size() / outer / groups});
  Operand standard = standardize(node, grouped, {2}, epsilon);
  Operand apart = node.reshape(standard, input.shape);
  Operand scaled = combine(node, apart, *scale, mulOf);
  return node.set(combine(node, scaled, *bias, addOf));
}

LogicalResult importLpNorm(NodeImporter &node) {
  Operand &input = node.in(0);
  int64_t p = node.getInt("p", 2);
  std::optional<int64_t> axis = node.normalizeAxis(node.getInt("axis", -1), input.rank());
  if (!axis || !node.expectFloat(0))
    return failure();
  if (p != 1 && p != 2)
    return node.fail("expected attribute 'p' to be 1 or 2, got " + Twine(p));
  Operand power = node.elementwise(
      {&input}, input.element, [&](OpBuilder &n, Location at, ValueRange x) -> Value {
        return p == 1 ? Value(math::AbsFOp::create(n, at, x[0])) : mulOf(n, at, x[0], x[0]);
      });
  Operand sum = reduceSum(node, power, *axis);
  // A row of zeros stays one, as in onnxruntime.
  return node.set(node.elementwise(
      {&input, &sum}, input.element, [&](OpBuilder &n, Location at, ValueRange x) -> Value {
        Value norm = p == 1 ? x[1] : Value(math::SqrtOp::create(n, at, x[1]));
        Value zero = scalarConstant(n, at, norm.getType(), 0);
        Value isZero = arith::CmpFOp::create(n, at, arith::CmpFPredicate::OEQ, norm, zero);
        return arith::SelectOp::create(n, at, isZero, zero, divOf(n, at, x[0], norm));
      }));
}

const Operator operators[] = {
    {"", "BatchNormalization", 7, 5, 5, importBatchNorm, "inference"},
    {"", "GroupNormalization", 18, 3, 3, importGroupNorm, "from opset 21; float"},
    {"", "InstanceNormalization", 6, 3, 3, importInstanceNorm, ""},
    {"", "LayerNormalization", 17, 2, 3, importLayerNorm, "float; first output only"},
    {"", "LogSoftmax", 1, 1, 1, importSoftmax<true>, ""},
    {"", "LpNormalization", 1, 1, 1, importLpNorm, ""},
    {"", "SimplifiedLayerNormalization", 1, 2, 2, importRmsNorm, "float; first output only"},
    {"", "Softmax", 1, 1, 1, importSoftmax<false>, ""},
    {"com.microsoft", "SimplifiedLayerNormalization", 1, 2, 2, importRmsNorm,
     "float; first output only"},
    {"com.microsoft", "SkipLayerNormalization", 1, 3, 5, importSkipNorm<false>,
     "float; no outputs for the mean and the deviation"},
    {"com.microsoft", "SkipSimplifiedLayerNormalization", 1, 3, 4, importSkipNorm<true>,
     "float; no outputs for the mean and the deviation"},
};

} // namespace

llvm::ArrayRef<Operator> tercet::onnx::normalizationOperators() { return operators; }
