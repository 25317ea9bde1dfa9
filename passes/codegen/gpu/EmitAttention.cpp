// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention without its scores in memory (Dao et al., arXiv 2205.14135; Milakov
// and Gimelshein, arXiv 1805.02867). Some neighbouring threads have a query.
// They go through the keys in blocks: each takes some keys of the block, the
// weights of all go through workgroup memory, and each adds up some columns of
// the values. When a block has a greater score, what has been summed shrinks.
// Where there are fewer queries than threads for them, several groups of threads
// have a query and go through blocks of their own; at the end they put together
// what each has. Over a cache, the keys that no query sees are not visited.

#include "passes/codegen/gpu/Emitters.h"

#include "passes/codegen/LoopBuilder.h"
#include "passes/codegen/gpu/VectorAccess.h"
#include "passes/codegen/gpu/WorkgroupReduce.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::codegen;

namespace {

/// Keys of a block, if a query has fewer threads than that.
constexpr int64_t kBlockKeys = 32;
/// Values that a thread sums at most, in vectors.
constexpr int64_t kMaxVectors = 8;
/// Elements of a value that fewest threads of a workgroup can sum.
constexpr int64_t kMaxWidth = 1024;

/// [B, S, H, D] in memory, by any strides.
Access accessOf(TileBuilder &b, Value memref) {
  FlatView view = flatten(b, b.getLoc(), memref);
  Access access;
  access.memory = view.memory;
  access.element = cast<MemRefType>(memref.getType()).getElementType();
  access.offset = view.offset;
  access.strides = view.strides;
  return access;
}

/// What both operations say.
struct Attention {
  Value query, key, value, mask, init;
  double scale;
  int64_t perGroup;
  /// Of the first query, which sees the keys up to there; null: all see all keys.
  Value position;
  std::optional<uint64_t> window;

  static Attention of(Operation *op) {
    if (auto cached = dyn_cast<nn::CachedAttentionOp>(op))
      return {cached.getQuery(),     cached.getKey(),      cached.getValue(),
              cached.getMask(),      cached.getInit(),     cached.getScale().convertToDouble(),
              cached.getGroupSize(), cached.getPosition(), cached.getWindow()};
    auto plain = cast<nn::AttentionOp>(op);
    return {plain.getQuery(),     plain.getKey(),  plain.getValue(),
            plain.getMask(),      plain.getInit(), plain.getScale().convertToDouble(),
            plain.getGroupSize(), Value(),         std::nullopt};
  }
};

class AttentionEmission {
public:
  AttentionEmission(TileBuilder &b, const Attention &op) : b(b), op(op) {}

  bool prepare() {
    auto type = [](Value value) { return cast<MemRefType>(value.getType()); };
    MemRefType q = type(op.query), v = type(op.value);
    if (q.isDynamicDim(3) || v.isDynamicDim(3) || q.getDimSize(3) % kLanes != 0 ||
        v.getDimSize(3) % kLanes != 0)
      return false;
    depth = q.getDimSize(3);
    width = v.getDimSize(3);
    query = accessOf(b, op.query);
    key = accessOf(b, op.key);
    value = accessOf(b, op.value);
    result = accessOf(b, op.init);
    if (op.mask)
      mask = accessOf(b, op.mask);
    for (const Access *access : {&query, &key, &value, &result})
      if (!access->isUnit(3))
        return false;
    element = result.element.getIntOrFloatBitWidth() < 32 ? Type(b.getF32Type()) : result.element;
    queries = sizeOf(op.query, 1);
    keys = sizeOf(op.key, 1);
    std::optional<int64_t> most = upperBound(queries);
    if (!most)
      return false;
    int64_t least = llvm::PowerOf2Ceil(llvm::divideCeil(width / kLanes, kMaxVectors));
    if (least > b.threads)
      return false;
    int64_t slots = std::min<int64_t>(b.threads / least, llvm::PowerOf2Ceil(*most));
    // More threads than vectors of a value would have nothing to sum.
    while (b.threads / slots > std::max<int64_t>(1, llvm::PowerOf2Ceil(width / kLanes)))
      slots *= 2;
    queriesAtOnce = std::min<int64_t>(slots, llvm::PowerOf2Ceil(*most));
    splits = slots / queriesAtOnce;
    threadsOfSlot = b.threads / slots;
    vectors = llvm::divideCeil(width / kLanes, threadsOfSlot);
    blockKeys = std::max(kBlockKeys, threadsOfSlot);
    keysOfThread = blockKeys / threadsOfSlot;
    rowElements = splits == 1 ? blockKeys : std::max(blockKeys, width);
    std::optional<Value> memory = allocateShared(b, element, slots * rowElements);
    if (!memory)
      return false;
    shared = *memory;
    return true;
  }

  void run() {
    Value threads = b.index(threadsOfSlot);
    lane = arith::RemUIOp::create(b, b.thread(), threads);
    Value slot = arith::DivUIOp::create(b, b.thread(), threads);
    row = arith::MulIOp::create(b, slot, b.index(rowElements));
    number = slot;
    if (splits != 1) {
      split = arith::RemUIOp::create(b, slot, b.index(splits));
      number = arith::DivUIOp::create(b, slot, b.index(splits));
      firstRow = arith::MulIOp::create(b, number, b.index(splits * rowElements));
    }
    // Batches, heads and blocks of queries one after the other, for all threads
    // alike: barriers stand inside.
    forAll(sizeOf(op.query, 0), 1, [&](Value batch) {
      forAll(sizeOf(op.query, 2), 1, [&](Value head) {
        forAll(queries, queriesAtOnce, [&](Value first) { overKeys(batch, head, first); });
      });
    });
  }

private:
  OpFoldResult sizeOf(Value memref, int64_t dim) {
    return memref::getMixedSize(b, b.getLoc(), memref, dim);
  }
  Value sizeValue(OpFoldResult size) { return indexValue(b, b.getLoc(), size); }

  void forAll(OpFoldResult size, int64_t step, function_ref<void(Value)> body) {
    std::optional<int64_t> most = upperBound(size);
    if (most && *most <= step)
      return body(b.index(0));
    auto loop = scf::ForOp::create(b, b.index(0), sizeValue(size), b.index(step));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    // What is in workgroup memory may still be read.
    b.barrier();
    body(loop.getInductionVar());
  }

  Value constant(double value) {
    return arith::ConstantOp::create(b, b.getFloatAttr(element, value));
  }
  Value add(Value left, int64_t right) {
    return right == 0 ? left : arith::AddIOp::create(b, left, b.index(right)).getResult();
  }

  /// Sets the keys that the queries from `first` on see, from `begin` to `end`.
  void setKeys(Value first) {
    begin = b.index(0);
    end = sizeValue(keys);
    if (!op.position)
      return;
    Value past = arith::AddIOp::create(b, first, b.index(queriesAtOnce));
    past = arith::MinSIOp::create(b, past, sizeValue(queries));
    end = arith::MinSIOp::create(b, arith::AddIOp::create(b, op.position, past), end);
    if (!op.window)
      return;
    Value earliest = arith::AddIOp::create(b, op.position, first);
    earliest = arith::SubIOp::create(b, earliest, b.index(static_cast<int64_t>(*op.window) - 1));
    begin = arith::MaxSIOp::create(b, earliest, begin);
  }

  void overKeys(Value batch, Value head, Value first) {
    Value mine = arith::AddIOp::create(b, first, number);
    Value last = arith::SubIOp::create(b, sizeValue(queries), b.index(1));
    Value position = arith::MinUIOp::create(b, mine, last);
    Value group = head;
    if (op.perGroup != 1)
      group = arith::DivUIOp::create(b, head, b.index(op.perGroup));
    setKeys(first);

    // The greatest score, this thread's part of the sum of weights, the sums.
    // The lowest float instead of -inf: less anything it is no NaN.
    SmallVector<Value> carried{
        arith::ConstantOp::create(
            b, FloatAttr::get(element,
                              APFloat::getLargest(cast<FloatType>(element).getFloatSemantics(),
                                                  /*Negative=*/true))),
        constant(0)};
    auto vector = VectorType::get({kLanes}, element);
    for (int64_t i = 0; i < vectors; ++i)
      carried.push_back(arith::ConstantOp::create(b, b.getZeroAttr(vector)));
    auto blocks = scf::ForOp::create(b, begin, end, b.index(blockKeys * splits), carried);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(blocks.getBody());
      SmallVector<Value> state(blocks.getRegionIterArgs());
      Value from = blocks.getInductionVar();
      if (splits != 1)
        from = arith::AddIOp::create(b, from, arith::MulIOp::create(b, split, b.index(blockKeys)));
      addBlock({batch, position, head, group}, from, state);
      scf::YieldOp::create(b, state);
    }
    SmallVector<Value> state(blocks.getResults());
    b.barrier();
    if (splits != 1)
      shrinkToGreatest(state);
    Combiner sum{arith::AtomicRMWKind::addf, b.getFloatAttr(element, 0.0)};
    Value weights = sumOfSlot(state[1], sum);
    if (splits != 1) {
      weights = acrossSplits(weights, [&](Value l, Value r) { return sum.combine(b, l, r); });
      leaveSums(state);
    }
    OpBuilder::InsertionGuard guard(b);
    Value inside = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, mine, sizeValue(queries));
    if (splits != 1) {
      Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, split, b.index(0));
      inside = arith::AndIOp::create(b, inside, isFirst);
    }
    auto branch = scf::IfOp::create(b, inside, /*withElseRegion=*/false);
    b.setInsertionPointToStart(branch.thenBlock());
    Value divisor = splat(b, weights);
    forVectors([&](int64_t i, Value column) {
      Value total = splits == 1 ? state[2 + i] : sumsAt(column);
      Value quotient = arith::DivFOp::create(b, total, divisor);
      storeLanes(b, toFloat(b, quotient, result.element), result,
                 ValueRange{batch, mine, head, column});
    });
  }

  //===--------------------------------------------------------------------===//
  // Several groups of threads that have one query
  //===--------------------------------------------------------------------===//

  /// What a thread of each of them has, put together.
  Value acrossSplits(Value own, function_ref<Value(Value, Value)> combine) {
    b.barrier();
    memref::StoreOp::create(b, own, shared, arith::AddIOp::create(b, row, lane).getResult());
    b.barrier();
    Value place = arith::AddIOp::create(b, firstRow, lane);
    Value whole;
    for (int64_t i = 0; i < splits; ++i) {
      Value part = memref::LoadOp::create(b, shared, add(place, i * rowElements));
      whole = whole ? combine(whole, part) : part;
    }
    return whole;
  }

  void shrinkToGreatest(SmallVectorImpl<Value> &state) {
    Value greatest = acrossSplits(state[0], [&](Value left, Value right) -> Value {
      return arith::MaxNumFOp::create(b, left, right);
    });
    Value shrink = math::ExpOp::create(b, arith::SubFOp::create(b, state[0], greatest));
    state[1] = arith::MulFOp::create(b, state[1], shrink);
    Value factor = splat(b, shrink);
    for (int64_t i = 0; i < vectors; ++i)
      state[2 + i] = arith::MulFOp::create(b, state[2 + i], factor);
    b.barrier();
  }

  void leaveSums(ArrayRef<Value> state) {
    b.barrier();
    forVectors([&](int64_t i, Value column) {
      Value place = arith::AddIOp::create(b, row, column);
      for (int64_t e = 0; e < kLanes; ++e)
        memref::StoreOp::create(b, vector::ExtractOp::create(b, state[2 + i], e), shared,
                                add(place, e));
    });
    b.barrier();
  }

  /// What all have left of a vector.
  Value sumsAt(Value column) {
    Value place = arith::AddIOp::create(b, firstRow, column);
    SmallVector<Value> totals;
    for (int64_t e = 0; e < kLanes; ++e) {
      Value total = memref::LoadOp::create(b, shared, add(place, e));
      for (int64_t i = 1; i < splits; ++i)
        total = arith::AddFOp::create(
            b, total, memref::LoadOp::create(b, shared, add(place, i * rowElements + e)));
      totals.push_back(total);
    }
    return vector::FromElementsOp::create(b, VectorType::get({kLanes}, element), totals);
  }

  //===--------------------------------------------------------------------===//
  // Blocks of keys
  //===--------------------------------------------------------------------===//

  /// Of the neighbouring threads; the memory has room for blockKeys of each.
  Value sumOfSlot(Value part, const Combiner &sum) {
    Value place = arith::AddIOp::create(b, row, lane);
    memref::StoreOp::create(b, part, shared, place);
    b.barrier();
    Value total = constant(0);
    for (int64_t i = 0; i < threadsOfSlot; ++i)
      total = sum.combine(b, total, memref::LoadOp::create(b, shared, add(row, i)));
    return total;
  }

  /// `body(i, column)` for this thread's vectors of a value; neighbours have
  /// neighbouring ones.
  void forVectors(function_ref<void(int64_t, Value)> body) {
    for (int64_t i = 0; i < vectors; ++i) {
      Value column = arith::MulIOp::create(b, add(lane, i * threadsOfSlot), b.index(kLanes));
      OpBuilder::InsertionGuard guard(b);
      if ((i + 1) * threadsOfSlot * kLanes > width) {
        Value inside = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, column, b.index(width));
        auto branch = scf::IfOp::create(b, inside, /*withElseRegion=*/false);
        b.setInsertionPointToStart(branch.thenBlock());
      }
      body(i, column);
    }
  }

  struct Where {
    Value batch, query, head, group;
  };

  void addBlock(const Where &at, Value first, SmallVectorImpl<Value> &state) {
    SmallVector<Value> scores = scoresOf(at, first);
    b.barrier(); // the weights of the block before have been read
    for (int64_t i = 0; i < keysOfThread; ++i)
      memref::StoreOp::create(
          b, scores[i], shared,
          arith::AddIOp::create(b, row, add(lane, i * threadsOfSlot)).getResult());
    b.barrier();
    Value greatest = state[0];
    for (int64_t i = 0; i < blockKeys; ++i)
      greatest =
          arith::MaxNumFOp::create(b, greatest, memref::LoadOp::create(b, shared, add(row, i)));
    Value shrink = math::ExpOp::create(b, arith::SubFOp::create(b, state[0], greatest));
    Value weights = arith::MulFOp::create(b, state[1], shrink);
    b.barrier();
    for (int64_t i = 0; i < keysOfThread; ++i) {
      Value weight = math::ExpOp::create(b, arith::SubFOp::create(b, scores[i], greatest));
      weights = arith::AddFOp::create(b, weights, weight);
      memref::StoreOp::create(
          b, weight, shared,
          arith::AddIOp::create(b, row, add(lane, i * threadsOfSlot)).getResult());
    }
    b.barrier();
    state[0] = greatest;
    state[1] = weights;
    Value factor = splat(b, shrink);
    for (int64_t i = 0; i < vectors; ++i)
      state[2 + i] = arith::MulFOp::create(b, state[2 + i], factor);
    addValues(at, first, state);
  }

  /// Of this thread's keys of the block; -inf for those that there are not.
  SmallVector<Value> scoresOf(const Where &at, Value first) {
    SmallVector<Value> numbers, places;
    Value last = arith::SubIOp::create(b, end, b.index(1));
    for (int64_t i = 0; i < keysOfThread; ++i) {
      numbers.push_back(arith::AddIOp::create(b, first, add(lane, i * threadsOfSlot)));
      places.push_back(arith::MinUIOp::create(b, numbers.back(), last));
    }
    auto vector = VectorType::get({kLanes}, element);
    SmallVector<Value> zeros(keysOfThread, arith::ConstantOp::create(b, b.getZeroAttr(vector)));
    auto loop = scf::ForOp::create(b, b.index(0), b.index(depth), b.index(kLanes), zeros);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      Value column = loop.getInductionVar();
      Value left = lanesOf(query, {at.batch, at.query, at.head, column});
      SmallVector<Value> sums;
      for (int64_t i = 0; i < keysOfThread; ++i)
        sums.push_back(fma(b, left, lanesOf(key, {at.batch, places[i], at.group, column}),
                           loop.getRegionIterArgs()[i]));
      scf::YieldOp::create(b, sums);
    }
    Value scale = constant(op.scale);
    Value none = arith::ConstantOp::create(
        b, FloatAttr::get(element, APFloat::getInf(cast<FloatType>(element).getFloatSemantics(),
                                                   /*Negative=*/true)));
    SmallVector<Value> scores;
    for (int64_t i = 0; i < keysOfThread; ++i) {
      Value sum = vector::ExtractOp::create(b, loop.getResult(i), 0);
      for (int64_t lane = 1; lane < kLanes; ++lane)
        sum = arith::AddFOp::create(b, sum, vector::ExtractOp::create(b, loop.getResult(i), lane));
      sum = arith::MulFOp::create(b, sum, scale);
      if (mask)
        sum = arith::AddFOp::create(b, sum, maskAt(at, places[i]));
      scores.push_back(arith::SelectOp::create(b, isSeen(at, numbers[i]), sum, none));
    }
    return scores;
  }

  Value isSeen(const Where &at, Value key) {
    if (!op.position)
      return arith::CmpIOp::create(b, arith::CmpIPredicate::ult, key, end);
    Value own = arith::AddIOp::create(b, op.position, at.query);
    Value seen = arith::CmpIOp::create(b, arith::CmpIPredicate::sle, key, own);
    if (!op.window)
      return seen;
    Value past = arith::AddIOp::create(b, key, b.index(static_cast<int64_t>(*op.window)));
    Value near = arith::CmpIOp::create(b, arith::CmpIPredicate::sgt, past, own);
    return arith::AndIOp::create(b, seen, near);
  }

  Value maskAt(const Where &at, Value place) {
    ArrayRef<int64_t> shape = cast<MemRefType>(op.mask.getType()).getShape();
    SmallVector<Value> ivs{at.batch, at.head, at.query, place};
    for (auto [iv, size] : llvm::zip_equal(ivs, shape))
      if (size == 1)
        iv = b.index(0);
    return toFloat(b, loadElement(b, *mask, ivs), element);
  }

  Value lanesOf(const Access &access, ValueRange ivs) {
    return toFloat(b, loadLanes(b, access, ivs, 3), element);
  }

  void addValues(const Where &at, Value first, SmallVectorImpl<Value> &state) {
    // No further than the keys go; others may still have some.
    Value left = arith::SubIOp::create(b, end, first);
    Value count = arith::MinSIOp::create(b, left, b.index(blockKeys));
    auto loop =
        scf::ForOp::create(b, b.index(0), count, b.index(1), ValueRange(state).drop_front(2));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value number = loop.getInductionVar();
    Value weight = splat(
        b, memref::LoadOp::create(b, shared, arith::AddIOp::create(b, row, number).getResult()));
    Value place = arith::AddIOp::create(b, first, number);
    SmallVector<Value> sums;
    for (int64_t i = 0; i < vectors; ++i) {
      Value column = arith::MulIOp::create(b, add(lane, i * threadsOfSlot), b.index(kLanes));
      // Threads beyond the last vector sum the last one as well.
      column = arith::MinUIOp::create(b, column, b.index(width - kLanes));
      sums.push_back(fma(b, weight, lanesOf(value, {at.batch, place, at.group, column}),
                         loop.getRegionIterArgs()[i]));
    }
    scf::YieldOp::create(b, sums);
    for (int64_t i = 0; i < vectors; ++i)
      state[2 + i] = loop.getResult(i);
  }

  TileBuilder &b;
  const Attention &op;
  Access query, key, value, result;
  std::optional<Access> mask;
  /// Of sums and weights.
  Type element;
  /// A slot is a group of neighbouring threads; `splits` of them have one query.
  int64_t depth = 0, width = 0, threadsOfSlot = 1, splits = 1, queriesAtOnce = 1, vectors = 1,
          blockKeys = 0, keysOfThread = 0;
  /// Of workgroup memory, for a slot.
  int64_t rowElements = 0;
  OpFoldResult queries, keys;
  /// The thread's number in its slot, its query's number among those at once, which
  /// of the query's slots it is in; where its row and those of its query begin.
  Value shared, lane, number, split, row, firstRow;
  /// Keys that the queries at once see.
  Value begin, end;
};

} // namespace

bool tercet::codegen::hasAttentionKernel(Operation *op, std::string *reason) {
  auto refuse = [&](const Twine &text) {
    if (reason)
      *reason = ("it has no kernel for '" + op->getName().getStringRef() + "' " + text).str();
    return false;
  };
  auto cached = dyn_cast<nn::CachedAttentionOp>(op);
  if (!cached && !isa<nn::AttentionOp>(op))
    return refuse("as attention");
  if (cached && cached.getFormat())
    return refuse("over keys and values that are stored in groups");
  Attention attention = Attention::of(op);
  auto width = [](Value value) {
    auto type = cast<ShapedType>(value.getType());
    int64_t size = type.getRank() == 4 ? type.getDimSize(3) : ShapedType::kDynamic;
    return ShapedType::isDynamic(size) || size % kLanes != 0 ? 0 : size;
  };
  if (width(attention.query) == 0 || width(attention.value) == 0)
    return refuse("with heads that are no multiple of " + Twine(kLanes) + " elements");
  if (width(attention.value) > kMaxWidth)
    return refuse("with heads of more than " + Twine(kMaxWidth) + " elements");
  return true;
}

LogicalResult tercet::codegen::emitAttention(TileBuilder &b, Operation *op) {
  Attention attention = Attention::of(op);
  AttentionEmission emission(b, attention);
  if (!hasAttentionKernel(op) || !emission.prepare())
    return op->emitOpError() << "expected heads of whole vectors of " << kLanes
                             << " elements side by side in memory, and workgroup memory for the "
                                "weights of a block of keys";
  emission.run();
  return success();
}
