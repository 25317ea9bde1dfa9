// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators that choose elements by index or position.

#include "compiler/import/onnx/OperatorTable.h"

#include "dialects/nn/NN.h"

using namespace mlir;
using namespace tercet::onnx;
using mlir::utils::IteratorType;

namespace {

/// The first index if the known indices are consecutive and in range.
std::optional<int64_t> consecutiveFrom(ArrayRef<int64_t> indices) {
  for (size_t i = 1; i < indices.size(); ++i)
    if (indices[i] != indices[0] + static_cast<int64_t>(i))
      return std::nullopt;
  return indices.empty() ? std::nullopt : std::optional<int64_t>(indices[0]);
}

LogicalResult importGather(NodeImporter &node) {
  Operand &data = node.in(0), &indices = node.in(1);
  std::optional<int64_t> axis =
      node.normalizeAxis(node.getInt("axis", 0), data.rank());
  if (!axis)
    return failure();
  if (indices.element != DataType::Int64 && indices.element != DataType::Int32)
    return node.fail("expected indices of int64 or int32, got " +
                     describe(indices));
  int64_t size = data.shape[*axis];
  SmallVector<int64_t> shape(ArrayRef<int64_t>(data.shape).take_front(*axis));
  llvm::append_range(shape, indices.shape);
  llvm::append_range(shape,
                     ArrayRef<int64_t>(data.shape).drop_front(*axis + 1));
  if (!node.expectSize(shape, data.element))
    return failure();

  if (indices.constant && indices.size() <= kMaxFoldedIntegers) {
    SmallVector<int64_t> known;
    for (int64_t i = 0, e = indices.size(); i < e; ++i) {
      int64_t index = indices.constant->intAt(i);
      if (index < -size || index >= size)
        return node.fail("index " + Twine(index) +
                         " is outside of a dimension of " + Twine(size));
      known.push_back(index < 0 ? index + size : index);
    }
    if (data.constant &&
        (data.constant->isSplat() ||
         ShapedType::getNumElements(shape) <= kMaxFoldedElements)) {
      SmallVector<int64_t> strides = stridesOf(data.shape),
                           indexStrides = stridesOf(indices.shape);
      int64_t inner = indices.rank();
      return node.set(node.ofConstant(
          rearrange(*data.constant, shape, [&](ArrayRef<int64_t> at) {
            int64_t from = 0, which = 0;
            for (int64_t dim = 0; dim < static_cast<int64_t>(at.size());
                 ++dim) {
              if (dim < *axis)
                from += strides[dim] * at[dim];
              else if (dim < *axis + inner)
                which += indexStrides[dim - *axis] * at[dim];
              else
                from += strides[dim - inner + 1] * at[dim];
            }
            return from + strides[*axis] * known[which];
          })));
    }
    // A run of rows is a slice: of a weight that is a recipe.
    if (std::optional<int64_t> first = consecutiveFrom(known)) {
      SmallVector<int64_t> offsets(data.rank(), 0), sizes(data.shape),
          strides(data.rank(), 1);
      offsets[*axis] = *first;
      sizes[*axis] = known.size();
      Operand part = node.slice(data, offsets, sizes, strides);
      return node.set(node.reshape(part, shape));
    }
  }
  Value init = node.empty(data.element, shape);
  Value from = node.materialize(data), at = node.materialize(indices);
  return node.set(
      node.ofValue(tercet::nn::GatherOp::create(
                       node.b, node.loc, init.getType(), *axis, from, at, init),
                   data.element));
}

/// Keeps the upper or lower triangle of the last two dimensions.
LogicalResult importTrilu(NodeImporter &node) {
  Operand &input = node.in(0);
  bool upper = node.getInt("upper", 1);
  int64_t diagonal = 0;
  if (node.has(1)) {
    std::optional<Scalar> k = node.knownScalar(1, "k");
    if (!k)
      return failure();
    diagonal = std::clamp<int64_t>(k->i, -(int64_t(1) << 41), int64_t(1) << 41);
  }
  int64_t rank = input.rank();
  if (rank < 2)
    return node.fail("expected two dimensions or more, got " + describe(input));
  auto keeps = [&](int64_t row, int64_t column) {
    return upper ? column - row >= diagonal : column - row <= diagonal;
  };
  if (input.constant && input.size() <= kMaxFoldedElements) {
    std::vector<Scalar> values;
    SmallVector<int64_t> position(rank);
    int64_t index = 0;
    if (input.size() > 0)
      do {
        Scalar zero{0};
        values.push_back(keeps(position[rank - 2], position[rank - 1])
                             ? input.constant->at(index)
                             : zero);
        ++index;
      } while (advance(position, input.shape));
    return node.set(node.ofConstant(
        makeConstant(input.element, input.shape, std::move(values))));
  }
  SmallVector<IteratorType> loops(rank, IteratorType::parallel);
  AffineMap all = node.b.getMultiDimIdentityMap(rank);
  Value source = node.materialize(input);
  Value result = node.generic(
      source, node.empty(input.element, input.shape), {all, all}, loops,
      [&](OpBuilder &n, Location at, ValueRange x) -> Value {
        Value row = linalg::IndexOp::create(n, at, rank - 2);
        Value column = linalg::IndexOp::create(n, at, rank - 1);
        Value border = arith::AddIOp::create(
            n, at, row,
            arith::ConstantOp::create(n, at, n.getIndexAttr(diagonal)));
        Value keep = arith::CmpIOp::create(n, at,
                                           upper ? arith::CmpIPredicate::sge
                                                 : arith::CmpIPredicate::sle,
                                           column, border);
        return arith::SelectOp::create(
            n, at, keep, x[0], scalarConstant(n, at, x[0].getType(), 0));
      });
  return node.set(node.ofValue(result, input.element));
}

/// Reads data[.., indices[position], ..]; an index outside is brought inside,
/// as nn.gather does after it has reported the fault.
LogicalResult importGatherElements(NodeImporter &node) {
  Operand &data = node.in(0), &indices = node.in(1);
  std::optional<int64_t> axis =
      node.normalizeAxis(node.getInt("axis", 0), data.rank());
  if (!axis)
    return failure();
  if (!indices.constant)
    return node.fail("expected indices known at compile time, got " +
                     describe(indices));
  bool fits = indices.rank() == data.rank() && isInteger(indices.element);
  for (int64_t dim = 0; fits && dim < data.rank(); ++dim)
    fits = dim == *axis || indices.shape[dim] <= data.shape[dim];
  if (!fits)
    return node.fail("indices " + describe(indices) + " do not fit " +
                     describe(data));
  int64_t size = data.shape[*axis];
  for (const Scalar &index : indices.constant->values)
    if (index.i < -size || index.i >= size)
      return node.fail("index " + Twine(index.i) +
                       " is outside of a dimension of " + Twine(size));
  if (!data.constant)
    return node.fail("expected data known at compile time, got " +
                     describe(data));
  SmallVector<int64_t> strides = stridesOf(data.shape);
  int64_t next = 0;
  return node.set(node.ofConstant(
      rearrange(*data.constant, indices.shape, [&](ArrayRef<int64_t> at) {
        int64_t from = 0, index = indices.constant->intAt(next++);
        for (int64_t dim = 0; dim < data.rank(); ++dim)
          from += strides[dim] *
                  (dim == *axis ? (index < 0 ? index + size : index) : at[dim]);
        return from;
      })));
}

/// ScatterND of known values, as exporters write masks.
LogicalResult importScatterND(NodeImporter &node) {
  Operand &data = node.in(0), &indices = node.in(1), &updates = node.in(2);
  if (node.getString("reduction", "none") != "none")
    return node.fail("expected attribute 'reduction' to be none");
  for (unsigned i : {0u, 1u, 2u})
    if (!node.in(i).constant || node.in(i).size() > kMaxFoldedIntegers)
      return node.fail("expected inputs known at compile time, got " +
                       describe(node.in(i)));
  if (!node.expectSameType({0, 2}) || !isInteger(indices.element) ||
      indices.rank() < 1)
    return node.fail("expected integer indices, got " + describe(indices));
  int64_t depth = indices.shape.back();
  if (depth < 1 || depth > data.rank())
    return node.fail("indices " + describe(indices) + " do not fit " +
                     describe(data));
  int64_t run = ShapedType::getNumElements(
      ArrayRef<int64_t>(data.shape).drop_front(depth));
  int64_t count = indices.size() / depth;
  if (updates.size() != count * run)
    return node.fail("expected " + Twine(count * run) + " updates, got " +
                     describe(updates));
  std::vector<Scalar> values;
  for (int64_t i = 0; i < data.size(); ++i)
    values.push_back(data.constant->at(i));
  SmallVector<int64_t> strides = stridesOf(data.shape);
  for (int64_t i = 0; i < count; ++i) {
    int64_t to = 0;
    for (int64_t d = 0; d < depth; ++d) {
      int64_t index = indices.constant->intAt(i * depth + d),
              size = data.shape[d];
      if (index < -size || index >= size)
        return node.fail("index " + Twine(index) +
                         " is outside of a dimension of " + Twine(size));
      to += strides[d] * (index < 0 ? index + size : index);
    }
    for (int64_t k = 0; k < run; ++k)
      values[to + k] = updates.constant->at(i * run + k);
  }
  return node.set(node.ofConstant(
      makeConstant(data.element, data.shape, std::move(values))));
}

const Operator operators[] = {
    {"", "Gather", 1, 2, 2, importGather, "int32 or int64 indices"},
    {"", "GatherElements", 11, 2, 2, importGatherElements,
     "data and indices known at compile time"},
    {"", "ScatterND", 11, 3, 3, importScatterND,
     "all inputs known at compile time; no reduction"},
    {"", "Trilu", 14, 1, 2, importTrilu, "k known at compile time"},
};

} // namespace

llvm::ArrayRef<Operator> tercet::onnx::indexOperators() { return operators; }
