// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators that choose elements by index or position.

#include "compiler/import/onnx/OperatorTable.h"

#include "dialects/nn/NN.h"

using namespace mlir;
using namespace tercet::onnx;
using mlir::utils::IteratorType;

namespace {

/// Whether all elements of known indices lie in [-size, size).
bool expectInRange(NodeImporter &node, const Constant &indices, int64_t size) {
  for (const Scalar &index : indices.values)
    if (index.i < -size || index.i >= size) {
      (void)node.fail("index " + Twine(index.i) + " is outside of a dimension of " + Twine(size));
      return false;
    }
  return true;
}

LogicalResult importGather(NodeImporter &node) {
  Operand &data = node.in(0), &indices = node.in(1);
  std::optional<int64_t> axis = node.normalizeAxis(node.getInt("axis", 0), data.rank());
  if (!axis)
    return failure();
  if (indices.element != DataType::Int64 && indices.element != DataType::Int32)
    return node.fail("expected indices of int64 or int32, got " + describe(indices));
  SmallVector<int64_t> shape(ArrayRef<int64_t>(data.shape).take_front(*axis));
  llvm::append_range(shape, indices.shape);
  llvm::append_range(shape, ArrayRef<int64_t>(data.shape).drop_front(*axis + 1));
  if (!node.expectSize(shape, data.element))
    return failure();
  if (indices.constant && !expectInRange(node, *indices.constant, data.shape[*axis]))
    return failure();
  return node.set(node.gather(data, indices, *axis));
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
        values.push_back(keeps(position[rank - 2], position[rank - 1]) ? input.constant->at(index)
                                                                       : zero);
        ++index;
      } while (advance(position, input.shape));
    return node.set(node.ofConstant(makeConstant(input.element, input.shape, std::move(values))));
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
            n, at, row, arith::ConstantOp::create(n, at, n.getIndexAttr(diagonal)));
        Value keep = arith::CmpIOp::create(
            n, at, upper ? arith::CmpIPredicate::sge : arith::CmpIPredicate::sle, column, border);
        return arith::SelectOp::create(n, at, keep, x[0], scalarConstant(n, at, x[0].getType(), 0));
      });
  return node.set(node.ofValue(result, input.element));
}

/// Indices that choose along leading dimensions or one axis must be known.
bool expectKnownIndices(NodeImporter &node) {
  Operand &indices = node.in(1);
  if (indices.constant && isInteger(indices.element) && indices.size() <= kMaxFoldedIntegers)
    return true;
  (void)node.fail("expected integer indices known at compile time, got " + describe(indices));
  return false;
}

LogicalResult importGatherElements(NodeImporter &node) {
  Operand &data = node.in(0), &indices = node.in(1);
  std::optional<int64_t> axis = node.normalizeAxis(node.getInt("axis", 0), data.rank());
  if (!axis || !expectKnownIndices(node))
    return failure();
  bool fits = indices.rank() == data.rank();
  for (int64_t dim = 0; fits && dim < data.rank(); ++dim)
    fits = dim == *axis || indices.shape[dim] <= data.shape[dim];
  if (!fits)
    return node.fail("indices " + describe(indices) + " do not fit " + describe(data));
  int64_t size = data.shape[*axis];
  if (!expectInRange(node, *indices.constant, size))
    return failure();
  SmallVector<int64_t> strides = stridesOf(data.shape), position(indices.rank()), flat;
  for (int64_t i = 0, e = indices.size(); i < e; ++i) {
    int64_t from = 0, index = indices.constant->intAt(i);
    for (int64_t dim = 0; dim < data.rank(); ++dim)
      from += strides[dim] * (dim == *axis ? (index < 0 ? index + size : index) : position[dim]);
    flat.push_back(from);
    advance(position, indices.shape);
  }
  Operand list = node.reshape(data, {data.size()}), which = node.ofConstant(makeInts(flat));
  Operand chosen = node.gather(list, which, 0);
  return node.set(node.reshape(chosen, indices.shape));
}

/// The rows that GatherND and ScatterND address, as numbers of rows of the data
/// with its first `depth` dimensions made one; none and an error if any is
/// outside.
std::optional<SmallVector<int64_t>> rowsOf(NodeImporter &node, int64_t &depth) {
  Operand &data = node.in(0), &indices = node.in(1);
  if (!expectKnownIndices(node))
    return std::nullopt;
  depth = indices.rank() < 1 ? 0 : indices.shape.back();
  if (depth < 1 || depth > data.rank()) {
    (void)node.fail("indices " + describe(indices) + " do not fit " + describe(data));
    return std::nullopt;
  }
  SmallVector<int64_t> strides = stridesOf(ArrayRef<int64_t>(data.shape).take_front(depth)), rows;
  for (int64_t i = 0; i < indices.size(); i += depth) {
    int64_t row = 0;
    for (int64_t d = 0; d < depth; ++d) {
      int64_t index = indices.constant->intAt(i + d), size = data.shape[d];
      if (index < -size || index >= size) {
        (void)node.fail("index " + Twine(index) + " is outside of a dimension of " + Twine(size));
        return std::nullopt;
      }
      row += strides[d] * (index < 0 ? index + size : index);
    }
    rows.push_back(row);
  }
  return rows;
}

/// The data with its first `depth` dimensions made one.
Operand flattenRows(NodeImporter &node, Operand &data, int64_t depth) {
  auto shape = ArrayRef<int64_t>(data.shape);
  SmallVector<int64_t> flat{ShapedType::getNumElements(shape.take_front(depth))};
  llvm::append_range(flat, shape.drop_front(depth));
  return node.reshape(data, flat);
}

LogicalResult importGatherND(NodeImporter &node) {
  if (node.opset >= 12 && node.getInt("batch_dims", 0) != 0)
    return node.fail("expected attribute 'batch_dims' to be 0");
  int64_t depth;
  std::optional<SmallVector<int64_t>> rows = rowsOf(node, depth);
  if (!rows)
    return failure();
  SmallVector<int64_t> shape(ArrayRef<int64_t>(node.in(1).shape).drop_back());
  llvm::append_range(shape, ArrayRef<int64_t>(node.in(0).shape).drop_front(depth));
  if (!node.expectSize(shape, node.in(0).element))
    return failure();
  Operand flat = flattenRows(node, node.in(0), depth), which = node.ofConstant(makeInts(*rows));
  Operand chosen = node.gather(flat, which, 0);
  return node.set(node.reshape(chosen, shape));
}

/// Assignments to a part of a tensor, as exporters write them: every run of
/// consecutive rows is inserted as one slice.
LogicalResult importScatterND(NodeImporter &node) {
  Operand &data = node.in(0), &updates = node.in(2);
  if (node.opset >= 16 && node.getString("reduction", "none") != "none")
    return node.fail("expected attribute 'reduction' to be none");
  int64_t depth;
  std::optional<SmallVector<int64_t>> rows = rowsOf(node, depth);
  if (!rows || !node.expectSameType({0, 2}))
    return failure();
  int64_t count = rows->size();
  Operand flat = flattenRows(node, data, depth);
  SmallVector<int64_t> shape(flat.shape), expected(ArrayRef<int64_t>(node.in(1).shape).drop_back());
  shape[0] = count;
  llvm::append_range(expected, ArrayRef<int64_t>(flat.shape).drop_front());
  if (ArrayRef<int64_t>(updates.shape) != ArrayRef<int64_t>(expected))
    return node.fail("expected updates of shape " + describe(expected) + ", got " +
                     describe(updates));
  if (updates.size() == 0)
    return node.set(data);
  Operand source = node.reshape(updates, shape);
  int64_t run = flat.size() / flat.shape[0];
  if (flat.constant && source.constant && flat.size() <= kMaxFoldedIntegers) {
    std::vector<Scalar> values;
    for (int64_t i = 0; i < flat.size(); ++i)
      values.push_back(flat.constant->at(i));
    for (int64_t i = 0; i < count; ++i)
      for (int64_t k = 0; k < run; ++k)
        values[(*rows)[i] * run + k] = source.constant->at(i * run + k);
    return node.set(node.ofConstant(makeConstant(data.element, data.shape, std::move(values))));
  }
  constexpr int64_t most = 64;
  int64_t pieces = 0;
  Value result = node.materialize(flat);
  for (int64_t i = 0; i < count;) {
    int64_t end = i + 1;
    while (end < count && (*rows)[end] == (*rows)[end - 1] + 1)
      ++end;
    if (++pieces > most)
      return node.fail("more than " + Twine(most) + " separate runs of rows are assigned to");
    SmallVector<int64_t> from(flat.rank(), 0), size(flat.shape), ones(flat.rank(), 1);
    from[0] = i;
    size[0] = end - i;
    Operand part = node.slice(source, from, size, ones);
    from[0] = (*rows)[i];
    auto attributes = [&](ArrayRef<int64_t> values) {
      return getAsIndexOpFoldResult(node.b.getContext(), values);
    };
    Value inserted = node.materialize(part);
    result = tensor::InsertSliceOp::create(node.b, node.loc, inserted, result, attributes(from),
                                           attributes(size), attributes(ones));
    i = end;
  }
  return node.set(node.ofValue(node.reshapeValue(result, data.shape), data.element));
}

/// Running sums: a reduction over all positions of which those that do not
/// come before the result's count as 0.
LogicalResult importCumSum(NodeImporter &node) {
  Operand &input = node.in(0);
  bool exclusive = node.getInt("exclusive", 0), reverse = node.getInt("reverse", 0);
  std::optional<Scalar> given = node.knownScalar(1, "axis");
  if (!given || !node.expectNumber(0))
    return failure();
  if (!isInteger(node.in(1).element))
    return node.fail("expected an integer axis, got " + describe(node.in(1)));
  std::optional<int64_t> axis = node.normalizeAxis(given->i, input.rank());
  if (!axis)
    return failure();
  int64_t rank = input.rank();
  // Loops: the result's dimensions, then the position that is summed.
  SmallVector<IteratorType> loops(rank, IteratorType::parallel);
  loops.push_back(IteratorType::reduction);
  SmallVector<AffineExpr> from, to;
  for (int64_t dim = 0; dim < rank; ++dim) {
    to.push_back(node.b.getAffineDimExpr(dim));
    from.push_back(node.b.getAffineDimExpr(dim == *axis ? rank : dim));
  }
  MLIRContext *context = node.b.getContext();
  AffineMap reads = AffineMap::get(rank + 1, 0, from, context);
  AffineMap writes = AffineMap::get(rank + 1, 0, to, context);
  using P = arith::CmpIPredicate;
  P predicate = reverse ? (exclusive ? P::sgt : P::sge) : (exclusive ? P::slt : P::sle);
  Value source = node.materialize(input);
  Value sum =
      node.generic(source, node.fill(input.element, input.shape, Scalar{0}), {reads, writes}, loops,
                   [&](OpBuilder &n, Location at, ValueRange x) -> Value {
                     Value position = linalg::IndexOp::create(n, at, rank);
                     Value result = linalg::IndexOp::create(n, at, *axis);
                     Value counts = arith::CmpIOp::create(n, at, predicate, position, result);
                     Value zero = scalarConstant(n, at, x[0].getType(), 0);
                     Value term = arith::SelectOp::create(n, at, counts, x[0], zero);
                     if (isFloat(input.element))
                       return arith::AddFOp::create(n, at, x[1], term);
                     return arith::AddIOp::create(n, at, x[1], term);
                   });
  return node.set(node.ofValue(sum, input.element));
}

const Operator operators[] = {
    {"", "CumSum", 11, 2, 2, importCumSum, "axis known at compile time"},
    {"", "Gather", 1, 2, 2, importGather, "int32 or int64 indices"},
    {"", "GatherND", 11, 2, 2, importGatherND, "indices known at compile time; batch_dims 0"},
    {"", "GatherElements", 11, 2, 2, importGatherElements, "indices known at compile time"},
    {"", "ScatterND", 11, 3, 3, importScatterND,
     "indices known at compile time, in at most 64 runs of rows; no reduction"},
    {"", "Trilu", 14, 1, 2, importTrilu, "k known at compile time"},
};

} // namespace

llvm::ArrayRef<Operator> tercet::onnx::indexOperators() { return operators; }
