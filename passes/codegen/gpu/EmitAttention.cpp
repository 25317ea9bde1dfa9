// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention without its scores in memory (Dao et al., arXiv 2205.14135; Milakov
// and Gimelshein, arXiv 1805.02867). Some neighbouring threads have a query.
// They go through the keys in blocks: each takes some keys of the block, the
// weights of all go through workgroup memory, and each adds up some columns of
// the values. When a block has a greater score, what has been summed shrinks.

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

class AttentionEmission {
public:
  AttentionEmission(TileBuilder &b, nn::AttentionOp op) : b(b), op(op) {}

  bool prepare() {
    auto type = [](Value value) { return cast<MemRefType>(value.getType()); };
    MemRefType q = type(op.getQuery()), v = type(op.getValue());
    if (q.isDynamicDim(3) || v.isDynamicDim(3) || q.getDimSize(3) % kLanes != 0 ||
        v.getDimSize(3) % kLanes != 0)
      return false;
    depth = q.getDimSize(3);
    width = v.getDimSize(3);
    query = accessOf(b, op.getQuery());
    key = accessOf(b, op.getKey());
    value = accessOf(b, op.getValue());
    result = accessOf(b, op.getInit());
    if (op.getMask())
      mask = accessOf(b, op.getMask());
    for (const Access *access : {&query, &key, &value, &result})
      if (!access->isUnit(3))
        return false;
    element = result.element.getIntOrFloatBitWidth() < 32 ? Type(b.getF32Type()) : result.element;
    queries = sizeOf(op.getQuery(), 1);
    keys = sizeOf(op.getKey(), 1);
    std::optional<int64_t> most = upperBound(queries);
    if (!most)
      return false;
    int64_t least = llvm::PowerOf2Ceil(llvm::divideCeil(width / kLanes, kMaxVectors));
    if (least > b.threads)
      return false;
    int64_t atOnce = std::min<int64_t>(b.threads / least, llvm::PowerOf2Ceil(*most));
    // More threads than vectors of a value would have nothing to sum.
    while (b.threads / atOnce > std::max<int64_t>(1, llvm::PowerOf2Ceil(width / kLanes)))
      atOnce *= 2;
    threadsOfQuery = b.threads / atOnce;
    queriesAtOnce = atOnce;
    vectors = llvm::divideCeil(width / kLanes, threadsOfQuery);
    blockKeys = std::max(kBlockKeys, threadsOfQuery);
    keysOfThread = blockKeys / threadsOfQuery;
    std::optional<Value> memory = allocateShared(b, element, queriesAtOnce * blockKeys);
    if (!memory)
      return false;
    shared = *memory;
    return true;
  }

  void run() {
    Value threads = b.index(threadsOfQuery);
    lane = arith::RemUIOp::create(b, b.thread(), threads);
    number = arith::DivUIOp::create(b, b.thread(), threads);
    row = arith::MulIOp::create(b, number, b.index(blockKeys));
    // Batches, heads and blocks of queries one after the other, for all threads
    // alike: barriers stand inside.
    forAll(sizeOf(op.getQuery(), 0), 1, [&](Value batch) {
      forAll(sizeOf(op.getQuery(), 2), 1, [&](Value head) {
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

  void overKeys(Value batch, Value head, Value first) {
    Value mine = arith::AddIOp::create(b, first, number);
    Value last = arith::SubIOp::create(b, sizeValue(queries), b.index(1));
    Value position = arith::MinUIOp::create(b, mine, last);
    Value group = head;
    if (int64_t perGroup = op.getGroupSize(); perGroup != 1)
      group = arith::DivUIOp::create(b, head, b.index(perGroup));

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
    auto blocks = scf::ForOp::create(b, b.index(0), sizeValue(keys), b.index(blockKeys), carried);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(blocks.getBody());
      SmallVector<Value> state(blocks.getRegionIterArgs());
      addBlock({batch, position, head, group}, blocks.getInductionVar(), state);
      scf::YieldOp::create(b, state);
    }
    Combiner sum{arith::AtomicRMWKind::addf, b.getFloatAttr(element, 0.0)};
    b.barrier();
    Value weights = sumOfQuery(blocks.getResult(1), sum);
    OpBuilder::InsertionGuard guard(b);
    Value inside = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, mine, sizeValue(queries));
    auto branch = scf::IfOp::create(b, inside, /*withElseRegion=*/false);
    b.setInsertionPointToStart(branch.thenBlock());
    Value divisor = splat(b, weights);
    forVectors([&](int64_t i, Value column) {
      Value quotient = arith::DivFOp::create(b, blocks.getResult(2 + i), divisor);
      storeLanes(b, toFloat(b, quotient, result.element), result,
                 ValueRange{batch, mine, head, column});
    });
  }

  /// Of the threads of a query; the memory has room for blockKeys of each.
  Value sumOfQuery(Value part, const Combiner &sum) {
    Value place = arith::AddIOp::create(b, row, lane);
    memref::StoreOp::create(b, part, shared, place);
    b.barrier();
    Value total = constant(0);
    for (int64_t i = 0; i < threadsOfQuery; ++i)
      total = sum.combine(b, total, memref::LoadOp::create(b, shared, add(row, i)));
    return total;
  }

  /// `body(i, column)` for this thread's vectors of a value; neighbours have
  /// neighbouring ones.
  void forVectors(function_ref<void(int64_t, Value)> body) {
    for (int64_t i = 0; i < vectors; ++i) {
      Value column = arith::MulIOp::create(b, add(lane, i * threadsOfQuery), b.index(kLanes));
      OpBuilder::InsertionGuard guard(b);
      if ((i + 1) * threadsOfQuery * kLanes > width) {
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
          arith::AddIOp::create(b, row, add(lane, i * threadsOfQuery)).getResult());
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
          arith::AddIOp::create(b, row, add(lane, i * threadsOfQuery)).getResult());
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
    Value last = arith::SubIOp::create(b, sizeValue(keys), b.index(1));
    for (int64_t i = 0; i < keysOfThread; ++i) {
      numbers.push_back(arith::AddIOp::create(b, first, add(lane, i * threadsOfQuery)));
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
    Value scale = constant(op.getScale().convertToDouble());
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
      Value inside =
          arith::CmpIOp::create(b, arith::CmpIPredicate::ult, numbers[i], sizeValue(keys));
      scores.push_back(arith::SelectOp::create(b, inside, sum, none));
    }
    return scores;
  }

  Value maskAt(const Where &at, Value place) {
    ArrayRef<int64_t> shape = cast<MemRefType>(op.getMask().getType()).getShape();
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
    // No further than the keys go.
    Value left = arith::SubIOp::create(b, sizeValue(keys), first);
    Value count = arith::MinUIOp::create(b, left, b.index(blockKeys));
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
      Value column = arith::MulIOp::create(b, add(lane, i * threadsOfQuery), b.index(kLanes));
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
  nn::AttentionOp op;
  Access query, key, value, result;
  std::optional<Access> mask;
  /// Of sums and weights.
  Type element;
  int64_t depth = 0, width = 0, threadsOfQuery = 1, queriesAtOnce = 1, vectors = 1, blockKeys = 0,
          keysOfThread = 0;
  OpFoldResult queries, keys;
  Value shared, lane, number, row;
};

} // namespace

bool tercet::codegen::hasAttentionKernel(nn::AttentionOp op) {
  auto width = [](Value value) {
    auto type = cast<ShapedType>(value.getType());
    int64_t size = type.getRank() == 4 ? type.getDimSize(3) : ShapedType::kDynamic;
    return ShapedType::isDynamic(size) || size % kLanes != 0 ? 0 : size;
  };
  return width(op.getQuery()) != 0 && width(op.getValue()) != 0 &&
         width(op.getValue()) <= kMaxWidth;
}

LogicalResult tercet::codegen::emitAttention(TileBuilder &b, nn::AttentionOp op) {
  AttentionEmission emission(b, op);
  if (!emission.prepare())
    return op.emitOpError() << "expected heads of whole vectors of " << kLanes
                            << " elements side by side in memory, and workgroup memory for the "
                               "weights of a block of keys";
  emission.run();
  return success();
}
