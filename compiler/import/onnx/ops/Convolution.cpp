// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolution and pooling over one or two spatial dimensions; one dimension is
// the case of two with a height of 1.

#include "compiler/import/onnx/OperatorTable.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include <limits>

using namespace mlir;
using namespace tercet::onnx;

namespace {

/// Where the window goes; every list has one entry a spatial dimension.
struct Window {
  SmallVector<int64_t> kernel, strides, dilations, low, high, result;
};

/// Reads strides, dilations and padding for an input [N, C, spatial..].
std::optional<Window> readWindow(NodeImporter &node, ArrayRef<int64_t> kernel, bool dilates,
                                 bool ceil) {
  auto refuse = [&](const Twine &why) -> std::optional<Window> {
    (void)node.fail(why);
    return std::nullopt;
  };
  size_t count = kernel.size();
  Window w;
  w.kernel.assign(kernel.begin(), kernel.end());
  w.strides = node.findInts("strides").value_or(SmallVector<int64_t>(count, 1));
  w.dilations.assign(count, 1);
  if (dilates)
    w.dilations = node.findInts("dilations").value_or(w.dilations);
  std::optional<SmallVector<int64_t>> pads = node.findInts("pads");
  std::string autoPad = node.getString("auto_pad", "NOTSET");
  if (node.failed())
    return std::nullopt;
  auto bad = [&](ArrayRef<int64_t> values, size_t size, int64_t low) {
    return values.size() != size ||
           llvm::any_of(values, [&](int64_t v) { return v < low || v > (int64_t(1) << 31); });
  };
  if (bad(w.strides, count, 1))
    return refuse("expected " + Twine(count) + " strides of 1 or more, got strides " +
                  describe(w.strides));
  if (bad(w.dilations, count, 1))
    return refuse("expected " + Twine(count) + " dilations of 1 or more, got dilations " +
                  describe(w.dilations));
  if (bad(w.kernel, count, 1))
    return refuse("expected a kernel of sizes of 1 or more, got kernel " + describe(w.kernel));
  bool same = autoPad == "SAME_UPPER" || autoPad == "SAME_LOWER";
  if (autoPad != "NOTSET" && autoPad != "VALID" && !same)
    return refuse("attribute 'auto_pad' has the value '" + autoPad + "'");
  if (!pads || autoPad != "NOTSET")
    pads = SmallVector<int64_t>(2 * count, 0);
  if (bad(*pads, 2 * count, 0))
    return refuse("expected " + Twine(2 * count) + " pads of 0 or more, got pads " +
                  describe(*pads));
  for (size_t i = 0; i < count; ++i) {
    int64_t size = node.in(0).shape[i + 2];
    int64_t reach = (w.kernel[i] - 1) * w.dilations[i] + 1;
    int64_t low = (*pads)[i], high = (*pads)[count + i];
    if (same) {
      int64_t results = (size + w.strides[i] - 1) / w.strides[i];
      int64_t total = std::max<int64_t>(0, (results - 1) * w.strides[i] + reach - size);
      low = autoPad == "SAME_UPPER" ? total / 2 : total - total / 2;
      high = total - low;
    }
    int64_t room = size + low + high - reach;
    if (room < 0 || size == 0)
      return refuse("a kernel of extent " + Twine(reach) + " does not fit dimension " +
                    Twine(i + 2) + " of " + describe(node.in(0)) + " with pads " + Twine(low) +
                    " and " + Twine(high));
    int64_t results = room / w.strides[i] + 1;
    if (ceil && room % w.strides[i]) {
      // A window that would start in the padding behind is left out.
      if (results * w.strides[i] < size + low) {
        ++results;
        high += w.strides[i] - room % w.strides[i];
      }
    }
    w.low.push_back(low);
    w.high.push_back(high);
    w.result.push_back(results);
  }
  return w;
}

/// Adds a height of 1 where there is one spatial dimension.
void makeTwoDimensional(Window &w) {
  if (w.kernel.size() != 1)
    return;
  for (SmallVector<int64_t> *list : {&w.kernel, &w.strides, &w.dilations, &w.result})
    list->insert(list->begin(), 1);
  w.low.insert(w.low.begin(), 0);
  w.high.insert(w.high.begin(), 0);
}

Operand withHeight(NodeImporter &node, Operand &input) {
  if (input.rank() == 4)
    return input;
  return node.reshape(input, {input.shape[0], input.shape[1], 1, input.shape[2]});
}

Operand padSpatial(NodeImporter &node, Operand &input, const Window &w, double with) {
  Operand value = node.scalar(input.element, with);
  return node.pad(input, {0, 0, w.low[0], w.low[1]}, {0, 0, w.high[0], w.high[1]}, value);
}

DenseIntElementsAttr pairAttr(NodeImporter &node, ArrayRef<int64_t> values) {
  return node.b.getI64TensorAttr(values);
}

/// The result's shape with the input's number of spatial dimensions.
SmallVector<int64_t> resultShape(Operand &input, int64_t channels, ArrayRef<int64_t> spatial) {
  SmallVector<int64_t> shape{input.shape[0], channels};
  shape.append(spatial.begin(), spatial.end());
  return shape;
}

LogicalResult importConv(NodeImporter &node) {
  Operand &input = node.in(0), &weight = node.in(1);
  int64_t group = node.getInt("group", 1);
  std::optional<SmallVector<int64_t>> kernel = node.findInts("kernel_shape");
  if (!node.expectFloat(0) || !node.expectSameType({0, 1}))
    return failure();
  if ((input.rank() != 3 && input.rank() != 4) || weight.rank() != input.rank())
    return node.fail("expected one or two spatial dimensions, got " + describe(input) +
                     " and weights " + describe(weight));
  auto spatial = ArrayRef<int64_t>(weight.shape).drop_front(2);
  if (kernel && ArrayRef<int64_t>(*kernel) != spatial)
    return node.fail("attribute 'kernel_shape' " + describe(*kernel) +
                     " differs from the weights " + describe(weight));
  int64_t channels = input.shape[1], features = weight.shape[0];
  if (group < 1 || channels % group || features % group || features == 0)
    return node.fail("expected a group that divides " + Twine(channels) + " channels and " +
                     Twine(features) + " features, got group " + Twine(group));
  if (weight.shape[1] != channels / group)
    return node.fail("expected weights for " + Twine(channels / group) + " channels, got " +
                     describe(weight));
  if (isFloat(input.element) && bitsOf(input.element) == 16)
    return node.fail("expected float or double, got " + describe(input));
  std::optional<Window> w = readWindow(node, spatial, /*dilates=*/true, /*ceil=*/false);
  if (!w)
    return failure();
  SmallVector<int64_t> shape = resultShape(input, features, w->result);
  if (!node.expectSize(shape, input.element))
    return failure();
  if (node.has(2) &&
      (!node.expectSameType({0, 2}) || node.in(2).rank() != 1 || node.in(2).shape[0] != features))
    return node.fail("expected a bias of shape [" + Twine(features) + "], got " +
                     describe(node.in(2)));

  makeTwoDimensional(*w);
  Operand image = withHeight(node, input), filter = withHeight(node, weight);
  Operand padded = padSpatial(node, image, *w, 0);
  SmallVector<int64_t> ones(4, 1);
  auto convolve = [&](Operand &x, Operand &f) {
    SmallVector<int64_t> size{x.shape[0], f.shape[0], w->result[0], w->result[1]};
    Value image = node.materialize(x), filter = node.materialize(f);
    Value init = node.fill(x.element, size, Scalar{0});
    return node.ofValue(
        linalg::Conv2DNchwFchwOp::create(node.b, node.loc, init.getType(),
                                         ValueRange{image, filter}, ValueRange{init},
                                         pairAttr(node, w->strides), pairAttr(node, w->dilations))
            .getResult(0),
        x.element);
  };
  Operand result;
  if (group == 1) {
    result = convolve(padded, filter);
  } else if (group == channels && features == channels) {
    Operand flat = node.reshape(filter, {channels, w->kernel[0], w->kernel[1]});
    Value image = node.materialize(padded), window = node.materialize(flat);
    Value init =
        node.fill(input.element, {input.shape[0], channels, w->result[0], w->result[1]}, Scalar{0});
    result =
        node.ofValue(linalg::DepthwiseConv2DNchwChwOp::create(
                         node.b, node.loc, init.getType(), ValueRange{image, window},
                         ValueRange{init}, pairAttr(node, w->strides), pairAttr(node, w->dilations))
                         .getResult(0),
                     input.element);
  } else if (group > 1024) {
    return node.fail("more than 1024 groups that are not depthwise");
  } else {
    SmallVector<Operand> parts;
    for (int64_t g = 0; g < group; ++g) {
      int64_t inner = channels / group, outer = features / group;
      Operand x = node.slice(padded, {0, g * inner, 0, 0},
                             {padded.shape[0], inner, padded.shape[2], padded.shape[3]}, ones);
      Operand f = node.slice(filter, {g * outer, 0, 0, 0},
                             {outer, inner, w->kernel[0], w->kernel[1]}, ones);
      parts.push_back(convolve(x, f));
    }
    SmallVector<Operand *> pointers;
    for (Operand &part : parts)
      pointers.push_back(&part);
    result = node.concat(pointers, 1);
  }
  result = node.reshape(result, shape);
  if (node.has(2)) {
    SmallVector<int64_t> column(input.rank() - 1, 1);
    column[0] = features;
    Operand bias = node.reshape(node.in(2), column);
    result = node.elementwise({&result, &bias}, input.element,
                              [](OpBuilder &n, Location at, ValueRange x) -> Value {
                                return arith::AddFOp::create(n, at, x[0], x[1]);
                              });
  }
  return node.set(result);
}

template <typename OpTy>
Operand pool(NodeImporter &node, Operand &padded, const Window &w, double start) {
  SmallVector<int64_t> size{padded.shape[0], padded.shape[1], w.result[0], w.result[1]};
  Scalar from{0};
  from.d = start;
  Value init = node.fill(padded.element, size, from);
  Value image = node.materialize(padded), window = node.empty(padded.element, w.kernel);
  return node.ofValue(OpTy::create(node.b, node.loc, TypeRange{init.getType()},
                                   ValueRange{image, window}, ValueRange{init},
                                   pairAttr(node, w.strides), pairAttr(node, w.dilations))
                          .getResult(0),
                      padded.element);
}

std::optional<Window> readPool(NodeImporter &node, bool dilates) {
  Operand &input = node.in(0);
  std::optional<SmallVector<int64_t>> kernel = node.findInts("kernel_shape");
  bool ceil = node.opset >= 10 && node.getInt("ceil_mode", 0);
  if (!node.expectFloat(0))
    return std::nullopt;
  if ((input.rank() != 3 && input.rank() != 4) || !kernel ||
      static_cast<int64_t>(kernel->size()) != input.rank() - 2) {
    (void)node.fail("expected one or two spatial dimensions and a kernel_shape "
                    "for them, got " +
                    describe(input));
    return std::nullopt;
  }
  std::optional<Window> w = readWindow(node, *kernel, dilates, ceil);
  if (w && !node.expectSize(resultShape(input, input.shape[1], w->result), input.element))
    return std::nullopt;
  return w;
}

LogicalResult importMaxPool(NodeImporter &node) {
  if (node.usesOutput(1))
    return node.fail("the indices output of MaxPool is not supported");
  if (node.opset >= 8)
    node.findInt("storage_order"); // concerns the indices
  std::optional<Window> w = readPool(node, /*dilates=*/node.opset >= 10);
  if (!w)
    return failure();
  Operand &input = node.in(0);
  SmallVector<int64_t> shape = resultShape(input, input.shape[1], w->result);
  makeTwoDimensional(*w);
  Operand image = withHeight(node, input);
  double lowest = -std::numeric_limits<double>::infinity();
  Operand padded = padSpatial(node, image, *w, lowest);
  Operand result = pool<linalg::PoolingNchwMaxOp>(node, padded, *w, lowest);
  return node.set(node.reshape(result, shape));
}

/// Window sums divided by how many elements of the image (or, on request, of
/// the padding too) the window covered, which is known.
LogicalResult importAveragePool(NodeImporter &node) {
  bool includesPads = node.getInt("count_include_pad", 0);
  bool ceil = node.opset >= 10 && node.getInt("ceil_mode", 0);
  std::optional<Window> w = readPool(node, /*dilates=*/node.opset >= 19);
  if (!w)
    return failure();
  if (ceil && includesPads)
    return node.fail("ceil_mode together with count_include_pad is not supported");
  Operand &input = node.in(0);
  SmallVector<int64_t> shape = resultShape(input, input.shape[1], w->result);
  makeTwoDimensional(*w);
  Operand image = withHeight(node, input);
  Operand padded = padSpatial(node, image, *w, 0);
  Operand sum = pool<linalg::PoolingNchwSumOp>(node, padded, *w, 0);

  auto covered = [&](int64_t dim, int64_t at) {
    if (includesPads)
      return static_cast<double>(w->kernel[dim]);
    // The steps k with 0 <= start + k * dilation < size.
    int64_t start = at * w->strides[dim] - w->low[dim], step = w->dilations[dim];
    int64_t first = start < 0 ? (-start + step - 1) / step : 0;
    int64_t room = image.shape[dim + 2] - start;
    int64_t end = room <= 0 ? 0 : std::min(w->kernel[dim], (room + step - 1) / step);
    return static_cast<double>(std::max<int64_t>(0, end - first));
  };
  if (w->result[0] * w->result[1] > kMaxFoldedElements)
    return node.fail("the result is too large");
  std::vector<Scalar> counts;
  for (int64_t y = 0; y < w->result[0]; ++y)
    for (int64_t x = 0; x < w->result[1]; ++x) {
      Scalar count{0};
      count.d = covered(0, y) * covered(1, x);
      counts.push_back(count);
    }
  Operand count = node.ofConstant(makeConstant(input.element, w->result, std::move(counts)));
  Operand mean = node.elementwise({&sum, &count}, input.element,
                                  [](OpBuilder &n, Location at, ValueRange x) -> Value {
                                    return arith::DivFOp::create(n, at, x[0], x[1]);
                                  });
  return node.set(node.reshape(mean, shape));
}

template <bool isMax> LogicalResult importGlobalPool(NodeImporter &node) {
  Operand &input = node.in(0);
  if (!node.expectFloat(0))
    return failure();
  if (input.rank() < 3 || input.size() == 0)
    return node.fail("expected [N, C, ..] with elements, got " + describe(input));
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(2, input.rank()));
  double count = input.size() / input.shape[0] / input.shape[1];
  Scalar start{0};
  start.d = isMax ? -std::numeric_limits<double>::infinity() : 0;
  auto body = [](OpBuilder &n, Location at, ValueRange x) -> Value {
    if (isMax)
      return arith::MaximumFOp::create(n, at, x[0], x[1]);
    return arith::AddFOp::create(n, at, x[0], x[1]);
  };
  auto divide = [&](OpBuilder &n, Location at, ValueRange x) -> Value {
    return arith::DivFOp::create(n, at, x[0], scalarConstant(n, at, x[0].getType(), count));
  };
  return node.set(node.reduce(input, axes, /*keepDims=*/true, start, body,
                              isMax ? ScalarBody() : ScalarBody(divide)));
}

const Operator operators[] = {
    {"", "AveragePool", 7, 1, 1, importAveragePool,
     "one or two spatial dimensions; not ceil_mode with count_include_pad"},
    {"", "Conv", 1, 2, 3, importConv, "one or two spatial dimensions; float or double"},
    {"", "GlobalAveragePool", 1, 1, 1, importGlobalPool<false>, ""},
    {"", "GlobalMaxPool", 1, 1, 1, importGlobalPool<true>, ""},
    {"", "MaxPool", 1, 1, 1, importMaxPool, "one or two spatial dimensions; no indices output"},
};

} // namespace

llvm::ArrayRef<Operator> tercet::onnx::convolutionOperators() { return operators; }
