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

bool areAll(const Operand *zero, int64_t value) {
  return zero->constant &&
         llvm::all_of(zero->constant->values, [&](Scalar one) { return one.i == value; });
}

/// The weight by a recipe for floats in which the integers are what is read,
/// those at index i of `along` times factors[i].
Operand scaleByRecipe(NodeImporter &node, const Operand &weight, TypedAttr factors, int64_t along) {
  MLIRContext *context = node.b.getContext();
  Operand floats = weight;
  floats.constant = {};
  floats.value = {};
  floats.element = DataType::Float;
  floats.weight =
      nn::CastAttr::get(context, weight.weight, node.typeOf(DataType::Float, weight.shape));
  // Factors are those of the first dimension.
  SmallVector<int64_t> there = llvm::to_vector(llvm::seq<int64_t>(0, weight.rank()));
  std::swap(there[0], there[along]);
  if (along != 0)
    floats = node.transpose(floats, there);
  floats.weight = nn::ScaleRowsAttr::get(context, floats.weight, factors,
                                         node.typeOf(DataType::Float, floats.shape));
  return along == 0 ? floats : node.transpose(floats, there);
}

/// A matrix of signed bytes that is known as one that a file holds: products in
/// integers compute with the bytes. Unsigned ones are moved by 128.
void keepBytes(NodeImporter &node, Operand &weight, Operand *&zero) {
  bool isUnsignedByte = weight.element == DataType::Uint8;
  if (!weight.constant || weight.rank() != 2 ||
      !llvm::is_contained({DataType::Int8, DataType::Uint8}, weight.element) ||
      (isUnsignedByte ? !zero || !areAll(zero, 128) : zero && !areAll(zero, 0)))
    return;
  SmallVector<int8_t> bytes;
  for (int64_t i = 0; i < weight.size(); ++i)
    bytes.push_back(static_cast<int8_t>(weight.constant->intAt(i) - (isUnsignedByte ? 128 : 0)));
  weight.element = DataType::Int8;
  weight.weight =
      DenseElementsAttr::get(node.typeOf(DataType::Int8, weight.shape), ArrayRef<int8_t>(bytes));
  weight.weightName = node.node.name;
  zero = nullptr;
}

/// Integers that the model holds as floats: the scale along an axis, or one.
std::optional<Operand> dequantizeWeight(NodeImporter &node, Operand weight, Operand &scale,
                                        Operand *zero, std::optional<int64_t> axis) {
  bool isSingle = scale.size() == 1;
  if (!isSingle && (scale.rank() != 1 || !axis || scale.shape[0] != weight.shape[*axis])) {
    (void)node.fail("expected one scale, or one for each index of the axis, got " +
                    describe(scale) + " for " + describe(weight));
    return std::nullopt;
  }
  if (bitsOf(weight.element) > 32) {
    (void)node.fail("expected a weight of at most 32 bits, got " + nameOf(weight.element));
    return std::nullopt;
  }
  keepBytes(node, weight, zero);
  if (zero && areAll(zero, 0))
    zero = nullptr;

  // One scale is that of all columns of a matrix.
  int64_t along = !isSingle ? *axis : weight.rank() == 2 ? 1 : 0;
  if (weight.weight && !zero && !isUnsigned(weight.element) && weight.rank() > 0) {
    if (scale.constant) {
      SmallVector<float> factors;
      for (int64_t i = 0; i < weight.shape[along]; ++i)
        factors.push_back(float(scale.constant->floatAt(isSingle ? 0 : i)));
      return scaleByRecipe(
          node, weight,
          DenseElementsAttr::get(node.typeOf(DataType::Float, {weight.shape[along]}),
                                 ArrayRef<float>(factors)),
          along);
    }
    if (scale.weight && !isSingle)
      return scaleByRecipe(node, weight, scale.weight, along);
  }
  SmallVector<int64_t> shape(weight.rank(), 1);
  if (!isSingle)
    shape[along] = scale.shape[0];
  Operand floats = node.convert(weight, DataType::Float);
  Operand factor = node.reshape(scale, shape);
  auto multiply = [](OpBuilder &n, Location at, ValueRange x) -> Value {
    return arith::MulFOp::create(n, at, x[0], x[1]);
  };
  if (!zero)
    return node.elementwise({&floats, &factor}, DataType::Float, multiply);
  if (zero->size() != scale.size()) {
    (void)node.fail("expected as many zero points as scales, got " + describe(*zero) + " and " +
                    describe(scale));
    return std::nullopt;
  }
  Operand converted = node.convert(*zero, DataType::Float);
  Operand centre = node.reshape(converted, shape);
  Operand difference = node.elementwise({&floats, &centre}, DataType::Float,
                                        [](OpBuilder &n, Location at, ValueRange x) -> Value {
                                          return arith::SubFOp::create(n, at, x[0], x[1]);
                                        });
  return node.elementwise({&difference, &factor}, DataType::Float, multiply);
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
    node.readElements(node.in(1));
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
      node.readElements(node.in(at + 1));
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
     "activations: one scale, int8, uint8, or int16 with zero 0; weights: one scale or one for "
     "each "
     "index of an axis"},
    {"", "DynamicQuantizeLinear", 11, 1, 1, importDynamic, "always refused: quantise statically"},
    {"", "QLinearMatMul", 10, 8, 8, importProduct,
     "matrices, with types as for DequantizeLinear; sums are rounded as floats"},
    {"", "QuantizeLinear", 10, 2, 3, importQuantize,
     "one scale; to int8, uint8, or int16 with zero 0"},
};

} // namespace

llvm::ArrayRef<Operator> tercet::onnx::quantizationOperators() { return operators; }
