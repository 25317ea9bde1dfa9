// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The general form: parallel loops are merged where memory allows and spread
// over the threads, the loop that walks the output's memory fastest innermost,
// so that neighbours write neighbours. A thread computes one result, or four
// that lie side by side. Reductions are loops of one thread.

#include "passes/codegen/gpu/Emitters.h"

#include "passes/codegen/LoopBuilder.h"
#include "passes/codegen/LoopNest.h"
#include "passes/codegen/gpu/FlatAddress.h"
#include "passes/codegen/gpu/ScalarBody.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::codegen;

namespace {

/// Results that a thread computes side by side where that pays: four words are
/// the widest access, four bytes a word.
constexpr int64_t kLanes = 4;

class NestEmission {
public:
  NestEmission(TileBuilder &b, Block &body, const LoopNest &nest)
      : b(b), body(body), nest(nest), ivs(nest.loops.size()) {}

  void run() {
    SmallVector<unsigned> parallel, reductions;
    for (auto [number, loop] : llvm::enumerate(nest.loops))
      (loop.reduction ? reductions : parallel).push_back(number);
    llvm::stable_sort(
        parallel, [&](unsigned left, unsigned right) { return distance(left) > distance(right); });
    if (!parallel.empty())
      chooseLanes(parallel);
    OpFoldResult count = b.getIndexAttr(1);
    for (unsigned loop : parallel)
      count = mulIndex(b, b.getLoc(), count, stepsOf(loop));
    b.forEach(count, [&](Value position) {
      split(position, parallel);
      reduce(reductions);
    });
  }

private:
  /// One for each lane.
  using Lanes = SmallVector<Value>;

  /// How far the loop moves in the first output; loops of unknown distance are
  /// taken to be outer ones.
  int64_t distance(unsigned loop) const {
    return std::abs(nest.outputs().front().stride(loop).value_or(INT64_MAX));
  }

  OpFoldResult stepsOf(unsigned loop) {
    if (static_cast<int64_t>(loop) != laneLoop)
      return nest.loops[loop].size;
    return b.getIndexAttr(*nest.loops[loop].staticSize() / lanes);
  }

  /// Lanes along the loop that the outputs walk element by element, if all of
  /// them can be stored whole. Narrow elements gain from it in any case, others
  /// where there is work for all threads without.
  void chooseLanes(ArrayRef<unsigned> parallel) {
    unsigned inner = parallel.back();
    std::optional<int64_t> size = nest.loops[inner].staticSize();
    if (!size || *size % kLanes != 0)
      return;
    bool narrow = false;
    for (const Access &output : nest.outputs()) {
      if (!isWhole(output, inner))
        return;
      narrow |= output.element.getIntOrFloatBitWidth() < 32;
    }
    int64_t count = 1;
    for (unsigned loop : parallel)
      count *= nest.loops[loop].staticSize().value_or(b.threads * kLanes);
    if (!narrow && count < b.threads * kLanes)
      return;
    laneLoop = inner;
    lanes = kLanes;
  }

  /// Whether the lanes of an access are adjacent, and begin where a vector may.
  bool isWhole(const Access &access, unsigned loop) {
    if (access.isScalar() || !access.isUnit(loop) || access.element.isInteger(1))
      return false;
    int64_t bits = access.element.getIntOrFloatBitWidth();
    FailureOr<FlatAddress> address = flatAddressOf(b, b.getLoc(), access.memory);
    if (failed(address) || bits % 8 != 0 || bits > 32 || address->alignment() < kLanes * bits / 8 ||
        divisorOf(access.offset) < kLanes)
      return false;
    for (unsigned other = 0; other < nest.loops.size(); ++other)
      if (other != loop && divisorOf(access.strides[other]) < kLanes)
        return false;
    return true;
  }

  /// The loops' variables from their position in the order of `loops`.
  void split(Value position, ArrayRef<unsigned> loops) {
    for (auto [number, loop] : llvm::enumerate(llvm::reverse(loops))) {
      bool isLast = number + 1 == loops.size();
      Value size = isLast ? Value() : indexValue(b, b.getLoc(), stepsOf(loop));
      Value step = isLast ? position : arith::RemUIOp::create(b, position, size).getResult();
      if (static_cast<int64_t>(loop) == laneLoop)
        step = arith::MulIOp::create(b, step, b.index(lanes));
      ivs[loop] = step;
      if (!isLast)
        position = arith::DivUIOp::create(b, position, size);
    }
  }

  /// The loops' variables for a lane.
  SmallVector<Value> variables(int64_t lane) {
    SmallVector<Value> values(ivs);
    if (laneLoop >= 0 && lane != 0)
      values[laneLoop] = arith::AddIOp::create(b, values[laneLoop], b.index(lane));
    return values;
  }

  VectorType vectorOf(const Access &access) const {
    return VectorType::get({lanes}, access.element);
  }
  llvm::MaybeAlign alignmentOf(const Access &access) const {
    return llvm::MaybeAlign(lanes * access.element.getIntOrFloatBitWidth() / 8);
  }

  Lanes load(const Access &access) {
    if (access.isScalar())
      return Lanes(lanes, access.scalar);
    auto loadLane = [&](int64_t lane) -> Value {
      return memref::LoadOp::create(b, access.memory,
                                    access.address(b, b.getLoc(), variables(lane)));
    };
    if (laneLoop < 0 || !access.moves(laneLoop))
      return Lanes(lanes, loadLane(0));
    Lanes values;
    if (!isWhole(access, laneLoop)) {
      for (int64_t lane = 0; lane < lanes; ++lane)
        values.push_back(loadLane(lane));
      return values;
    }
    Value whole = vector::LoadOp::create(b, vectorOf(access), access.memory,
                                         ValueRange{access.address(b, b.getLoc(), ivs)},
                                         /*nontemporal=*/false, alignmentOf(access));
    for (int64_t lane = 0; lane < lanes; ++lane)
      values.push_back(vector::ExtractOp::create(b, whole, lane));
    return values;
  }

  void store(const Access &access, ArrayRef<Value> values) {
    Value address = access.address(b, b.getLoc(), ivs);
    SmallVector<Value> elements =
        llvm::map_to_vector(values, [&](Value value) { return narrow(b, value, access.element); });
    if (lanes == 1) {
      memref::StoreOp::create(b, elements[0], access.memory, address);
      return;
    }
    Value whole = vector::FromElementsOp::create(b, vectorOf(access), elements);
    vector::StoreOp::create(b, whole, access.memory, ValueRange{address}, /*nontemporal=*/false,
                            alignmentOf(access));
  }

  /// The body at the current variables; `outputs` are the values before.
  SmallVector<Lanes> compute(ArrayRef<Lanes> outputs) {
    SmallVector<Lanes> operands;
    for (unsigned input = 0; input < nest.inputs; ++input)
      operands.push_back(body.getArgument(input).use_empty() ? Lanes(lanes)
                                                             : load(nest.accesses[input]));
    llvm::append_range(operands, outputs);
    SmallVector<Lanes> results(outputs.size());
    for (int64_t lane = 0; lane < lanes; ++lane) {
      SmallVector<Value> values = variables(lane);
      SmallVector<Value> arguments =
          llvm::map_to_vector(operands, [&](const Lanes &operand) { return operand[lane]; });
      SmallVector<Value> computed = computeBody(b, body, arguments, [&](int64_t dim) {
        int64_t loop = nest.loopOfDim[dim];
        return loop < 0 ? b.index(0) : values[loop];
      });
      for (auto [result, value] : llvm::zip_equal(results, computed))
        result.push_back(value);
    }
    return results;
  }

  void reduce(ArrayRef<unsigned> loops) {
    SmallVector<Lanes> values;
    for (auto [number, output] : llvm::enumerate(nest.outputs())) {
      bool isRead = !loops.empty() || !body.getArgument(nest.inputs + number).use_empty();
      values.push_back(isRead ? load(output) : Lanes(lanes));
    }
    values = reduceFrom(loops, values);
    for (auto [value, output] : llvm::zip_equal(values, nest.outputs()))
      store(output, value);
  }

  SmallVector<Lanes> reduceFrom(ArrayRef<unsigned> loops, ArrayRef<Lanes> values) {
    if (loops.empty())
      return compute(values);
    SmallVector<Value> carried;
    for (const Lanes &value : values)
      for (Value lane : value)
        carried.push_back(widen(b, lane));
    auto inLanes = [&](ValueRange flat) {
      SmallVector<Lanes> result;
      for (size_t output = 0; output < values.size(); ++output)
        result.push_back(Lanes(flat.slice(output * lanes, lanes)));
      return result;
    };
    Value size = indexValue(b, b.getLoc(), nest.loops[loops.front()].size);
    auto loop = scf::ForOp::create(b, b.index(0), size, b.index(1), carried);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    ivs[loops.front()] = loop.getInductionVar();
    SmallVector<Value> next;
    for (const Lanes &value : reduceFrom(loops.drop_front(), inLanes(loop.getRegionIterArgs())))
      llvm::append_range(next, value);
    scf::YieldOp::create(b, next);
    // Outside of the loop its variable must not be used: outputs do not move.
    ivs[loops.front()] = Value();
    return inLanes(loop.getResults());
  }

  TileBuilder &b;
  Block &body;
  const LoopNest &nest;
  SmallVector<Value> ivs;
  int64_t laneLoop = -1, lanes = 1;
};

} // namespace

LogicalResult tercet::codegen::emitNest(TileBuilder &b, linalg::LinalgOp op) {
  FailureOr<LoopNest> nest = LoopNest::of(b, op);
  if (failed(nest))
    return op->emitOpError() << "cannot be computed by threads: expected maps that are linear";
  Block &body = op->getRegion(0).front();
  nest->simplify(/*keepDims=*/!body.getOps<linalg::IndexOp>().empty());
  NestEmission(b, body, *nest).run();
  return success();
}
