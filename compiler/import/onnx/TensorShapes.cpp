// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// TensorBuilder's operations that only move elements, and the matrix product,
// which is mostly a matter of shapes.

#include "compiler/import/onnx/TensorBuilder.h"

#include "dialects/nn/NN.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"

using namespace mlir;
using namespace tercet::onnx;
using mlir::utils::IteratorType;

Value TensorBuilder::reshapeValue(Value value, ArrayRef<int64_t> shape) {
  auto from = cast<RankedTensorType>(value.getType());
  if (from.getShape() == shape)
    return value;
  auto to = RankedTensorType::get(shape, from.getElementType());
  bool expands = to.getRank() > from.getRank();
  RankedTensorType high = expands ? to : from, low = expands ? from : to;
  // One step where each dimension of the lower rank is a run of the higher's.
  if (high.getRank() != low.getRank() && from.getNumElements() != 0)
    if (auto groups = getReassociationIndicesForCollapse(high.getShape(), low.getShape())) {
      if (expands)
        return tensor::ExpandShapeOp::create(b, loc, to, value, *groups);
      return tensor::CollapseShapeOp::create(b, loc, to, value, *groups);
    }
  if (from.getNumElements() == 0)
    return tensor::EmptyOp::create(b, loc, shape, from.getElementType());
  // Otherwise through the finest shape that both are runs of: its boundaries
  // are the common partial products.
  SmallVector<int64_t> common;
  SmallVector<ReassociationIndices> collapse, expand;
  int64_t i = 0, j = 0;
  while (i < from.getRank() || j < to.getRank()) {
    ReassociationIndices left, right;
    int64_t a = 1, c = 1;
    do {
      if (a <= c && i < from.getRank()) {
        a *= from.getDimSize(i);
        left.push_back(i++);
      } else if (j < to.getRank()) {
        c *= to.getDimSize(j);
        right.push_back(j++);
      } else {
        a *= from.getDimSize(i);
        left.push_back(i++);
      }
    } while (a != c);
    // A run of ones at the end belongs to the last group.
    if (left.empty() || right.empty()) {
      if (!collapse.empty() && !expand.empty()) {
        collapse.back().append(left);
        expand.back().append(right);
        continue;
      }
    }
    common.push_back(a);
    collapse.push_back(left);
    expand.push_back(right);
  }
  bool isPlain = llvm::none_of(collapse, [](auto &group) { return group.empty(); }) &&
                 llvm::none_of(expand, [](auto &group) { return group.empty(); });
  if (!isPlain)
    common.assign(1, from.getNumElements());
  auto middle = RankedTensorType::get(common, from.getElementType());
  if (!isPlain) {
    auto all = [](RankedTensorType type) {
      SmallVector<ReassociationIndices> groups;
      if (type.getRank() > 0)
        groups.emplace_back(llvm::to_vector<2>(llvm::seq<int64_t>(0, type.getRank())));
      return groups;
    };
    if (from.getRank() == 0)
      return tensor::ExpandShapeOp::create(b, loc, to, value, ArrayRef<ReassociationIndices>{});
    if (from.getRank() > 1)
      value = tensor::CollapseShapeOp::create(b, loc, middle, value, all(from));
    if (to.getRank() == 0)
      return tensor::CollapseShapeOp::create(b, loc, to, value, ArrayRef<ReassociationIndices>{});
    if (to.getRank() == 1)
      return value;
    return tensor::ExpandShapeOp::create(b, loc, to, value, all(to));
  }
  if (middle != from)
    value = tensor::CollapseShapeOp::create(b, loc, middle, value, collapse);
  if (middle != to)
    value = tensor::ExpandShapeOp::create(b, loc, to, value, expand);
  return value;
}

Operand TensorBuilder::reshape(Operand &input, ArrayRef<int64_t> shape) {
  if (ArrayRef<int64_t>(input.shape) == shape)
    return input;
  if (input.constant)
    return ofConstant(makeConstant(input.element, shape, input.constant->values));
  if (input.weight) {
    // Reshapes of reshapes are one.
    TypedAttr source = input.weight;
    if (auto inner = dyn_cast<nn::ReshapeAttr>(source))
      source = inner.getSource();
    RankedTensorType type = typeOf(input.element, shape);
    if (source.getType() == type)
      return ofWeight(input, source);
    return ofWeight(input, nn::ReshapeAttr::get(b.getContext(), source, type));
  }
  return ofValue(reshapeValue(materialize(input), shape), input.element);
}

Operand TensorBuilder::transpose(Operand &input, ArrayRef<int64_t> perm) {
  if (llvm::equal(perm, llvm::seq<int64_t>(0, perm.size())))
    return input;
  SmallVector<int64_t> shape = applyPermutation(ArrayRef<int64_t>(input.shape), perm);
  if (input.constant) {
    SmallVector<int64_t> strides = applyPermutation(stridesOf(input.shape), perm);
    return ofConstant(rearrange(*input.constant, shape,
                                [&](ArrayRef<int64_t> at) { return linearize(at, strides); }));
  }
  if (input.weight) {
    TypedAttr source = input.weight;
    SmallVector<int64_t> total(perm);
    if (auto inner = dyn_cast<nn::TransposeAttr>(source)) {
      source = inner.getSource();
      total = applyPermutation(inner.getPerm(), perm);
    }
    if (llvm::equal(total, llvm::seq<int64_t>(0, total.size())))
      return ofWeight(input, source);
    return ofWeight(
        input, nn::TransposeAttr::get(b.getContext(), source, total, typeOf(input.element, shape)));
  }
  auto op =
      linalg::TransposeOp::create(b, loc, materialize(input), empty(input.element, shape), perm);
  return ofValue(op->getResult(0), input.element);
}

Operand TensorBuilder::broadcast(Operand &input, ArrayRef<int64_t> shape) {
  if (ArrayRef<int64_t>(input.shape) == shape)
    return input;
  int64_t size = ShapedType::getNumElements(shape);
  size_t skip = shape.size() - input.shape.size();
  if (input.constant &&
      (input.constant->isSplat() ||
       size <= (isFloat(input.element) ? kMaxFoldedElements : kMaxFoldedIntegers))) {
    SmallVector<int64_t> strides = stridesOf(input.shape, /*broadcast=*/true);
    return ofConstant(rearrange(*input.constant, shape, [&](ArrayRef<int64_t> at) {
      return linearize(at.drop_front(skip), strides);
    }));
  }
  if (size == input.size())
    return reshape(input, shape);
  int64_t rank = shape.size();
  SmallVector<IteratorType> loops(rank, IteratorType::parallel);
  Value value = generic(materialize(input), empty(input.element, shape),
                        {broadcastMap(input.shape, rank, shape), b.getMultiDimIdentityMap(rank)},
                        loops, [](OpBuilder &, Location, ValueRange args) { return args[0]; });
  return ofValue(value, input.element);
}

Operand TensorBuilder::slice(Operand &input, ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes,
                             ArrayRef<int64_t> strides) {
  bool unit = llvm::all_of(strides, [](int64_t s) { return s == 1; });
  if (unit && sizes == ArrayRef<int64_t>(input.shape))
    return input;
  if (input.constant) {
    SmallVector<int64_t> steps = stridesOf(input.shape);
    return ofConstant(rearrange(*input.constant, sizes, [&](ArrayRef<int64_t> at) {
      int64_t index = 0;
      for (size_t dim = 0; dim < at.size(); ++dim)
        index += steps[dim] * (offsets[dim] + at[dim] * strides[dim]);
      return index;
    }));
  }
  if (input.weight && unit) {
    RankedTensorType type = typeOf(input.element, sizes);
    return ofWeight(input, nn::SliceAttr::get(b.getContext(), input.weight, offsets, type));
  }
  if (ShapedType::getNumElements(sizes) == 0)
    return ofValue(empty(input.element, sizes), input.element);
  if (llvm::all_of(strides, [](int64_t s) { return s > 0; })) {
    SmallVector<OpFoldResult> o, s, t;
    for (size_t dim = 0; dim < sizes.size(); ++dim) {
      o.push_back(b.getIndexAttr(offsets[dim]));
      s.push_back(b.getIndexAttr(sizes[dim]));
      t.push_back(b.getIndexAttr(strides[dim]));
    }
    Value value = tensor::ExtractSliceOp::create(b, loc, materialize(input), o, s, t);
    return ofValue(value, input.element);
  }
  // Backwards: rows by number.
  Operand result = input;
  for (size_t dim = 0; dim < sizes.size(); ++dim) {
    SmallVector<int64_t> from(result.rank(), 0), size(result.shape), step(result.rank(), 1);
    if (strides[dim] > 0) {
      from[dim] = offsets[dim];
      size[dim] = sizes[dim];
      step[dim] = strides[dim];
      result = slice(result, from, size, step);
      continue;
    }
    SmallVector<int64_t> rows;
    for (int64_t i = 0; i < sizes[dim]; ++i)
      rows.push_back(offsets[dim] + i * strides[dim]);
    Operand indices = ofConstant(makeInts(rows));
    result = gather(result, indices, dim);
  }
  return result;
}

/// The first index if the known indices are consecutive and in range.
static std::optional<int64_t> consecutiveFrom(ArrayRef<int64_t> indices) {
  for (size_t i = 1; i < indices.size(); ++i)
    if (indices[i] != indices[0] + static_cast<int64_t>(i))
      return std::nullopt;
  return indices.empty() ? std::nullopt : std::optional<int64_t>(indices[0]);
}

Operand TensorBuilder::gather(Operand &data, Operand &indices, int64_t axis) {
  int64_t size = data.shape[axis];
  SmallVector<int64_t> shape(ArrayRef<int64_t>(data.shape).take_front(axis));
  llvm::append_range(shape, indices.shape);
  llvm::append_range(shape, ArrayRef<int64_t>(data.shape).drop_front(axis + 1));
  if (indices.constant && indices.size() <= kMaxFoldedIntegers) {
    SmallVector<int64_t> known;
    for (int64_t i = 0, e = indices.size(); i < e; ++i) {
      int64_t index = indices.constant->intAt(i);
      known.push_back(index < 0 ? index + size : index);
    }
    if (data.constant &&
        (data.constant->isSplat() || ShapedType::getNumElements(shape) <= kMaxFoldedElements)) {
      SmallVector<int64_t> strides = stridesOf(data.shape), indexStrides = stridesOf(indices.shape);
      int64_t inner = indices.rank();
      return ofConstant(rearrange(*data.constant, shape, [&](ArrayRef<int64_t> at) {
        int64_t from = 0, which = 0;
        for (int64_t dim = 0; dim < static_cast<int64_t>(at.size()); ++dim) {
          if (dim < axis)
            from += strides[dim] * at[dim];
          else if (dim < axis + inner)
            which += indexStrides[dim - axis] * at[dim];
          else
            from += strides[dim - inner + 1] * at[dim];
        }
        return from + strides[axis] * known[which];
      }));
    }
    // A run of rows is a slice: of a weight that is a recipe.
    if (std::optional<int64_t> first = consecutiveFrom(known)) {
      SmallVector<int64_t> offsets(data.rank(), 0), sizes(data.shape), strides(data.rank(), 1);
      offsets[axis] = *first;
      sizes[axis] = known.size();
      Operand part = slice(data, offsets, sizes, strides);
      return reshape(part, shape);
    }
  }
  if (ShapedType::getNumElements(shape) == 0)
    return ofValue(empty(data.element, shape), data.element);
  Value init = empty(data.element, shape);
  Value from = materialize(data), at = materialize(indices);
  return ofValue(nn::GatherOp::create(b, loc, init.getType(), axis, from, at, init), data.element);
}

Operand TensorBuilder::concat(ArrayRef<Operand *> inputs, int64_t axis) {
  SmallVector<int64_t> shape(inputs[0]->shape);
  shape[axis] = 0;
  SmallVector<Operand *> parts; // without those that have nothing
  bool known = true, weight = true;
  for (Operand *input : inputs) {
    shape[axis] += input->shape[axis];
    if (input->size() == 0)
      continue;
    parts.push_back(input);
    known &= input->constant != nullptr;
    weight &= static_cast<bool>(input->weight);
  }
  DataType element = inputs[0]->element;
  if (parts.empty())
    return ofConstant(makeConstant(element, shape, {}));
  if (parts.size() == 1)
    return *parts[0];
  if (known && ShapedType::getNumElements(shape) <= kMaxFoldedIntegers) {
    std::vector<Scalar> values;
    int64_t outer = ShapedType::getNumElements(ArrayRef<int64_t>(shape).take_front(axis));
    for (int64_t row = 0; row < outer; ++row)
      for (Operand *part : parts)
        for (int64_t i = 0, run = part->size() / outer; i < run; ++i)
          values.push_back(part->constant->at(row * run + i));
    return ofConstant(makeConstant(element, shape, std::move(values)));
  }
  if (weight) {
    SmallVector<Attribute> sources;
    for (Operand *part : parts)
      sources.push_back(part->weight);
    return ofWeight(*parts[0], nn::ConcatAttr::get(b.getContext(), b.getArrayAttr(sources), axis,
                                                   typeOf(element, shape)));
  }
  SmallVector<Value> values;
  for (Operand *part : parts)
    values.push_back(materialize(*part));
  return ofValue(tensor::ConcatOp::create(b, loc, axis, values), element);
}

Operand TensorBuilder::pad(Operand &input, ArrayRef<int64_t> low, ArrayRef<int64_t> high,
                           Operand &value) {
  SmallVector<int64_t> shape(input.shape);
  SmallVector<OpFoldResult> before, after;
  for (size_t dim = 0; dim < shape.size(); ++dim) {
    shape[dim] += low[dim] + high[dim];
    before.push_back(b.getIndexAttr(low[dim]));
    after.push_back(b.getIndexAttr(high[dim]));
  }
  if (ArrayRef<int64_t>(shape) == ArrayRef<int64_t>(input.shape))
    return input;
  Value scalar = tensor::ExtractOp::create(b, loc, materialize(value), ValueRange{});
  if (value.constant) {
    Type type = toMLIR(b.getContext(), value.element);
    scalar =
        isFloat(value.element)
            ? arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value.constant->floatAt(0)))
            : arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, value.constant->intAt(0)));
  }
  Value result = tensor::PadOp::create(b, loc, typeOf(input.element, shape), materialize(input),
                                       before, after, scalar);
  return ofValue(result, input.element);
}

Operand TensorBuilder::matmul(Operand &lhs, Operand &rhs) {
  // Vectors as numpy: a row on the left, a column on the right, dropped again.
  SmallVector<int64_t> left(lhs.shape), right(rhs.shape);
  if (left.size() == 1)
    left.insert(left.begin(), 1);
  if (right.size() == 1)
    right.push_back(1);
  int64_t m = left[left.size() - 2], k = left.back(), n = right.back();
  auto leftBatch = ArrayRef<int64_t>(left).drop_back(2);
  auto rightBatch = ArrayRef<int64_t>(right).drop_back(2);
  SmallVector<int64_t> batch = *broadcastShapes({leftBatch, rightBatch});
  int64_t count = ShapedType::getNumElements(batch);

  SmallVector<int64_t> result(batch.begin(), batch.end());
  if (lhs.shape.size() > 1)
    result.push_back(m);
  if (rhs.shape.size() > 1)
    result.push_back(n);

  // Narrow floats are summed in f32, as onnxruntime does.
  DataType element = lhs.element;
  bool isNarrow = isFloat(element) && bitsOf(element) == 16;
  DataType sum = isNarrow ? DataType::Float : element;
  Operand product;
  if (ShapedType::getNumElements(rightBatch) == 1) {
    // One matrix on the right: all rows of the left are rows of one product.
    int64_t rows = ShapedType::getNumElements(leftBatch) * m;
    Operand a = reshape(lhs, {rows, k}), c = reshape(rhs, {k, n});
    product = ofValue(linalg::MatmulOp::create(b, loc, typeOf(sum, {rows, n}),
                                               ValueRange{materialize(a), materialize(c)},
                                               ValueRange{fill(sum, {rows, n}, Scalar{0})})
                          .getResult(0),
                      sum);
  } else {
    auto stack = [&](Operand &side, ArrayRef<int64_t> shape, int64_t x, int64_t y) {
      Operand matrix = reshape(side, shape);
      SmallVector<int64_t> full(batch.begin(), batch.end());
      full.append({x, y});
      Operand wide = broadcast(matrix, full);
      return reshape(wide, {count, x, y});
    };
    Operand a = stack(lhs, left, m, k), c = stack(rhs, right, k, n);
    product = ofValue(linalg::BatchMatmulOp::create(b, loc, typeOf(sum, {count, m, n}),
                                                    ValueRange{materialize(a), materialize(c)},
                                                    ValueRange{fill(sum, {count, m, n}, Scalar{0})})
                          .getResult(0),
                      sum);
  }
  Operand narrow = convert(product, element);
  return reshape(narrow, result);
}
