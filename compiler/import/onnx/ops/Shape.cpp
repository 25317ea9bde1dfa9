// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators that rearrange whole dimensions: reshapes, transposes, slices,
// concatenation, repetition, padding.

#include "compiler/import/onnx/OperatorTable.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;
using namespace tercet::onnx;

namespace {

LogicalResult importReshape(NodeImporter &node) {
  bool allowZero = node.getInt("allowzero", 0);
  if (node.opset < 14 && allowZero)
    return node.fail("attribute 'allowzero' exists from opset 14 on");
  std::optional<SmallVector<int64_t>> asked = node.knownInts(1, "shape");
  if (!asked)
    return failure();
  Operand &input = node.in(0);
  SmallVector<int64_t> shape = *asked;
  int64_t unknown = -1, known = 1;
  bool good = shape.size() <= 64;
  for (size_t i = 0; good && i < shape.size(); ++i) {
    if (shape[i] == 0 && !allowZero) {
      good = i < input.shape.size();
      shape[i] = good ? input.shape[i] : 0;
    }
    if (shape[i] == -1) {
      good &= unknown < 0;
      unknown = i;
    } else {
      good &= shape[i] >= 0 && !llvm::MulOverflow(known, shape[i], known);
    }
  }
  if (good && unknown >= 0) {
    good = known != 0 && input.size() % known == 0;
    shape[unknown] = good ? input.size() / known : 0;
  }
  if (!good || (unknown < 0 && known != input.size()))
    return node.fail("cannot reshape " + describe(input) + " to " + describe(*asked));
  return node.set(node.reshape(input, shape));
}

LogicalResult importFlatten(NodeImporter &node) {
  int64_t axis = node.getInt("axis", 1), rank = node.in(0).rank();
  if (axis < (node.opset < 11 ? 0 : -rank) || axis > rank)
    return node.fail("expected an axis up to " + Twine(rank) + ", got axis " + Twine(axis));
  auto shape = ArrayRef<int64_t>(node.in(0).shape);
  size_t split = axis < 0 ? axis + rank : axis;
  return node.set(node.reshape(node.in(0), {ShapedType::getNumElements(shape.take_front(split)),
                                            ShapedType::getNumElements(shape.drop_front(split))}));
}

/// The axes of Squeeze and Unsqueeze: an attribute before opset 13, then an
/// input. None and no complaint if there are none.
std::optional<SmallVector<int64_t>> findAxes(NodeImporter &node, int64_t rank) {
  std::optional<SmallVector<int64_t>> axes;
  if (node.opset < 13)
    axes = node.findInts("axes");
  else if (node.has(1))
    axes = node.knownInts(1, "axes");
  if (!axes)
    return std::nullopt;
  return node.normalizeAxes(*axes, rank);
}

LogicalResult importSqueeze(NodeImporter &node) {
  Operand &input = node.in(0);
  std::optional<SmallVector<int64_t>> axes = findAxes(node, input.rank());
  if (node.failed())
    return failure();
  SmallVector<int64_t> shape;
  for (int64_t dim = 0; dim < input.rank(); ++dim) {
    bool squeezed = axes ? llvm::is_contained(*axes, dim) : input.shape[dim] == 1;
    if (squeezed && input.shape[dim] != 1)
      return node.fail("cannot squeeze dimension " + Twine(dim) + " of " + describe(input) +
                       ": its size is not 1");
    if (!squeezed)
      shape.push_back(input.shape[dim]);
  }
  return node.set(node.reshape(input, shape));
}

LogicalResult importUnsqueeze(NodeImporter &node) {
  Operand &input = node.in(0);
  size_t count = 0;
  if (node.opset < 13) {
    if (auto axes = node.findInts("axes"))
      count = axes->size();
  } else if (node.has(1)) {
    count = node.in(1).size();
  }
  if (count > 64)
    return node.fail("expected a short list of axes");
  std::optional<SmallVector<int64_t>> axes = findAxes(node, input.rank() + count);
  if (!axes)
    return node.fail("expected axes");
  SmallVector<int64_t> shape(input.shape);
  for (int64_t axis : *axes)
    shape.insert(shape.begin() + axis, 1);
  return node.set(node.reshape(input, shape));
}

LogicalResult importTranspose(NodeImporter &node) {
  int64_t rank = node.in(0).rank();
  SmallVector<int64_t> perm = llvm::to_vector(llvm::reverse(llvm::seq<int64_t>(0, rank)));
  if (auto given = node.findInts("perm"))
    perm = *given;
  bool inRange = llvm::all_of(perm, [&](int64_t p) { return p >= 0 && p < rank; });
  if (static_cast<int64_t>(perm.size()) != rank || !inRange || !isPermutationVector(perm))
    return node.fail("expected attribute 'perm' to be a permutation of " + Twine(rank) +
                     " dimensions, got " + describe(perm));
  return node.set(node.transpose(node.in(0), perm));
}

LogicalResult importConcat(NodeImporter &node) {
  std::optional<int64_t> axis = node.findInt("axis");
  if (!axis)
    return node.fail("expected an attribute 'axis'");
  SmallVector<Operand *> inputs;
  SmallVector<unsigned> all;
  for (unsigned i = 0; i < node.inputCount(); ++i) {
    if (!node.has(i))
      return node.fail("expected input " + Twine(i) + ", which is left out");
    inputs.push_back(&node.in(i));
    all.push_back(i);
  }
  axis = node.normalizeAxis(*axis, inputs[0]->rank());
  if (!axis || !node.expectSameType(all))
    return failure();
  SmallVector<int64_t> result(inputs[0]->shape);
  result[*axis] = 0;
  for (Operand *input : inputs) {
    bool agrees = input->rank() == inputs[0]->rank();
    for (int64_t dim = 0; agrees && dim < input->rank(); ++dim)
      agrees = dim == *axis || input->shape[dim] == inputs[0]->shape[dim];
    if (!agrees)
      return node.fail("expected shapes that agree except along axis " + Twine(*axis) + ", got " +
                       describe(*inputs[0]) + " and " + describe(*input));
    result[*axis] += input->shape[*axis];
  }
  if (!node.expectSize(result, inputs[0]->element))
    return failure();
  return node.set(node.concat(inputs, *axis));
}

LogicalResult importSlice(NodeImporter &node) {
  Operand &input = node.in(0);
  std::optional<SmallVector<int64_t>> starts, ends, axes, steps;
  if (node.opset < 10) {
    starts = node.findInts("starts");
    ends = node.findInts("ends");
    axes = node.findInts("axes");
    if (node.inputCount() != 1)
      return node.fail("expected 1 input before opset 10");
  } else {
    if (node.inputCount() < 3 || !node.has(1) || !node.has(2))
      return node.fail("expected the inputs starts and ends");
    starts = node.knownInts(1, "starts");
    ends = node.knownInts(2, "ends");
    if (node.has(3))
      axes = node.knownInts(3, "axes");
    if (node.has(4))
      steps = node.knownInts(4, "steps");
  }
  if (node.failed())
    return failure();
  if (!starts || !ends)
    return node.fail("expected starts and ends");
  if (!axes)
    axes = llvm::to_vector(llvm::seq<int64_t>(0, starts->size()));
  if (!steps)
    steps = SmallVector<int64_t>(starts->size(), 1);
  if (starts->size() != ends->size() || starts->size() != axes->size() ||
      starts->size() != steps->size())
    return node.fail("expected starts, ends, axes and steps of one length");
  if (!node.normalizeAxes(*axes, input.rank()))
    return failure();
  SmallVector<int64_t> offsets(input.rank(), 0), sizes(input.shape), strides(input.rank(), 1);
  for (size_t i = 0; i < axes->size(); ++i) {
    int64_t axis = *node.normalizeAxis((*axes)[i], input.rank()), size = input.shape[axis];
    int64_t step = (*steps)[i];
    if (step == 0)
      return node.fail("expected steps other than 0");
    if (step < 0 && size > kMaxFoldedIntegers)
      return node.fail("a negative step along a dimension of " + Twine(size) + " is not supported");
    // Clamped first, so that no sum can overflow.
    auto position = [&](int64_t value, int64_t low, int64_t high) {
      if (value < 0)
        value = value < -size ? -1 : value + size;
      return std::clamp(value, low, high);
    };
    step = std::clamp<int64_t>(step, -std::max<int64_t>(size, 1), std::max<int64_t>(size, 1));
    int64_t begin =
        step > 0 ? position((*starts)[i], 0, size) : position((*starts)[i], 0, size - 1);
    int64_t end = step > 0 ? position((*ends)[i], 0, size) : position((*ends)[i], -1, size - 1);
    int64_t distance = step > 0 ? end - begin : begin - end;
    int64_t stride = step > 0 ? step : -step;
    sizes[axis] = size == 0 || distance <= 0 ? 0 : (distance + stride - 1) / stride;
    offsets[axis] = sizes[axis] == 0 ? 0 : begin;
    strides[axis] = sizes[axis] <= 1 ? 1 : step;
  }
  return node.set(node.slice(input, offsets, sizes, strides));
}

LogicalResult importSplit(NodeImporter &node) {
  Operand &input = node.in(0);
  std::optional<int64_t> axis = node.normalizeAxis(node.getInt("axis", 0), input.rank());
  if (!axis)
    return failure();
  int64_t count = node.node.outputs.size(), size = input.shape[*axis];
  std::optional<SmallVector<int64_t>> sizes;
  if (node.opset < 13)
    sizes = node.findInts("split");
  else if (node.has(1))
    sizes = node.knownInts(1, "split");
  if (node.failed())
    return failure();
  if (node.opset >= 18) {
    std::optional<int64_t> outputs = node.findInt("num_outputs");
    if (outputs && (sizes || *outputs != count))
      return node.fail("expected either sizes or attribute 'num_outputs' with "
                       "the number of outputs (" +
                       Twine(count) + "), got " + Twine(*outputs));
  }
  if (!sizes) {
    int64_t part = (size + count - 1) / count;
    if (size % count && node.opset < 18)
      return node.fail("cannot split " + Twine(size) + " into " + Twine(count) + " equal parts");
    sizes = SmallVector<int64_t>(count, part);
    sizes->back() = size - part * (count - 1);
  }
  int64_t sum = 0;
  bool good = static_cast<int64_t>(sizes->size()) == count;
  for (int64_t part : *sizes)
    good &= part >= 0 && !llvm::AddOverflow(sum, part, sum);
  if (!good || sum != size)
    return node.fail("cannot split a dimension of " + Twine(size) + " into " + Twine(count) +
                     " parts of sizes " + describe(*sizes));
  SmallVector<int64_t> offsets(input.rank(), 0), shape(input.shape), strides(input.rank(), 1);
  for (int64_t i = 0; i < count; ++i) {
    shape[*axis] = (*sizes)[i];
    (void)node.set(node.slice(input, offsets, shape, strides), i);
    offsets[*axis] += shape[*axis];
  }
  return success();
}

LogicalResult importExpand(NodeImporter &node) {
  std::optional<SmallVector<int64_t>> asked = node.knownInts(1, "shape");
  if (!asked || !node.expectSize(*asked, node.in(0).element))
    return failure();
  auto shape = broadcastShapes({ArrayRef<int64_t>(node.in(0).shape), ArrayRef<int64_t>(*asked)});
  if (!shape)
    return node.fail("cannot expand " + describe(node.in(0)) + " to " + describe(*asked));
  if (!node.expectSize(*shape, node.in(0).element))
    return failure();
  return node.set(node.broadcast(node.in(0), *shape));
}

LogicalResult importTile(NodeImporter &node) {
  Operand &input = node.in(0);
  std::optional<SmallVector<int64_t>> repeats = node.knownInts(1, "repeats");
  if (!repeats)
    return failure();
  if (static_cast<int64_t>(repeats->size()) != input.rank())
    return node.fail("expected " + Twine(input.rank()) + " repeats, got " + describe(*repeats));
  // Each dimension becomes (repeat, size), the repeats are broadcast.
  SmallVector<int64_t> split, wide, result;
  for (auto [size, repeat] : llvm::zip(input.shape, *repeats)) {
    if (repeat < 0)
      return node.fail("expected repeats of 0 or more, got " + describe(*repeats));
    split.append({1, size});
    wide.append({repeat, size});
    int64_t product;
    if (llvm::MulOverflow(repeat, size, product))
      return node.fail("the result is too large, repeats " + describe(*repeats));
    result.push_back(product);
  }
  if (!node.expectSize(result, input.element))
    return failure();
  Operand one = node.reshape(input, split);
  Operand many = node.broadcast(one, wide);
  return node.set(node.reshape(many, result));
}

LogicalResult importPad(NodeImporter &node) {
  Operand &input = node.in(0);
  std::string mode = node.getString("mode", "constant");
  std::optional<SmallVector<int64_t>> pads, axes;
  Operand value = node.scalar(input.element, 0);
  if (node.opset < 11) {
    pads = node.findInts("pads");
    value = node.scalar(input.element, node.getFloat("value", 0));
    if (node.inputCount() != 1)
      return node.fail("expected 1 input before opset 11");
  } else {
    if (!node.has(1))
      return node.fail("expected the input pads");
    pads = node.knownInts(1, "pads");
    if (node.has(2)) {
      if (node.in(2).size() != 1 || !node.expectSameType({0, 2}))
        return node.fail("expected a padding value of one element");
      value = node.reshape(node.in(2), {});
    }
    if (node.has(3))
      axes = node.knownInts(3, "axes");
  }
  if (node.failed())
    return failure();
  bool isWrap = mode == "wrap" && node.opset >= 19;
  if (mode != "constant" && mode != "reflect" && mode != "edge" && !isWrap)
    return node.fail("attribute 'mode' has the value '" + mode + "'");
  if (!axes)
    axes = llvm::to_vector(llvm::seq<int64_t>(0, input.rank()));
  if (!node.normalizeAxes(*axes, input.rank()))
    return failure();
  if (!pads || pads->size() != 2 * axes->size())
    return node.fail("expected pads before and after " + Twine(axes->size()) + " dimensions");
  SmallVector<int64_t> low(input.rank(), 0), high(input.rank(), 0), result(input.shape);
  for (size_t i = 0; i < axes->size(); ++i) {
    int64_t axis = *node.normalizeAxis((*axes)[i], input.rank());
    low[axis] = (*pads)[i];
    high[axis] = (*pads)[axes->size() + i];
    if (std::max(std::abs(low[axis]), std::abs(high[axis])) > (int64_t(1) << 40))
      return node.fail("pads are too large: " + describe(*pads));
    result[axis] += low[axis] + high[axis];
  }
  if (!node.expectSize(result, input.element))
    return failure();
  // Negative pads take away: first cut, then pad.
  SmallVector<int64_t> offsets, sizes, strides(input.rank(), 1);
  for (int64_t dim = 0; dim < input.rank(); ++dim) {
    offsets.push_back(std::max<int64_t>(0, -low[dim]));
    sizes.push_back(input.shape[dim] - offsets.back() - std::max<int64_t>(0, -high[dim]));
    if (sizes.back() < 0)
      return node.fail("pads take more than there is: " + describe(*pads));
    low[dim] = std::max<int64_t>(0, low[dim]);
    high[dim] = std::max<int64_t>(0, high[dim]);
  }
  Operand cut = node.slice(input, offsets, sizes, strides);
  if (mode == "constant")
    return node.set(node.pad(cut, low, high, value));
  // Otherwise the padding repeats rows of the input.
  for (int64_t dim = 0; dim < input.rank(); ++dim) {
    int64_t size = sizes[dim], most = mode == "reflect" ? size - 1 : size;
    if (low[dim] + high[dim] == 0)
      continue;
    if (size == 0 || (mode != "edge" && std::max(low[dim], high[dim]) > most) ||
        result[dim] > kMaxFoldedIntegers)
      return node.fail("a dimension of " + Twine(size) + " cannot be padded by " +
                       Twine(std::max(low[dim], high[dim])) + " with mode '" + mode + "'");
    SmallVector<int64_t> rows;
    for (int64_t i = -low[dim]; i < size + high[dim]; ++i)
      rows.push_back(mode == "edge" ? std::clamp<int64_t>(i, 0, size - 1)
                     : isWrap       ? (i + size) % size
                     : i < 0        ? -i
                     : i >= size    ? 2 * (size - 1) - i
                                    : i);
    Operand indices = node.ofConstant(makeInts(rows));
    cut = node.gather(cut, indices, dim);
  }
  return node.set(cut);
}

/// DepthToSpace and its inverse, as reshape, transpose, reshape.
LogicalResult importDepthToSpace(NodeImporter &node) {
  Operand &input = node.in(0);
  int64_t block = node.getInt("blocksize", 0);
  std::string mode = node.getString("mode", "DCR");
  if (input.rank() != 4 || input.size() == 0 || block < 1 || block > 1 << 20 ||
      input.shape[1] % (block * block) || (mode != "DCR" && mode != "CRD"))
    return node.fail("expected [N, C, H, W] with C a multiple of blocksize squared, got " +
                     describe(input) + ", blocksize " + Twine(block) + ", mode '" + mode + "'");
  int64_t n = input.shape[0], c = input.shape[1] / block / block, h = input.shape[2],
          w = input.shape[3];
  bool dcr = mode == "DCR";
  Operand split = dcr ? node.reshape(input, {n, block, block, c, h, w})
                      : node.reshape(input, {n, c, block, block, h, w});
  Operand turned = node.transpose(split, dcr ? ArrayRef<int64_t>{0, 3, 4, 1, 5, 2}
                                             : ArrayRef<int64_t>{0, 1, 4, 2, 5, 3});
  return node.set(node.reshape(turned, {n, c, h * block, w * block}));
}

LogicalResult importSpaceToDepth(NodeImporter &node) {
  Operand &input = node.in(0);
  int64_t block = node.getInt("blocksize", 0);
  if (input.rank() != 4 || input.size() == 0 || block < 1 || input.shape[2] % block ||
      input.shape[3] % block)
    return node.fail("expected [N, C, H, W] with H and W multiples of blocksize, got " +
                     describe(input) + ", blocksize " + Twine(block));
  int64_t n = input.shape[0], c = input.shape[1], h = input.shape[2] / block,
          w = input.shape[3] / block;
  Operand split = node.reshape(input, {n, c, h, block, w, block});
  Operand turned = node.transpose(split, {0, 3, 5, 1, 2, 4});
  return node.set(node.reshape(turned, {n, c * block * block, h, w}));
}

const Operator operators[] = {
    {"", "Concat", 4, 1, kAnyNumber, importConcat, ""},
    {"", "DepthToSpace", 1, 1, 1, importDepthToSpace, ""},
    {"", "Expand", 8, 2, 2, importExpand, "shape known at compile time"},
    {"", "Flatten", 1, 1, 1, importFlatten, ""},
    {"", "Pad", 2, 1, 4, importPad,
     "pads known at compile time; reflect and wrap by no more than there is"},
    {"", "Reshape", 5, 2, 2, importReshape, "shape known at compile time"},
    {"", "Slice", 1, 1, 5, importSlice, "starts, ends, axes, steps known at compile time"},
    {"", "SpaceToDepth", 1, 1, 1, importSpaceToDepth, ""},
    {"", "Split", 2, 1, 2, importSplit, "sizes known at compile time"},
    {"", "Squeeze", 1, 1, 2, importSqueeze, "axes known at compile time"},
    {"", "Tile", 6, 2, 2, importTile, "repeats known at compile time"},
    {"", "Transpose", 1, 1, 1, importTranspose, ""},
    {"", "Unsqueeze", 1, 1, 2, importUnsqueeze, "axes known at compile time"},
};

} // namespace

llvm::ArrayRef<Operator> tercet::onnx::shapeOperators() { return operators; }
