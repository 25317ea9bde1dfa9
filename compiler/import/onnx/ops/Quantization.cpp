// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models that were quantised before: integers with a scale. Values become
// nn.quantize and nn.dequantize, whose storage is signed; unsigned bytes are
// shifted by 128 around them, and the shifts of a pair cancel. Weights become
// floats by their recipe, where the bytes stay what is read.

#include "compiler/import/onnx/OperatorTable.h"

#include "dialects/nn/NN.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::onnx;

namespace {

/// One scale and one zero for a whole tensor of integers.
struct Values {
  DataType element;
  double scale;
  int64_t zero;

  bool isUnsignedByte() const { return element == DataType::Uint8; }
  /// With storage that is signed.
  quant::UniformQuantizedType getType(MLIRContext *context) const {
    unsigned bits = bitsOf(element);
    int64_t half = int64_t(1) << (bits - 1);
    return quant::UniformQuantizedType::get(
        quant::QuantizationFlags::Signed, IntegerType::get(context, bits),
        Float32Type::get(context), scale, isUnsignedByte() ? zero - 128 : zero, -half, half - 1);
  }
};

/// From inputs `at` (the scale) and `at` + 1 (the zero, whose type is `element`).
std::optional<Values> readValues(NodeImporter &node, unsigned at, DataType element) {
  if (node.in(at).size() != 1) {
    (void)node.fail("expected one scale for the whole tensor, got " + describe(node.in(at)) +
                    "; quantise activations per tensor");
    return std::nullopt;
  }
  std::optional<Scalar> scale = node.knownScalar(at, "scale");
  if (!scale)
    return std::nullopt;
  Values values{element, scale->d, 0};
  if (node.has(at + 1)) {
    std::optional<Scalar> zero = node.knownScalar(at + 1, "zero point");
    if (!zero)
      return std::nullopt;
    values.zero = zero->i;
  }
  if (!(values.scale >= std::numeric_limits<float>::min()) || !std::isfinite(values.scale)) {
    (void)node.fail("expected a positive scale, got " + std::to_string(values.scale));
    return std::nullopt;
  }
  if (!llvm::is_contained({DataType::Int8, DataType::Uint8, DataType::Int16}, element) ||
      (element == DataType::Int16 && values.zero != 0)) {
    (void)node.fail("expected int8, uint8, or int16 with a zero point of 0, got " +
                    nameOf(element) + " with " + Twine(values.zero));
    return std::nullopt;
  }
  return values;
}

/// Unsigned bytes as signed ones of 128 less, and back.
Operand flip(NodeImporter &node, Operand &input) {
  return node.elementwise(
      {&input}, DataType::Uint8, [](OpBuilder &n, Location at, ValueRange x) -> Value {
        return arith::XOrIOp::create(n, at, x[0], scalarConstant(n, at, x[0].getType(), -128));
      });
}

/// The operand of a flip.
Value flipped(Value value) {
  auto generic = value.getDefiningOp<linalg::GenericOp>();
  if (!generic || generic.getNumDpsInputs() != 1 ||
      !generic.getDpsInputs()[0].getDefiningOp<nn::QuantizeOp>())
    return {};
  return llvm::any_of(*generic.getBody(), [](Operation &op) { return isa<arith::XOrIOp>(op); })
             ? generic.getDpsInputs()[0]
             : Value();
}

Operand quantize(NodeImporter &node, Operand &input, const Values &values) {
  Value init = node.empty(values.element, input.shape);
  auto type = TypeAttr::get(values.getType(node.b.getContext()));
  Value stored = nn::QuantizeOp::create(node.b, node.loc, TypeRange{init.getType()}, type,
                                        node.materialize(input), init)
                     ->getResult(0);
  Operand result = node.ofValue(stored, values.element);
  return values.isUnsignedByte() ? flip(node, result) : result;
}

Operand dequantize(NodeImporter &node, Operand &input, const Values &values) {
  Value stored = node.materialize(input);
  if (values.isUnsignedByte()) {
    Operand shifted;
    if (Value before = flipped(stored))
      shifted = node.ofValue(before, values.element);
    else
      shifted = flip(node, input);
    stored = node.materialize(shifted);
  }
  Value init = node.empty(DataType::Float, input.shape);
  auto type = TypeAttr::get(values.getType(node.b.getContext()));
  Value floats =
      nn::DequantizeOp::create(node.b, node.loc, TypeRange{init.getType()}, type, stored, init)
          ->getResult(0);
  return node.ofValue(floats, DataType::Float);
}

/// Integers that the model holds as floats: the scale along an axis, or one.
std::optional<Operand> dequantizeWeight(NodeImporter &node, Operand &weight, Operand &scale,
                                        Operand *zero, std::optional<int64_t> axis) {
  auto refuse = [&](const Twine &reason) {
    (void)node.fail(reason);
    return std::nullopt;
  };
  if (zero && (!zero->constant ||
               llvm::any_of(zero->constant->values, [](Scalar value) { return value.i != 0; })))
    return refuse("expected a weight with a zero point of 0, got another; quantise weights "
                  "symmetrically, as int8");
  bool isSingle = scale.size() == 1;
  if (!isSingle && (scale.rank() != 1 || !axis || scale.shape[0] != weight.shape[*axis]))
    return refuse("expected one scale, or one for each index of the axis, got " + describe(scale) +
                  " for " + describe(weight));
  if (isUnsigned(weight.element) || bitsOf(weight.element) > 32)
    return refuse("expected a weight of int8, int16 or int32, got " + nameOf(weight.element));

  if (!weight.weight || !(scale.constant || scale.weight) || weight.rank() == 0 ||
      (isSingle && !scale.constant)) {
    Operand floats = node.convert(weight, DataType::Float);
    SmallVector<int64_t> shape(weight.rank(), 1);
    if (!isSingle)
      shape[*axis] = scale.shape[0];
    Operand factor = node.reshape(scale, shape);
    return node.elementwise({&floats, &factor}, DataType::Float,
                            [](OpBuilder &n, Location at, ValueRange x) -> Value {
                              return arith::MulFOp::create(n, at, x[0], x[1]);
                            });
  }
  MLIRContext *context = node.b.getContext();
  Operand floats = weight;
  floats.value = {};
  floats.element = DataType::Float;
  floats.weight =
      nn::CastAttr::get(context, weight.weight, node.typeOf(DataType::Float, weight.shape));
  // Factors are those of the first dimension.
  SmallVector<int64_t> there = llvm::to_vector(llvm::seq<int64_t>(0, weight.rank()));
  int64_t along = isSingle ? 0 : *axis;
  std::swap(there[0], there[along]);
  if (along != 0)
    floats = node.transpose(floats, there);
  TypedAttr factors = scale.weight;
  if (scale.constant) {
    SmallVector<float> elements;
    for (int64_t i = 0; i < floats.shape[0]; ++i)
      elements.push_back(float(scale.constant->floatAt(isSingle ? 0 : i)));
    factors = DenseElementsAttr::get(node.typeOf(DataType::Float, {floats.shape[0]}),
                                     ArrayRef<float>(elements));
  }
  floats.weight = nn::ScaleRowsAttr::get(context, floats.weight, factors,
                                         node.typeOf(DataType::Float, floats.shape));
  return along == 0 ? floats : node.transpose(floats, there);
}

LogicalResult importQuantize(NodeImporter &node) {
  int64_t target = node.getInt("output_dtype", 0);
  (void)node.getInt("axis", 1);
  (void)node.getInt("saturate", 1);
  if (node.getInt("block_size", 0) != 0)
    return node.fail("expected one scale for the tensor, got blocks");
  if (node.in(0).element != DataType::Float)
    return node.fail("expected input 0 to be float, got " + nameOf(node.in(0).element));
  DataType element = node.has(2) ? node.in(2).element
                     : target    ? static_cast<DataType>(target)
                                 : DataType::Uint8;
  std::optional<Values> values = readValues(node, 1, element);
  if (!values)
    return failure();
  return node.set(quantize(node, node.in(0), *values));
}

LogicalResult importDequantize(NodeImporter &node) {
  int64_t axis = node.getInt("axis", 1);
  if (node.getInt("block_size", 0) != 0)
    return node.fail("expected scales for a tensor or an axis, got blocks");
  Operand &input = node.in(0);
  if (node.in(1).element != DataType::Float)
    return node.fail("expected a scale of float, got " + nameOf(node.in(1).element));
  if (input.constant || input.weight) {
    std::optional<int64_t> along;
    if (node.in(1).size() != 1 && !(along = node.normalizeAxis(axis, input.rank())))
      return failure();
    std::optional<Operand> floats =
        dequantizeWeight(node, input, node.in(1), node.has(2) ? &node.in(2) : nullptr, along);
    return floats ? node.set(*floats) : failure();
  }
  std::optional<Values> values = readValues(node, 1, input.element);
  if (!values)
    return failure();
  return node.set(dequantize(node, input, *values));
}

/// y = quantise(dequantise(a) x dequantise(b)), summed in floats.
LogicalResult importProduct(NodeImporter &node) {
  std::optional<Values> result = readValues(node, 6, node.in(7).element);
  if (!result)
    return failure();
  SmallVector<Operand, 2> sides;
  for (unsigned at : {0u, 3u}) {
    Operand &side = node.in(at);
    if (side.constant || side.weight) {
      std::optional<Operand> floats = dequantizeWeight(
          node, side, node.in(at + 1), &node.in(at + 2), side.rank() ? side.rank() - 1 : 0);
      if (!floats)
        return failure();
      sides.push_back(*floats);
      continue;
    }
    std::optional<Values> values = readValues(node, at + 1, side.element);
    if (!values)
      return failure();
    sides.push_back(dequantize(node, side, *values));
  }
  Operand &a = sides[0], &b = sides[1];
  if (a.rank() != 2 || b.rank() != 2 || a.shape[1] != b.shape[0])
    return node.fail("expected matrices whose inner dimensions agree, got " + describe(a) +
                     " and " + describe(b));
  Operand product = node.matmul(a, b);
  return node.set(quantize(node, product, *result));
}

LogicalResult importDynamic(NodeImporter &node) {
  return node.fail("its scale depends on the data, which no program with static types has; "
                   "quantise statically (onnxruntime.quantization.quantize_static), or give the "
                   "float model and --quantize w8a8 --calibrate DIR");
}

const Operator operators[] = {
    {"", "DequantizeLinear", 10, 2, 3, importDequantize,
     "activations: one scale, int8, uint8, or int16 with zero 0; weights: int8, int16 or int32 "
     "with zero 0, one scale or one for each index of an axis"},
    {"", "DynamicQuantizeLinear", 11, 1, 1, importDynamic, "always refused: quantise statically"},
    {"", "QLinearMatMul", 10, 8, 8, importProduct,
     "matrices, with types as for DequantizeLinear; sums are rounded as floats"},
    {"", "QuantizeLinear", 10, 2, 3, importQuantize,
     "one scale; to int8, uint8, or int16 with zero 0"},
};

} // namespace

llvm::ArrayRef<Operator> tercet::onnx::quantizationOperators() { return operators; }
