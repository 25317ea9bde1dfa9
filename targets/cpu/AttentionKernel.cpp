// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For each head of keys and each block of rows: blocks of keys are decoded and
// turned, multiplied with the queries, and the scores become weights by the
// greatest score so far; blocks of values are decoded and added to the rows' sums
// with these weights. When a greater score turns up, what a row has is scaled
// down. In the last block keys that are not there are zeros of no weight.

#include "targets/cpu/AttentionKernel.h"

#include "passes/codegen/LoopBuilder.h"
#include "passes/codegen/LoopNest.h"
#include "targets/cpu/CacheRows.h"
#include "targets/cpu/MicroKernel.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::codegen;
using namespace tercet::cpu;

namespace {

ShapedType shapeOf(Value value) { return cast<ShapedType>(value.getType()); }

/// Sizes that are known, and where what the kernel needs lies in its workspace.
struct Workspace {
  Workspace(nn::CachedAttentionOp op, const VectorUnit &unit, int64_t tokens, int64_t heads)
      : inGroup(heads) {
    lanes = std::max<int64_t>(1, unit.lanes(32));
    block = std::max<int64_t>(32, lanes);
    depth = shapeOf(op.getQuery()).getDimSize(3);
    width = shapeOf(op.getInit()).getDimSize(3);
    most = std::max<int64_t>(1, kAttentionRows / inGroup);
    if (!ShapedType::isDynamic(tokens))
      most = std::min(most, std::max<int64_t>(1, tokens));
    rows = most * inGroup;
    auto take = [&](int64_t elements) {
      int64_t at = bytes;
      bytes += llvm::alignTo(elements * 4, 64);
      return at;
    };
    decodedAt = take(block * std::max(depth, width));
    turnedAt = take(block * depth);
    queryAt = take(rows * depth);
    scoresAt = take(rows * block);
    sumsAt = take(rows * width);
    totalsAt = take(rows * lanes);
    greatestAt = take(rows);
    biasAt = op.getMask() ? take(inGroup * block) : 0;
  }

  static Workspace of(nn::CachedAttentionOp op, const VectorUnit &unit) {
    return Workspace(op, unit, shapeOf(op.getQuery()).getDimSize(1), op.getGroupSize());
  }

  /// Query heads of a key head, keys at once, elements of a key and of a value,
  /// tokens and rows at once.
  int64_t inGroup, lanes, block, depth, width, most, rows;
  int64_t decodedAt, turnedAt, queryAt, scoresAt, sumsAt, totalsAt, greatestAt, biasAt;
  int64_t bytes = 0;
};

class AttentionEmitter {
public:
  AttentionEmitter(OpBuilder &b, nn::CachedAttentionOp op, const VectorUnit &unit, int64_t at)
      : loc(op.getLoc()), op(op), unit(unit), w(Workspace::of(op, unit)), f32(b.getF32Type()),
        floats(VectorType::get({w.lanes}, f32)), query(flatten(b, loc, op.getQuery())),
        key(flatten(b, loc, op.getKey())), value(flatten(b, loc, op.getValue())),
        init(flatten(b, loc, op.getInit())), format(op.getFormat().value_or(nn::GroupsAttr())) {
    if (op.getMask())
      mask = flatten(b, loc, op.getMask());
    auto scratch = [&](int64_t offset, ArrayRef<int64_t> shape) -> Value {
      return soc::ScratchOp::create(b, loc, MemRefType::get(shape, f32), at + offset);
    };
    decoded = scratch(w.decodedAt, {w.block * std::max(w.depth, w.width)});
    decodedKeys = scratch(w.decodedAt, {w.block, w.depth});
    turnedKeys = scratch(w.turnedAt, {w.depth, w.block});
    turned = scratch(w.turnedAt, {w.depth * w.block});
    queries = scratch(w.queryAt, {w.rows * w.depth});
    scores = scratch(w.scoresAt, {w.rows * w.block});
    sums = scratch(w.sumsAt, {w.rows * w.width});
    totals = scratch(w.totalsAt, {w.rows * w.lanes});
    greatest = scratch(w.greatestAt, {w.rows});
    if (op.getMask())
      bias = scratch(w.biasAt, {w.inGroup * w.block});
  }

  void emit(OpBuilder &b) {
    buildLoop(b, loc, zero(b), query.sizes[0], 1, [&](OpBuilder &batches, Value batch) {
      buildLoop(batches, loc, zero(b), key.sizes[2], 1, [&](OpBuilder &heads, Value head) {
        buildLoop(heads, loc, zero(b), query.sizes[1], w.most,
                  [&](OpBuilder &nested, Value token) { emitRows(nested, batch, head, token); });
      });
    });
  }

private:
  OpFoldResult zero(OpBuilder &b) { return b.getIndexAttr(0); }
  OpFoldResult add(OpBuilder &b, OpFoldResult l, OpFoldResult r) { return addIndex(b, loc, l, r); }
  OpFoldResult add(OpBuilder &b, OpFoldResult l, int64_t r) {
    return addIndex(b, loc, l, b.getIndexAttr(r));
  }
  OpFoldResult mul(OpBuilder &b, OpFoldResult l, OpFoldResult r) { return mulIndex(b, loc, l, r); }
  OpFoldResult mul(OpBuilder &b, OpFoldResult l, int64_t r) {
    return mulIndex(b, loc, l, b.getIndexAttr(r));
  }
  OpFoldResult less(OpBuilder &b, OpFoldResult l, OpFoldResult r) {
    std::optional<int64_t> left = getConstantIntValue(l), right = getConstantIntValue(r);
    if (left && right)
      return b.getIndexAttr(*left - *right);
    return arith::SubIOp::create(b, loc, indexValue(b, loc, l), indexValue(b, loc, r)).getResult();
  }
  Value constant(OpBuilder &b, double number) {
    return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(number));
  }
  Value splat(OpBuilder &b, VectorType type, double number) {
    Type element = type.getElementType();
    TypedAttr attr = isa<FloatType>(element)
                         ? TypedAttr(b.getFloatAttr(element, number))
                         : TypedAttr(b.getIntegerAttr(element, int64_t(number)));
    return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, attr));
  }
  Value load(OpBuilder &b, VectorType type, Value memory, OpFoldResult at) {
    return vector::LoadOp::create(b, loc, type, memory, ValueRange{indexValue(b, loc, at)});
  }
  void store(OpBuilder &b, Value vector, Value memory, OpFoldResult at) {
    vector::StoreOp::create(b, loc, vector, memory, ValueRange{indexValue(b, loc, at)});
  }
  /// Element (batch, row, head, 0) of a view.
  OpFoldResult rowAt(OpBuilder &b, const FlatView &view, OpFoldResult batch, OpFoldResult row,
                     OpFoldResult head) {
    OpFoldResult at = add(b, view.offset, mul(b, batch, view.strides[0]));
    at = add(b, at, mul(b, row, view.strides[1]));
    return add(b, at, mul(b, head, view.strides[2]));
  }
  /// For each query head of the group and each of `count` tokens: its row here.
  void forRows(OpBuilder &b, OpFoldResult count,
               function_ref<void(OpBuilder &, Value token, Value head, OpFoldResult row)> body) {
    buildLoop(b, loc, zero(b), count, 1, [&](OpBuilder &tokens, Value token) {
      buildLoop(tokens, loc, zero(b), tokens.getIndexAttr(w.inGroup), 1,
                [&](OpBuilder &nested, Value head) {
                  body(nested, token, head, add(nested, mul(nested, token, w.inGroup), head));
                });
    });
  }

  //===--------------------------------------------------------------------===//
  // Rows
  //===--------------------------------------------------------------------===//

  /// Tokens from `first` on, at most `most` of them, with the query heads of one
  /// key head.
  void emitRows(OpBuilder &b, Value batch, Value head, Value first) {
    OpFoldResult count = minIndex(b, loc, less(b, query.sizes[1], first), b.getIndexAttr(w.most));
    OpFoldResult rows = mul(b, count, w.inGroup), position = add(b, op.getPosition(), first);
    OpFoldResult firstHead = mul(b, head, w.inGroup);
    forRows(b, count, [&](OpBuilder &n, Value token, Value inGroup, OpFoldResult row) {
      OpFoldResult from = rowAt(n, query, batch, add(n, first, token), add(n, firstHead, inGroup));
      begin(n, from, row);
    });
    OpFoldResult end = minIndex(b, loc, add(b, position, count), key.sizes[1]);
    OpFoldResult start = zero(b);
    if (op.getWindow()) {
      // The first key that the first token sees, and the block that it is in.
      Value seen = indexValue(b, loc, add(b, position, 1 - int64_t(*op.getWindow())));
      Value none = arith::ConstantIndexOp::create(b, loc, 0);
      start = roundDown(b, loc, arith::MaxSIOp::create(b, loc, seen, none).getResult(), w.block);
    }
    buildLoop(b, loc, start, indexValue(b, loc, end), w.block, [&](OpBuilder &n, Value from) {
      emitBlock(n, batch, head, from, end, position, count, rows);
    });
    forRows(b, count, [&](OpBuilder &n, Value token, Value inGroup, OpFoldResult row) {
      finish(n, rowAt(n, init, batch, add(n, first, token), add(n, firstHead, inGroup)), row);
    });
  }

  /// The scaled query of a row, and nothing added up yet.
  void begin(OpBuilder &b, OpFoldResult from, OpFoldResult row) {
    int64_t lanes = lanesFor(w.depth, w.lanes);
    auto type = VectorType::get({lanes}, f32);
    Value scale = splat(b, type, op.getScale().convertToDouble());
    for (int64_t d = 0; d < w.depth; d += lanes) {
      Value part = load(b, type, query.memory, add(b, from, d));
      store(b, arith::MulFOp::create(b, loc, part, scale), queries,
            add(b, mul(b, row, w.depth), d));
    }
    int64_t wide = lanesFor(w.width, w.lanes);
    for (int64_t e = 0; e < w.width; e += wide)
      store(b, splat(b, VectorType::get({wide}, f32), 0.0), sums, add(b, mul(b, row, w.width), e));
    store(b, splat(b, floats, 0.0), totals, mul(b, row, w.lanes));
    // Finite, so that a row that has seen nothing yet is no special case.
    memref::StoreOp::create(b, loc, constant(b, -std::numeric_limits<float>::max()), greatest,
                            ValueRange{indexValue(b, loc, row)});
  }

  /// The sums divided by the total of the weights.
  void finish(OpBuilder &b, OpFoldResult to, OpFoldResult row) {
    Value all = load(b, floats, totals, mul(b, row, w.lanes));
    Value total = vector::ReductionOp::create(b, loc, vector::CombiningKind::ADD, all);
    int64_t lanes = lanesFor(w.width, w.lanes);
    auto type = VectorType::get({lanes}, f32);
    Value divisor = vector::BroadcastOp::create(b, loc, type, total), none = splat(b, type, 0.0);
    for (int64_t e = 0; e < w.width; e += lanes) {
      Value part = load(b, type, sums, add(b, mul(b, row, w.width), e));
      part = arith::DivFOp::create(b, loc, part, divisor);
      // Zeros are positive, whether keys of no weight were added or not there.
      store(b, arith::AddFOp::create(b, loc, part, none), init.memory, add(b, to, e));
    }
  }

  //===--------------------------------------------------------------------===//
  // Blocks of keys
  //===--------------------------------------------------------------------===//

  void emitBlock(OpBuilder &b, Value batch, Value head, Value from, OpFoldResult end,
                 OpFoldResult position, OpFoldResult count, OpFoldResult rows) {
    OpFoldResult there = minIndex(b, loc, less(b, end, from), b.getIndexAttr(w.block));
    decode(b, key, w.depth, batch, head, from, there);
    linalg::TransposeOp::create(b, loc, decodedKeys, turnedKeys, ArrayRef<int64_t>{1, 0});
    multiply(b, {queries, zero(b), b.getIndexAttr(w.depth), b.getIndexAttr(1)}, turned, w.block,
             scores, rows, w.depth, constant(b, 0.0));
    decode(b, value, w.width, batch, head, from, there);
    if (mask)
      stageBias(b, batch, head, from, there);
    Value first = indexValue(b, loc, position);
    auto integers = VectorType::get({w.lanes}, b.getI32Type());
    SmallVector<Value> places;
    for (int64_t v = 0; v < w.block; v += w.lanes) {
      SmallVector<int32_t> lane;
      for (int64_t i = 0; i < w.lanes; ++i)
        lane.push_back(v + i);
      Value steps = arith::ConstantOp::create(
          b, loc, DenseElementsAttr::get(integers, ArrayRef<int32_t>(lane)));
      places.push_back(arith::AddIOp::create(b, loc, asVector(b, from, integers), steps));
    }
    forRows(b, count, [&](OpBuilder &n, Value token, Value inGroup, OpFoldResult row) {
      Value own = arith::AddIOp::create(n, loc, first, token);
      weigh(n, places, asVector(n, own, integers), inGroup, row);
    });
    multiply(b, {scores, zero(b), b.getIndexAttr(w.block), b.getIndexAttr(1)}, decoded, w.width,
             sums, rows, w.block, Value());
  }

  Value asVector(OpBuilder &b, Value index, VectorType type) {
    Value word = arith::IndexCastOp::create(b, loc, type.getElementType(), index);
    return vector::BroadcastOp::create(b, loc, type, word);
  }

  void multiply(OpBuilder &b, const Matrix &left, Value right, int64_t columns, Value to,
                OpFoldResult rows, int64_t depth, Value start) {
    Product product;
    product.lhs = left;
    product.rhs = {right, zero(b), b.getIndexAttr(columns), b.getIndexAttr(1)};
    product.init = {to, zero(b), b.getIndexAttr(columns), b.getIndexAttr(1)};
    product.m = rows;
    product.n = b.getIndexAttr(columns);
    product.k = b.getIndexAttr(depth);
    product.lhsElement = product.rhsElement = product.element = f32;
    product.start = start;
    product.ordered = true;
    emitProduct(b, loc, product, unit);
  }

  /// What is added to the scores of a block, for each query head of the group.
  void stageBias(OpBuilder &b, Value batch, Value head, Value from, OpFoldResult there) {
    auto own = [&](int64_t dim, OpFoldResult number) {
      return getConstantIntValue(mask->sizes[dim]) == 1 ? zero(b) : number;
    };
    buildLoop(b, loc, zero(b), b.getIndexAttr(w.inGroup), 1, [&](OpBuilder &heads, Value inGroup) {
      OpFoldResult number = own(1, add(heads, mul(heads, head, w.inGroup), inGroup));
      OpFoldResult at = rowAt(heads, *mask, own(0, batch), number, zero(b));
      buildLoop(heads, loc, zero(b), there, 1, [&](OpBuilder &n, Value t) {
        OpFoldResult place = add(n, at, mul(n, add(n, from, t), mask->strides[3]));
        Value element =
            memref::LoadOp::create(n, loc, mask->memory, ValueRange{indexValue(n, loc, place)});
        OpFoldResult to = add(n, mul(n, inGroup, w.block), t);
        memref::StoreOp::create(n, loc, element, bias, ValueRange{indexValue(n, loc, to)});
      });
      buildLoop(heads, loc, indexValue(heads, loc, there), heads.getIndexAttr(w.block), 1,
                [&](OpBuilder &n, Value t) {
                  OpFoldResult to = add(n, mul(n, inGroup, w.block), t);
                  memref::StoreOp::create(n, loc, constant(n, 0.0), bias,
                                          ValueRange{indexValue(n, loc, to)});
                });
    });
  }

  /// Scores of a row become weights, and the row is brought to its greatest score.
  void weigh(OpBuilder &b, ArrayRef<Value> places, Value own, Value inGroup, OpFoldResult row) {
    Value lowest = splat(b, floats, -std::numeric_limits<double>::infinity());
    SmallVector<Value> parts;
    Value highest, earliest;
    if (op.getWindow())
      earliest = arith::SubIOp::create(b, loc, own,
                                       splat(b, cast<VectorType>(own.getType()), *op.getWindow()));
    OpFoldResult at = mul(b, row, w.block);
    for (auto [number, place] : llvm::enumerate(places)) {
      int64_t v = number * w.lanes;
      Value part = load(b, floats, scores, add(b, at, v));
      if (mask)
        part = arith::AddFOp::create(b, loc, part,
                                     load(b, floats, bias, add(b, mul(b, inGroup, w.block), v)));
      Value seen = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sle, place, own);
      if (earliest) {
        Value near = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt, place, earliest);
        seen = arith::AndIOp::create(b, loc, seen, near);
      }
      parts.push_back(arith::SelectOp::create(b, loc, seen, part, lowest));
      highest = highest ? arith::MaxNumFOp::create(b, loc, highest, parts.back()).getResult()
                        : parts.back();
    }
    Value here = vector::ReductionOp::create(b, loc, vector::CombiningKind::MAXNUMF, highest);
    Value number = indexValue(b, loc, row);
    Value before = memref::LoadOp::create(b, loc, greatest, ValueRange{number});
    Value isGreater = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT, here, before);
    Value now = arith::SelectOp::create(b, loc, isGreater, here, before);
    scf::IfOp::create(b, loc, isGreater, [&](OpBuilder &n, Location nested) {
      memref::StoreOp::create(n, loc, here, greatest, ValueRange{number});
      Value moved = arith::SubFOp::create(n, loc, before, here);
      scaleDown(n, row, math::ExpOp::create(n, loc, moved));
      scf::YieldOp::create(n, nested);
    });
    Value base = vector::BroadcastOp::create(b, loc, floats, now);
    Value total = load(b, floats, totals, mul(b, row, w.lanes));
    for (auto [index, part] : llvm::enumerate(parts)) {
      Value weight = math::ExpOp::create(b, loc, arith::SubFOp::create(b, loc, part, base));
      store(b, weight, scores, add(b, at, int64_t(index) * w.lanes));
      total = arith::AddFOp::create(b, loc, total, weight);
    }
    store(b, total, totals, mul(b, row, w.lanes));
  }

  /// What a row has added up, times a factor.
  void scaleDown(OpBuilder &b, OpFoldResult row, Value factor) {
    int64_t lanes = lanesFor(w.width, w.lanes);
    auto type = VectorType::get({lanes}, f32);
    Value by = vector::BroadcastOp::create(b, loc, type, factor);
    for (int64_t e = 0; e < w.width; e += lanes) {
      OpFoldResult at = add(b, mul(b, row, w.width), e);
      store(b, arith::MulFOp::create(b, loc, load(b, type, sums, at), by), sums, at);
    }
    OpFoldResult at = mul(b, row, w.lanes);
    by = vector::BroadcastOp::create(b, loc, floats, factor);
    store(b, arith::MulFOp::create(b, loc, load(b, floats, totals, at), by), totals, at);
  }

  /// Rows [from, from + there) of a cache's head in f32; zeros up to the block.
  void decode(OpBuilder &b, const FlatView &cache, int64_t size, Value batch, Value head,
              Value from, OpFoldResult there) {
    buildLoop(b, loc, zero(b), there, 1, [&](OpBuilder &n, Value t) {
      OpFoldResult at = rowAt(n, cache, batch, add(n, from, t), head), to = mul(n, t, size);
      CacheRows(format, size, w.lanes).decode(n, loc, cache.memory, at, decoded, to);
    });
    int64_t lanes = lanesFor(size, w.lanes);
    buildLoop(b, loc, indexValue(b, loc, there), b.getIndexAttr(w.block), 1,
              [&](OpBuilder &n, Value t) {
                for (int64_t d = 0; d < size; d += lanes)
                  store(n, splat(n, VectorType::get({lanes}, f32), 0.0), decoded,
                        add(n, mul(n, t, size), d));
              });
  }

  Location loc;
  nn::CachedAttentionOp op;
  const VectorUnit &unit;
  Workspace w;
  Type f32;
  VectorType floats;
  FlatView query, key, value, init;
  std::optional<FlatView> mask;
  /// Null: the cache has floats.
  nn::GroupsAttr format;
  /// In the workspace; keys and values take turns in `decoded`.
  Value decoded, decodedKeys, turnedKeys, turned, queries, scores, sums, totals, greatest, bias;
};

} // namespace

bool cpu::hasAttentionKernel(nn::CachedAttentionOp op) {
  ShapedType query = shapeOf(op.getQuery()), key = shapeOf(op.getKey()),
             init = shapeOf(op.getInit());
  Type element = key.getElementType();
  if (!query.getElementType().isF32() || query.isDynamicDim(2) || query.isDynamicDim(3) ||
      key.isDynamicDim(2) || init.isDynamicDim(3) || query.getDimSize(3) == 0 ||
      init.getDimSize(3) == 0)
    return false;
  if (op.getFormat())
    return CacheRows::canDecode(*op.getFormat());
  return element.isF32() || element.isF16() || element.isBF16();
}

uint64_t cpu::attentionWorkspaceBytes(nn::CachedAttentionOp op, const VectorUnit &unit,
                                      int64_t tokens, int64_t heads) {
  return Workspace(op, unit, tokens, heads).bytes;
}

uint64_t cpu::workspaceBytes(soc::KernelOp kernel, soc::CpuAttr cpu) {
  VectorUnit unit = VectorUnit::of(cpu);
  int64_t bytes = 0;
  kernel.walk([&](nn::CachedAttentionOp op) {
    if (hasAttentionKernel(op))
      bytes = std::max(bytes, Workspace::of(op, unit).bytes);
  });
  return bytes;
}

void cpu::emitAttention(OpBuilder &b, nn::CachedAttentionOp op, const VectorUnit &unit,
                        int64_t workspaceAt) {
  AttentionEmitter(b, op, unit, workspaceAt).emit(b);
}
