// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operands as values, and what is computed on every element.

#include "compiler/import/onnx/TensorBuilder.h"

#include "dialects/nn/NN.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace tercet::onnx;
using mlir::utils::IteratorType;

FlatSymbolRefAttr WeightTable::symbolOf(TypedAttr recipe, StringRef name, bool floatActivations) {
  FlatSymbolRefAttr &symbol = symbols[{recipe, unsigned(floatActivations)}];
  if (symbol)
    return symbol;
  std::string base;
  for (char c : name)
    base += llvm::isAlnum(c) || c == '.' || c == '_' || c == '$' ? c : '_';
  if (base.empty() || llvm::isDigit(base.front()) || base.front() == '.')
    base.insert(base.begin(), '_');
  // A numbered name may be taken by an initializer of that very name.
  std::string unique = base;
  while (!used.try_emplace(unique, 0).second)
    unique = base + "_" + std::to_string(++used[base]);
  OpBuilder builder(module.getBodyRegion());
  auto functions = module.getOps<func::FuncOp>();
  if (!functions.empty())
    builder.setInsertionPoint(*functions.begin());
  nn::WeightOp::create(builder, NameLoc::get(builder.getStringAttr(name)), unique, recipe,
                       floatActivations);
  return symbol = FlatSymbolRefAttr::get(module.getContext(), unique);
}

Value tercet::onnx::scalarConstant(OpBuilder &b, Location loc, Type type, double value) {
  if (isa<FloatType>(type))
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
  return arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, static_cast<int64_t>(value)));
}

std::optional<SmallVector<int64_t>>
tercet::onnx::broadcastShapes(ArrayRef<ArrayRef<int64_t>> shapes) {
  size_t rank = 0;
  for (ArrayRef<int64_t> shape : shapes)
    rank = std::max(rank, shape.size());
  SmallVector<int64_t> result(rank, 1);
  for (ArrayRef<int64_t> shape : shapes)
    for (size_t i = 0; i < shape.size(); ++i) {
      int64_t &to = result[rank - shape.size() + i];
      if (shape[i] == 1)
        continue;
      if (to != 1 && to != shape[i])
        return std::nullopt;
      to = shape[i];
    }
  return result;
}

RankedTensorType TensorBuilder::typeOf(DataType element, ArrayRef<int64_t> shape) {
  return RankedTensorType::get(shape, toMLIR(b.getContext(), element));
}

Operand TensorBuilder::ofValue(Value value, DataType element) {
  Operand operand;
  operand.element = element;
  operand.shape.assign(cast<RankedTensorType>(value.getType()).getShape().begin(),
                       cast<RankedTensorType>(value.getType()).getShape().end());
  operand.value = value;
  return operand;
}

Operand TensorBuilder::ofConstant(ConstantRef constant) {
  Operand operand;
  operand.element = constant->element;
  operand.shape = constant->shape;
  operand.constant = std::move(constant);
  return operand;
}

Operand TensorBuilder::ofWeight(const Operand &from, TypedAttr recipe) {
  Operand operand;
  auto type = cast<RankedTensorType>(recipe.getType());
  operand.element = from.element;
  operand.shape.assign(type.getShape().begin(), type.getShape().end());
  operand.weight = recipe;
  operand.weightName = from.weightName;
  operand.floatActivations = from.floatActivations;
  return operand;
}

Operand TensorBuilder::scalar(DataType element, double value) {
  Scalar scalar{0};
  if (isFloat(element))
    scalar.d = roundTo(element, value);
  else
    scalar.i = static_cast<int64_t>(value);
  return ofConstant(makeConstant(element, {}, {scalar}));
}

Value TensorBuilder::materialize(Operand &operand) {
  if (operand.value)
    return operand.value;
  if (operand.constant)
    operand.value =
        arith::ConstantOp::create(b, loc, toAttribute(b.getContext(), *operand.constant));
  else
    operand.value = nn::GetWeightOp::create(
        b, loc, operand.weight.getType(),
        weights.symbolOf(operand.weight, operand.weightName, operand.floatActivations));
  return operand.value;
}

Value TensorBuilder::empty(DataType element, ArrayRef<int64_t> shape) {
  return tensor::EmptyOp::create(b, loc, shape, toMLIR(b.getContext(), element));
}

Value TensorBuilder::fill(DataType element, ArrayRef<int64_t> shape, Scalar value) {
  Type type = toMLIR(b.getContext(), element);
  Value scalar = isa<FloatType>(type)
                     ? arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value.d))
                     : arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, value.i));
  return linalg::FillOp::create(b, loc, scalar, empty(element, shape)).getResult(0);
}

Value TensorBuilder::generic(ValueRange inputs, Value init, ArrayRef<AffineMap> maps,
                             ArrayRef<IteratorType> loops, ScalarBody body) {
  return linalg::GenericOp::create(b, loc, init.getType(), inputs, init, maps, loops,
                                   [&](OpBuilder &nested, Location at, ValueRange args) {
                                     Value result = body(nested, at, args);
                                     linalg::YieldOp::create(nested, at, result);
                                   })
      .getResult(0);
}

AffineMap TensorBuilder::broadcastMap(ArrayRef<int64_t> shape, int64_t rank,
                                      ArrayRef<int64_t> result) {
  SmallVector<AffineExpr> exprs;
  for (size_t i = 0; i < shape.size(); ++i) {
    int64_t dim = rank - shape.size() + i;
    exprs.push_back(shape[i] == 1 && result[dim] != 1 ? b.getAffineConstantExpr(0)
                                                      : b.getAffineDimExpr(dim));
  }
  return AffineMap::get(rank, 0, exprs, b.getContext());
}

/// Whether all are known and a result of `size` elements is small enough to be
/// computed here. Splats are always.
static bool shouldFold(ArrayRef<Operand *> inputs, DataType element, int64_t size) {
  bool allSplat = true;
  for (Operand *input : inputs) {
    if (!input->constant)
      return false;
    allSplat &= input->constant->isSplat();
  }
  return allSplat || size <= (isFloat(element) ? kMaxFoldedElements : kMaxFoldedIntegers);
}

/// Computes the result from known inputs; null if the body cannot be evaluated.
static ConstantRef foldElementwise(MLIRContext *context, ArrayRef<Operand *> inputs,
                                   ArrayRef<int64_t> shape, DataType element, ScalarBody body) {
  SmallVector<Type> types;
  bool allSplat = true;
  SmallVector<SmallVector<int64_t>> strides;
  for (Operand *input : inputs) {
    types.push_back(toMLIR(context, input->element));
    allSplat &= input->constant->isSplat();
    strides.push_back(stridesOf(input->shape, /*broadcast=*/true));
  }
  ScalarInterpreter interpreter(context, types, body);
  std::vector<Scalar> values;
  SmallVector<Scalar> arguments(inputs.size());
  SmallVector<int64_t> position(shape.size());
  if (ShapedType::getNumElements(shape) == 0)
    return makeConstant(element, shape, {});
  do {
    for (auto [i, input] : llvm::enumerate(inputs)) {
      int64_t index = 0;
      size_t skip = shape.size() - input->shape.size();
      for (size_t dim = 0; dim < input->shape.size(); ++dim)
        index += strides[i][dim] * position[skip + dim];
      arguments[i] = input->constant->at(index);
    }
    std::optional<Scalar> result = interpreter.run(arguments);
    if (!result)
      return nullptr;
    if (!isFloat(element))
      result->i = wrapTo(element, result->i);
    values.push_back(*result);
  } while (!allSplat && advance(position, shape));
  return makeConstant(element, shape, std::move(values));
}

Operand TensorBuilder::elementwise(ArrayRef<Operand *> inputs, DataType element, ScalarBody body) {
  SmallVector<ArrayRef<int64_t>> shapes;
  for (Operand *input : inputs)
    shapes.push_back(input->shape);
  SmallVector<int64_t> shape = *broadcastShapes(shapes);
  if (shouldFold(inputs, element, ShapedType::getNumElements(shape)))
    if (ConstantRef constant = foldElementwise(b.getContext(), inputs, shape, element, body))
      return ofConstant(constant);

  int64_t rank = shape.size();
  SmallVector<Value> values;
  SmallVector<AffineMap> maps;
  for (Operand *input : inputs) {
    // A splat is an operand of rank 0, whatever shape it is broadcast from.
    if (input->constant && input->constant->isSplat() && input->size() > 0) {
      Operand point = ofConstant(makeConstant(input->element, {}, input->constant->values));
      values.push_back(materialize(point));
      maps.push_back(AffineMap::get(rank, 0, {}, b.getContext()));
      continue;
    }
    values.push_back(materialize(*input));
    maps.push_back(broadcastMap(input->shape, rank, shape));
  }
  maps.push_back(b.getMultiDimIdentityMap(rank));
  SmallVector<IteratorType> loops(rank, IteratorType::parallel);
  return ofValue(generic(values, empty(element, shape), maps, loops,
                         [&](OpBuilder &n, Location at, ValueRange args) {
                           return body(n, at, args.drop_back());
                         }),
                 element);
}

/// Float to integer: truncation; values that the type lacks saturate, NaN is 0.
static Value floatToInteger(OpBuilder &n, Location at, Value x, DataType to) {
  Type from = x.getType(), type = toMLIR(n.getContext(), to);
  bool isSigned = !isUnsigned(to);
  unsigned bits = bitsOf(to);
  double high = std::ldexp(1.0, isSigned ? bits - 1 : bits);
  double low = isSigned ? -high : 0.0;
  if (from.isF16() || from.isBF16()) {
    from = n.getF32Type();
    x = arith::ExtFOp::create(n, at, from, x);
  }
  auto number = [&](double v) { return scalarConstant(n, at, from, v); };
  auto integer = [&](APInt v) -> Value {
    return arith::ConstantOp::create(n, at, n.getIntegerAttr(type, v));
  };
  auto compare = [&](arith::CmpFPredicate p, Value y) -> Value {
    return arith::CmpFOp::create(n, at, p, x, y);
  };
  Value result = isSigned ? arith::FPToSIOp::create(n, at, type, x).getResult()
                          : arith::FPToUIOp::create(n, at, type, x).getResult();
  Value isBig = compare(arith::CmpFPredicate::OGE, number(high));
  Value isSmall = compare(arith::CmpFPredicate::OLT, number(low));
  Value isNaN = arith::CmpFOp::create(n, at, arith::CmpFPredicate::UNO, x, x);
  APInt max = isSigned ? APInt::getSignedMaxValue(bits) : APInt::getMaxValue(bits);
  APInt min = isSigned ? APInt::getSignedMinValue(bits) : APInt::getMinValue(bits);
  result = arith::SelectOp::create(n, at, isBig, integer(max), result);
  result = arith::SelectOp::create(n, at, isSmall, integer(min), result);
  return arith::SelectOp::create(n, at, isNaN, integer(APInt(bits, 0)), result);
}

static Value castScalar(OpBuilder &n, Location at, Value x, DataType from, DataType to) {
  Type type = toMLIR(n.getContext(), to);
  if (isBool(to)) {
    Value zero = scalarConstant(n, at, x.getType(), 0);
    if (isFloat(from))
      return arith::CmpFOp::create(n, at, arith::CmpFPredicate::UNE, x, zero);
    return arith::CmpIOp::create(n, at, arith::CmpIPredicate::ne, x, zero);
  }
  if (isFloat(from) && isFloat(to)) {
    if (bitsOf(from) == 16 && bitsOf(to) == 16) {
      x = arith::ExtFOp::create(n, at, n.getF32Type(), x);
      return arith::TruncFOp::create(n, at, type, x);
    }
    if (bitsOf(from) < bitsOf(to))
      return arith::ExtFOp::create(n, at, type, x);
    return arith::TruncFOp::create(n, at, type, x);
  }
  if (isFloat(from))
    return floatToInteger(n, at, x, to);
  if (isFloat(to)) {
    if (isUnsigned(from))
      return arith::UIToFPOp::create(n, at, type, x);
    return arith::SIToFPOp::create(n, at, type, x);
  }
  if (bitsOf(from) == bitsOf(to))
    return x;
  if (bitsOf(from) > bitsOf(to))
    return arith::TruncIOp::create(n, at, type, x);
  if (isUnsigned(from))
    return arith::ExtUIOp::create(n, at, type, x);
  return arith::ExtSIOp::create(n, at, type, x);
}

Operand TensorBuilder::convert(Operand &input, DataType to) {
  if (input.element == to)
    return input;
  if (input.weight && isFloat(input.element) && isFloat(to)) {
    Operand result =
        ofWeight(input, nn::CastAttr::get(b.getContext(), input.weight, typeOf(to, input.shape)));
    result.element = to;
    return result;
  }
  // Integers of one width differ only in how they are looked at.
  if (!input.constant && !isFloat(input.element) && !isFloat(to) && !isBool(to) &&
      bitsOf(input.element) == bitsOf(to)) {
    Operand result = input;
    result.element = to;
    return result;
  }
  DataType from = input.element;
  return elementwise({&input}, to, [&](OpBuilder &n, Location at, ValueRange args) {
    return castScalar(n, at, args[0], from, to);
  });
}

Operand TensorBuilder::reduce(Operand &input, ArrayRef<int64_t> axes, bool keepDims, Scalar init,
                              ScalarBody body, ScalarBody finish) {
  SmallVector<int64_t> kept, full(input.shape);
  SmallVector<IteratorType> loops(input.rank(), IteratorType::parallel);
  SmallVector<AffineExpr> results;
  for (int64_t axis : axes) {
    loops[axis] = IteratorType::reduction;
    full[axis] = 1;
  }
  for (int64_t dim = 0; dim < input.rank(); ++dim)
    if (loops[dim] == IteratorType::parallel) {
      kept.push_back(input.shape[dim]);
      results.push_back(b.getAffineDimExpr(dim));
    }
  ArrayRef<int64_t> shape = keepDims ? ArrayRef<int64_t>(full) : ArrayRef<int64_t>(kept);

  if (input.constant && input.size() <= kMaxFoldedElements && input.size() > 0) {
    Type type = toMLIR(b.getContext(), input.element);
    ScalarInterpreter interpreter(b.getContext(), {type, type}, body);
    std::vector<Scalar> values(ShapedType::getNumElements(full), init);
    SmallVector<int64_t> strides = stridesOf(full, /*broadcast=*/true), position(input.rank());
    bool known = true;
    int64_t from = 0;
    do {
      int64_t to = 0;
      for (int64_t dim = 0; dim < input.rank(); ++dim)
        to += strides[dim] * position[dim];
      std::optional<Scalar> sum = interpreter.run({input.constant->at(from++), values[to]});
      known = sum.has_value();
      if (known)
        values[to] = *sum;
    } while (known && advance(position, input.shape));
    if (known) {
      if (!isFloat(input.element))
        for (Scalar &value : values)
          value.i = wrapTo(input.element, value.i);
      Operand result = ofConstant(makeConstant(input.element, shape, std::move(values)));
      return finish ? elementwise({&result}, input.element, finish) : result;
    }
  }

  AffineMap map = AffineMap::get(input.rank(), 0, results, b.getContext());
  Value sum = generic(materialize(input), fill(input.element, kept, init),
                      {b.getMultiDimIdentityMap(input.rank()), map}, loops, body);
  Operand result = ofValue(sum, input.element);
  if (finish)
    result = elementwise({&result}, input.element, finish);
  return ofValue(reshapeValue(result.value, shape), input.element);
}
