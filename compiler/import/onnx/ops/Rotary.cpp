// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// At a position heads are turned by nn.rope; by rows that are known only as the
// program runs, by elementwise operations on rows that are gathered.

#include "compiler/import/onnx/ops/Rotary.h"

#include "compiler/import/onnx/DecoderEntry.h"
#include "compiler/import/onnx/OperatorTable.h"

#include "dialects/nn/NN.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::onnx;

bool tercet::onnx::expectTables(NodeImporter &node, const RotaryTables &tables, int64_t size) {
  Operand &cos = node.in(tables.cos), &sin = node.in(tables.sin);
  if (cos.rank() != 2 || cos.shape != sin.shape || cos.element != sin.element ||
      !isFloat(cos.element) || cos.shape[0] < 1 || cos.shape[1] < 1 || 2 * cos.shape[1] > size) {
    (void)node.fail("expected cosines and sines of one type in [positions, at most " +
                    Twine(size / 2) + "], got " + describe(cos) + " and " + describe(sin));
    return false;
  }
  return true;
}

static Operand lastDimension(NodeImporter &node, Operand &x, int64_t from, int64_t size) {
  SmallVector<int64_t> offsets(x.rank(), 0), sizes(x.shape), strides(x.rank(), 1);
  offsets.back() = from;
  sizes.back() = size;
  return node.slice(x, offsets, sizes, strides);
}

/// Even elements of the last dimension before odd ones, or back.
static Operand apart(NodeImporter &node, Operand &x, bool back) {
  SmallVector<int64_t> shape(x.shape), perm;
  int64_t half = shape.back() / 2, rank = x.rank();
  shape.back() = back ? 2 : half;
  shape.push_back(back ? half : 2);
  for (int64_t dim = 0; dim + 1 < rank; ++dim)
    perm.push_back(dim);
  perm.append({rank, rank - 1});
  Operand pairs = node.reshape(x, shape), turned = node.transpose(pairs, perm);
  return node.reshape(turned, x.shape);
}

Operand tercet::onnx::turnAt(NodeImporter &node, Operand heads, const RotaryTables &tables,
                             Value position, int64_t context, bool restore) {
  int64_t half = node.in(tables.cos).shape[1], size = heads.shape.back(), rotated = 2 * half;
  Operand part = lastDimension(node, heads, 0, rotated);
  if (tables.interleaved)
    part = apart(node, part, false);
  auto rows = [&](unsigned input) {
    Operand table = node.convert(node.in(input), DataType::Float);
    Operand first = node.slice(table, {0, 0}, {context, half}, {1, 1});
    Operand both = node.concat({&first, &first}, 1);
    Operand shaped = node.reshape(both, {1, context, rotated});
    return node.materialize(shaped);
  };
  Value cos = rows(tables.cos), sin = rows(tables.sin);
  Value x = node.materialize(part), init = node.empty(DataType::Float, part.shape);
  Operand turned = node.ofValue(
      nn::RopeOp::create(node.b, node.loc, init.getType(), x, cos, sin, init, position).getResult(),
      DataType::Float);
  if (tables.interleaved && restore)
    turned = apart(node, turned, true);
  if (rotated == size)
    return turned;
  Operand rest = lastDimension(node, heads, rotated, size - rotated);
  return node.concat({&turned, &rest}, heads.rank() - 1);
}

Operand tercet::onnx::turnByRows(NodeImporter &node, Operand heads, const RotaryTables &tables,
                                 Operand ids) {
  DataType element = heads.element;
  int64_t half = node.in(tables.cos).shape[1], size = heads.shape.back(), rotated = 2 * half;
  Operand part = lastDimension(node, heads, 0, rotated);
  if (tables.interleaved)
    part = apart(node, part, false);
  Operand low = lastDimension(node, part, 0, half), high = lastDimension(node, part, half, half);
  auto rows = [&](unsigned input) {
    Operand table = node.convert(node.in(input), element), got = node.gather(table, ids, 0);
    return node.reshape(got, {got.shape[0], got.shape[1], 1, half});
  };
  Operand cos = rows(tables.cos), sin = rows(tables.sin);
  auto combine = [&](Operand &a, Operand &c, bool isSum) {
    return node.elementwise({&a, &cos, &c, &sin}, element,
                            [&](OpBuilder &n, Location at, ValueRange x) -> Value {
                              Value left = arith::MulFOp::create(n, at, x[0], x[1]);
                              Value right = arith::MulFOp::create(n, at, x[2], x[3]);
                              if (isSum)
                                return arith::AddFOp::create(n, at, left, right);
                              return arith::SubFOp::create(n, at, left, right);
                            });
  };
  Operand first = combine(low, high, false), second = combine(high, low, true);
  Operand turned = node.concat({&first, &second}, heads.rank() - 1);
  if (tables.interleaved)
    turned = apart(node, turned, true);
  if (rotated == size)
    return turned;
  Operand rest = lastDimension(node, heads, rotated, size - rotated);
  return node.concat({&turned, &rest}, heads.rank() - 1);
}

namespace {

/// Positions of [B, S] tokens: as they are, or a first one that the others follow.
std::optional<Operand> positionsOf(NodeImporter &node, int64_t batch, int64_t tokens) {
  Operand &ids = node.in(1);
  if (!isInteger(ids.element)) {
    (void)node.fail("expected input 1 (position_ids) of integers, got " + describe(ids));
    return std::nullopt;
  }
  if (ids.size() == batch * tokens && ids.rank() == 2 && ids.shape[0] == batch)
    return ids;
  if (ids.size() != 1) {
    (void)node.fail("expected input 1 (position_ids) of shape [" + Twine(batch) + ", " +
                    Twine(tokens) + "] or [1], got " + describe(ids));
    return std::nullopt;
  }
  std::vector<Scalar> steps;
  for (int64_t i = 0; i < tokens; ++i)
    steps.push_back(Scalar{i});
  Operand first = node.reshape(ids, {1, 1});
  Operand following = node.ofConstant(makeConstant(ids.element, {1, tokens}, std::move(steps)));
  Operand row = node.elementwise({&first, &following}, ids.element,
                                 [](OpBuilder &n, Location at, ValueRange x) -> Value {
                                   return arith::AddIOp::create(n, at, x[0], x[1]);
                                 });
  return node.broadcast(row, {batch, tokens});
}

LogicalResult importRotaryEmbedding(NodeImporter &node) {
  RotaryTables tables{2, 3, node.getInt("interleaved", 0) != 0};
  int64_t heads = node.getInt("num_heads", 0), rotated = node.getInt("rotary_embedding_dim", 0);
  double scale = node.getFloat("scale", 1);
  if (node.getInt("is_packed_batching", 0) != 0)
    return node.fail("expected attribute 'is_packed_batching' to be 0");
  if (scale != 1)
    return node.fail("expected attribute 'scale' to be 1, got " +
                     llvm::formatv("{0}", scale).str());
  Operand &input = node.in(0);
  if (!node.expectFloat(0) || !node.expectSameType({0, 2, 3}))
    return failure();
  if (input.rank() != 3 && input.rank() != 4)
    return node.fail("expected input 0 in [B, S, heads * size] or [B, heads, S, size], got " +
                     describe(input));
  // Without a number of heads the tables say how large they are.
  Operand &cos = node.in(2);
  bool apartHeads = input.rank() == 4;
  int64_t tokens = input.shape[apartHeads ? 2 : 1], count = apartHeads ? input.shape[1] : heads;
  if (!apartHeads && count <= 0) {
    if (rotated > 0)
      return node.fail("expected attribute 'num_heads' beside 'rotary_embedding_dim'");
    int64_t size = cos.rank() == 2 ? 2 * cos.shape[1] : 0;
    count = size > 0 ? input.shape[2] / size : 0;
  }
  if (count < 1 || (!apartHeads && input.shape[2] % count != 0))
    return node.fail("expected a number of heads that divides the last dimension, got " +
                     describe(input) + " and " + Twine(count) + " heads");
  int64_t size = apartHeads ? input.shape[3] : input.shape[2] / count;
  if (!expectTables(node, tables, size))
    return failure();
  if (2 * cos.shape[1] != (rotated > 0 ? rotated : size))
    return node.fail("expected cosines in [positions, " +
                     Twine((rotated > 0 ? rotated : size) / 2) + "], got " + describe(cos));
  std::optional<Operand> ids = positionsOf(node, input.shape[0], tokens);
  if (!ids)
    return failure();
  Operand x = apartHeads ? node.transpose(input, {0, 2, 1, 3})
                         : node.reshape(input, {input.shape[0], tokens, count, size});
  DecoderEntry *decoder = node.decoder;
  bool isFollowing = decoder && ids->value && ids->value == decoder->positions &&
                     input.element == DataType::Float && cos.shape[0] >= decoder->context;
  Operand turned =
      isFollowing ? turnAt(node, x, tables, decoder->position, decoder->context, /*restore=*/true)
                  : turnByRows(node, x, tables, *ids);
  if (apartHeads)
    return node.set(node.transpose(turned, {0, 2, 1, 3}));
  return node.set(node.reshape(turned, input.shape));
}

const Operator operators[] = {
    {"com.microsoft", "RotaryEmbedding", 1, 4, 4, importRotaryEmbedding,
     "no packed batching, scale 1"},
};

} // namespace

llvm::ArrayRef<Operator> tercet::onnx::positionOperators() { return operators; }
