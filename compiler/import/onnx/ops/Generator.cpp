// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators whose result does not depend on the elements of an input:
// constants, shapes, ranges. All of them are known at compile time.

#include "compiler/import/onnx/OperatorTable.h"

#include <cmath>

using namespace mlir;
using namespace tercet::onnx;

namespace {

LogicalResult importConstant(NodeImporter &node) {
  if (const NodeAttribute *value = node.attribute("value", NodeAttribute::TensorKind)) {
    if (value->tensor.empty())
      return node.fail("expected a tensor as attribute 'value'");
    StringRef name = node.node.outputs[0];
    std::optional<Operand> operand = node.readTensor(value->tensor[0], name);
    return operand ? node.set(*operand) : failure();
  }
  if (const NodeAttribute *value = node.attribute("value_int", NodeAttribute::Int))
    return node.set(node.ofConstant(makeConstant(DataType::Int64, {}, {Scalar{value->i}})));
  if (auto values = node.findInts("value_ints"))
    return node.set(node.ofConstant(makeInts(*values)));
  auto floats = [&](ArrayRef<float> values, ArrayRef<int64_t> shape) {
    std::vector<Scalar> scalars;
    for (float value : values) {
      Scalar scalar{0};
      scalar.d = value;
      scalars.push_back(scalar);
    }
    return node.set(node.ofConstant(makeConstant(DataType::Float, shape, std::move(scalars))));
  };
  if (const NodeAttribute *value = node.attribute("value_float", NodeAttribute::Float))
    return floats(value->f, {});
  if (const NodeAttribute *value = node.attribute("value_floats", NodeAttribute::Floats))
    return floats(value->floats, static_cast<int64_t>(value->floats.size()));
  return node.fail("expected a value that is a dense tensor, numbers or a number");
}

LogicalResult importConstantOfShape(NodeImporter &node) {
  std::optional<SmallVector<int64_t>> shape = node.knownInts(0, "shape");
  if (!shape)
    return failure();
  Operand fill = node.scalar(DataType::Float, 0);
  if (const NodeAttribute *value = node.attribute("value", NodeAttribute::TensorKind)) {
    if (value->tensor.empty())
      return node.fail("expected a tensor as attribute 'value'");
    std::optional<Operand> operand = node.readTensor(value->tensor[0], "value");
    if (!operand)
      return failure();
    if (operand->size() != 1)
      return node.fail("expected attribute 'value' to have one element, got " + describe(*operand));
    fill = *operand;
  }
  if (!node.expectSize(*shape, fill.element))
    return failure();
  return node.set(node.ofConstant(makeConstant(fill.element, *shape, fill.constant->values)));
}

LogicalResult importShape(NodeImporter &node) {
  int64_t rank = node.in(0).rank(), start = 0, end = rank;
  if (node.opset >= 15) {
    start = node.getInt("start", 0);
    end = node.getInt("end", rank);
    start = std::clamp<int64_t>(start < 0 ? std::max(start, -rank) + rank : start, 0, rank);
    end = std::clamp<int64_t>(end < 0 ? std::max(end, -rank - 1) + rank : end, start, rank);
  }
  return node.set(
      node.ofConstant(makeInts(ArrayRef<int64_t>(node.in(0).shape).slice(start, end - start))));
}

LogicalResult importSize(NodeImporter &node) {
  return node.set(node.ofConstant(makeConstant(DataType::Int64, {}, {Scalar{node.in(0).size()}})));
}

LogicalResult importRange(NodeImporter &node) {
  if (!node.expectSameType({0, 1, 2}) || !node.expectNumber(0))
    return failure();
  std::optional<Scalar> start = node.knownScalar(0, "start"), limit = node.knownScalar(1, "limit"),
                        delta = node.knownScalar(2, "delta");
  if (node.failed())
    return failure();
  DataType element = node.in(0).element;
  std::vector<Scalar> values;
  double from, to, step;
  if (isFloat(element)) {
    from = start->d, to = limit->d, step = delta->d;
  } else {
    from = start->i, to = limit->i, step = delta->i;
  }
  if (step == 0 || !std::isfinite(from) || !std::isfinite(to) || !std::isfinite(step))
    return node.fail("expected a delta other than 0 and finite limits");
  double count = std::ceil((to - from) / step);
  if (count > kMaxFoldedIntegers)
    return node.fail("more than " + Twine(kMaxFoldedIntegers) + " elements from " +
                     std::to_string(from) + " to " + std::to_string(to));
  for (int64_t i = 0; i < static_cast<int64_t>(count); ++i) {
    Scalar value{0};
    if (isFloat(element))
      value.d = roundTo(element, from + roundTo(element, static_cast<double>(i) * step));
    else
      value.i = wrapTo(element, start->i + i * delta->i);
    values.push_back(value);
  }
  int64_t size = values.size();
  return node.set(node.ofConstant(makeConstant(element, {size}, std::move(values))));
}

LogicalResult importEyeLike(NodeImporter &node) {
  Operand &input = node.in(0);
  auto element = static_cast<DataType>(node.getInt("dtype", static_cast<int64_t>(input.element)));
  int64_t k = node.getInt("k", 0);
  if (input.rank() != 2 || !isSupported(element) || input.size() > kMaxFoldedElements)
    return node.fail("expected two dimensions of moderate size and a supported type, got " +
                     describe(input));
  std::vector<Scalar> values;
  for (int64_t row = 0; row < input.shape[0]; ++row)
    for (int64_t column = 0; column < input.shape[1]; ++column) {
      Scalar value{0};
      if (column - row == k)
        isFloat(element) ? void(value.d = 1) : void(value.i = 1);
      values.push_back(value);
    }
  return node.set(node.ofConstant(makeConstant(element, input.shape, std::move(values))));
}

LogicalResult importNonZero(NodeImporter &node) {
  Operand &input = node.in(0);
  if (!input.constant || input.size() > kMaxFoldedElements)
    return node.fail("the size of NonZero's result must be known: expected an "
                     "input known at "
                     "compile time, got " +
                     describe(input));
  SmallVector<SmallVector<int64_t>> found;
  SmallVector<int64_t> position(input.rank());
  int64_t index = 0;
  if (input.size() > 0)
    do {
      Scalar value = input.constant->at(index++);
      if (isFloat(input.element) ? value.d != 0 : value.i != 0)
        found.push_back(position);
    } while (advance(position, input.shape));
  std::vector<Scalar> values;
  for (int64_t dim = 0; dim < input.rank(); ++dim)
    for (const auto &at : found)
      values.push_back({at[dim]});
  return node.set(node.ofConstant(makeConstant(
      DataType::Int64, {input.rank(), static_cast<int64_t>(found.size())}, std::move(values))));
}

const Operator operators[] = {
    {"", "Constant", 1, 0, 0, importConstant, "no sparse tensors, no strings"},
    {"", "ConstantOfShape", 9, 1, 1, importConstantOfShape, "shape known at compile time"},
    {"", "EyeLike", 9, 1, 1, importEyeLike, ""},
    {"", "NonZero", 9, 1, 1, importNonZero, "input known at compile time"},
    {"", "Range", 11, 3, 3, importRange, "inputs known at compile time"},
    {"", "Shape", 1, 1, 1, importShape, ""},
    {"", "Size", 1, 1, 1, importSize, ""},
};

} // namespace

llvm::ArrayRef<Operator> tercet::onnx::generatorOperators() { return operators; }
