// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX Runtime's product with a matrix whose rows are quantised in groups. The
// matrix becomes a recipe of blocks (#nn.groups) that decode to its exact
// values; the graph stage then decides that they stay packed. What the node
// promises of its left-hand side (accuracy_level) is kept.

#include "compiler/import/CodedMatrix.h"
#include "compiler/import/onnx/OperatorTable.h"

#include "dialects/nn/NN.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::onnx;

namespace {

/// A known input as a recipe of a shape, in the element type that it is stored
/// in; null and an error if it depends on the model's inputs.
TypedAttr recipeOf(NodeImporter &node, unsigned i, ArrayRef<int64_t> shape) {
  Operand &operand = node.in(i);
  if (!operand.constant && !operand.weight) {
    (void)node.fail("expected input " + Twine(i) + " to be an initializer, got " +
                    describe(operand) + " that depends on the model's inputs");
    return {};
  }
  if (ArrayRef<int64_t>(operand.shape) != shape &&
      operand.size() != ShapedType::getNumElements(shape)) {
    (void)node.fail("expected input " + Twine(i) + " of shape " + describe(shape) + ", got " +
                    describe(operand));
    return {};
  }
  // Older exporters write scales and zeros in one dimension.
  if (operand.rank() != 1 && ArrayRef<int64_t>(operand.shape) != shape) {
    (void)node.fail("expected input " + Twine(i) + " of shape " + describe(shape) + ", got " +
                    describe(operand));
    return {};
  }
  Operand shaped = node.reshape(operand, shape);
  if (shaped.weight)
    return shaped.weight;
  return toAttribute(node.b.getContext(), *shaped.constant);
}

struct Sizes {
  int64_t k, n, bits, block, blocks;
};

std::optional<Sizes> readSizes(NodeImporter &node) {
  Sizes sizes{node.getInt("K", 0), node.getInt("N", 0), node.getInt("bits", 4),
              node.getInt("block_size", 0), 0};
  auto fail = [&](const Twine &text) {
    (void)node.fail(text);
    return std::nullopt;
  };
  if (sizes.bits != 2 && sizes.bits != 4 && sizes.bits != 8)
    return fail("expected attribute 'bits' to be 2, 4 or 8, got " + Twine(sizes.bits));
  if (sizes.block < 16 || sizes.block > kLongestBlock || !llvm::isPowerOf2_64(sizes.block))
    return fail("expected attribute 'block_size' to be a power of two from 16 to " +
                Twine(kLongestBlock) + ", got " + Twine(sizes.block));
  if (sizes.k < 1 || sizes.n < 1 || !node.expectSize({sizes.n, sizes.k}, DataType::Double))
    return fail("expected attributes 'K' and 'N' of at least 1, got " + Twine(sizes.k) + " and " +
                Twine(sizes.n));
  sizes.blocks = llvm::divideCeil(sizes.k, sizes.block);
  if (sizes.blocks > kLongestBlock)
    return fail("expected at most " + Twine(kLongestBlock) + " blocks in a row, got " +
                Twine(sizes.blocks));
  return sizes;
}

bool readZeros(NodeImporter &node, const Sizes &sizes, CodedMatrix &matrix) {
  matrix.zero = int64_t(1) << (sizes.bits - 1);
  if (!node.has(3))
    return true;
  Operand &zeros = node.in(3);
  if (zeros.element == DataType::Uint8) {
    int64_t bytes = llvm::divideCeil(sizes.blocks * sizes.bits, 8);
    TypedAttr packed = recipeOf(node, 3, {sizes.n, bytes});
    if (!packed)
      return false;
    matrix.zeros = unpackCodes(packed, sizes.n, sizes.blocks, sizes.bits);
    return true;
  }
  if (zeros.element != node.in(2).element) {
    (void)node.fail("expected input 3 (zero_points) of uint8 or of the type of the scales, got " +
                    describe(zeros));
    return false;
  }
  matrix.floatZeros = true;
  matrix.zeros = recipeOf(node, 3, {sizes.n, sizes.blocks});
  return static_cast<bool>(matrix.zeros);
}

/// A B^T for B in [N, K], of which `block_size` elements along K share a scale.
LogicalResult importMatMulNBits(NodeImporter &node) {
  int64_t level = node.getInt("accuracy_level", 0);
  std::optional<Sizes> sizes = readSizes(node);
  if (!sizes)
    return failure();
  auto [k, n, bits, block, blocks] = *sizes;
  Operand &a = node.in(0);
  if (node.has(4))
    return node.fail(
        "input 4 (g_idx) is not supported; try to quantise the model without act-order");
  if (level < 0 || level > 4)
    return node.fail("expected attribute 'accuracy_level' from 0 to 4, got " + Twine(level));
  if (!node.expectFloat(0) || !node.expectSameType({0, 2}))
    return failure();
  if (a.element == DataType::Double || a.rank() < 1 || a.shape.back() != k)
    return node.fail("expected input 0 of float or float16 in [.., " + Twine(k) + "], got " +
                     describe(a));
  if (node.in(1).element != DataType::Uint8)
    return node.fail("expected input 1 of uint8, got " + describe(node.in(1)));
  TypedAttr packed = recipeOf(node, 1, {n, blocks, block * bits / 8});
  TypedAttr scales = recipeOf(node, 2, {n, blocks});
  CodedMatrix matrix;
  if (!packed || !scales || !readZeros(node, *sizes, matrix))
    return failure();
  matrix.rows = n;
  matrix.columns = k;
  matrix.bits = bits;
  matrix.group = block;
  matrix.scales = scales;
  // The last block of a row is whole in the file.
  matrix.codes = firstColumns(narrowCodes(unpackCodes(packed, n, blocks * block, bits), bits), k);
  GroupedRows rows = joinBlocks(matrix);
  MLIRContext *context = node.b.getContext();
  Type f32 = node.b.getF32Type();
  TypedAttr decoded =
      nn::DecodeAttr::get(context, rows.blocks, rows.format, RankedTensorType::get({n, k}, f32));
  Operand weight;
  weight.element = DataType::Float;
  weight.shape = {k, n};
  weight.weight =
      nn::TransposeAttr::get(context, decoded, {1, 0}, RankedTensorType::get({k, n}, f32));
  weight.weightName = node.node.inputs[1];
  // Level 4 lets the left-hand side be rounded to 8 bits.
  weight.floatActivations = level != 4;
  DataType element = a.element;
  SmallVector<int64_t> result(a.shape);
  result.back() = n;
  if (!node.expectSize(result, DataType::Float))
    return failure();
  Operand left = node.convert(a, DataType::Float);
  Operand product = node.matmul(left, weight);
  if (node.has(5)) {
    if (!node.expectSameType({0, 5}) || ArrayRef<int64_t>(node.in(5).shape) != ArrayRef<int64_t>{n})
      return node.fail("expected input 5 (bias) of shape [" + Twine(n) + "], got " +
                       describe(node.in(5)));
    Operand bias = node.convert(node.in(5), DataType::Float);
    product = node.elementwise({&product, &bias}, DataType::Float,
                               [](OpBuilder &b, Location at, ValueRange x) -> Value {
                                 return arith::AddFOp::create(b, at, x[0], x[1]);
                               });
  }
  return node.set(node.convert(product, element));
}

/// Rows of a matrix of which `block_size` elements of a row share a scale, as
/// floats. Stored in bytes, as exporters of decoders write embeddings.
LogicalResult importGatherBlockQuantized(NodeImporter &node) {
  int64_t bits = node.getInt("bits", 4), block = node.getInt("block_size", 128);
  Operand &data = node.in(0), &ids = node.in(1), &scales = node.in(2);
  std::optional<int64_t> axis = node.normalizeAxis(node.getInt("gather_axis", 0), data.rank());
  std::optional<int64_t> along = node.normalizeAxis(node.getInt("quantize_axis", 1), data.rank());
  if (!axis || !along)
    return failure();
  if (bits != 4 && bits != 8)
    return node.fail("expected attribute 'bits' to be 4 or 8, got " + Twine(bits));
  if (data.element != DataType::Uint8 || data.rank() != 2 || *axis != 0 || *along != 1)
    return node.fail(
        "expected rows of a matrix of uint8, quantised along its last dimension, got " +
        describe(data));
  if (!isFloat(scales.element) || scales.element == DataType::Double ||
      (ids.element != DataType::Int64 && ids.element != DataType::Int32))
    return node.fail("expected int32 or int64 indices and float or float16 scales, got " +
                     describe(ids) + " and " + describe(scales));
  if (block < 16 || block > kLongestBlock || !llvm::isPowerOf2_64(block))
    return node.fail("expected attribute 'block_size' to be a power of two from 16 to " +
                     Twine(kLongestBlock) + ", got " + Twine(block));
  int64_t rows = data.shape[0], columns = data.shape[1] * 8 / bits;
  Sizes sizes{columns, rows, bits, block, int64_t(llvm::divideCeil(columns, block))};
  SmallVector<int64_t> result(ids.shape);
  result.push_back(columns);
  if (rows < 1 || columns < 1 || sizes.blocks > kLongestBlock)
    return node.fail("expected a matrix of up to " + Twine(kLongestBlock) +
                     " blocks in a row, got " + describe(data));
  if (!node.expectSize({rows, columns}, DataType::Double) ||
      !node.expectSize(result, DataType::Float))
    return failure();
  CodedMatrix matrix{rows, columns, bits, block, {}, {}, {}};
  TypedAttr packed = recipeOf(node, 0, data.shape);
  matrix.scales = recipeOf(node, 2, {rows, sizes.blocks});
  if (!packed || !matrix.scales || !readZeros(node, sizes, matrix))
    return failure();
  matrix.codes = narrowCodes(unpackCodes(packed, rows, columns, bits), bits);
  GroupedRows joined = joinBlocks(matrix);
  Operand weight;
  weight.element = DataType::Float;
  weight.shape = {rows, columns};
  weight.weight = nn::DecodeAttr::get(node.b.getContext(), joined.blocks, joined.format,
                                      RankedTensorType::get({rows, columns}, node.b.getF32Type()));
  weight.weightName = node.node.inputs[0];
  Operand gathered = node.gather(weight, ids, 0);
  return node.set(node.convert(gathered, scales.element));
}

const Operator operators[] = {
    {"com.microsoft", "GatherBlockQuantized", 1, 3, 4, importGatherBlockQuantized,
     "rows of a matrix of uint8 with 4 or 8 bits, known at compile time"},
    {"com.microsoft", "MatMulNBits", 1, 3, 6, importMatMulNBits,
     "2, 4 or 8 bits, weights known at compile time; no g_idx; left-hand side rounded to 8 bits "
     "only "
     "with accuracy_level 4"},
};

} // namespace

llvm::ArrayRef<Operator> tercet::onnx::groupedProductOperators() { return operators; }
