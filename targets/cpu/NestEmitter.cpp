// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Emission of loop nests. Parallel loops are outside, then the vector loop if
// it is parallel, then reductions with their accumulators in registers; a
// vectorised reduction is innermost and has several accumulators, so that
// additions do not wait for each other.

#include "targets/cpu/NestEmitter.h"
#include "passes/codegen/LoopBuilder.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tercet::codegen;
using namespace tercet::cpu;

namespace {

class NestEmitter {
public:
  NestEmitter(Location loc, Block &block, const LoopNest &nest, const NestPlan &plan,
              const VectorUnit &unit)
      : loc(loc), nest(nest), plan(plan), unit(unit), body(block, nest, plan.vectorLoop),
        ivs(nest.loops.size()) {
    for (int64_t loop = 0, count = nest.loops.size(); loop < count; ++loop) {
      if (loop == plan.vectorLoop)
        continue;
      (nest.loops[loop].reduction ? reductions : parallels).push_back(loop);
    }
    masks = unit.masks && body.isMaskable();
  }

  void emit(OpBuilder &b) { emitParallel(b, 0); }

private:
  using Values = SmallVector<Value>;

  void emitParallel(OpBuilder &b, unsigned depth) {
    if (depth < parallels.size()) {
      int64_t loop = parallels[depth];
      buildLoop(b, loc, b.getIndexAttr(0), nest.loops[loop].size, 1,
                [&](OpBuilder &nested, Value iv) {
                  ivs[loop] = iv;
                  emitParallel(nested, depth + 1);
                });
      return;
    }
    if (plan.vectorLoop < 0)
      emitTile(b, {{Value(), 1, Value()}});
    else if (nest.loops[plan.vectorLoop].reduction)
      emitVectorReduction(b);
    else
      emitVectorParallel(b);
  }

  /// A part of the vector loop: `lanes` elements from `position`.
  struct Piece {
    Value position;
    int64_t lanes;
    Value mask;
  };

  Values ivsAt(Value position) const {
    Values all(ivs);
    if (plan.vectorLoop >= 0)
      all[plan.vectorLoop] = position;
    return all;
  }

  /// All reductions for some pieces of a parallel vector loop at once.
  void emitTile(OpBuilder &b, ArrayRef<Piece> pieces, const IRMapping *uniform = nullptr) {
    Values carried;
    unsigned outputs = body.getNumOutputs();
    for (const Piece &piece : pieces)
      for (auto [number, access] : llvm::enumerate(nest.outputs())) {
        Value value;
        if (body.readsOutput(number))
          value = body.load(b, access, piece.lanes, piece.mask, ivsAt(piece.position));
        else {
          Type type = piece.lanes == 1 ? access.element
                                       : Type(VectorType::get({piece.lanes}, access.element));
          value = arith::ConstantOp::create(b, loc, cast<TypedAttr>(b.getZeroAttr(type)));
        }
        carried.push_back(value);
      }
    Values results = emitReductions(b, 0, carried, [&](OpBuilder &nested, ValueRange values) {
      IRMapping here =
          uniform && reductions.empty() ? *uniform : body.emitUniform(nested, ivsAt(Value()));
      Values next;
      for (auto [number, piece] : llvm::enumerate(pieces))
        llvm::append_range(next, body.emit(nested, piece.lanes, piece.mask, ivsAt(piece.position),
                                           here, values.slice(number * outputs, outputs)));
      return next;
    });
    for (auto [number, piece] : llvm::enumerate(pieces))
      for (auto [output, access] : llvm::enumerate(nest.outputs()))
        body.store(b, access, results[number * outputs + output], piece.lanes, piece.mask,
                   ivsAt(piece.position));
  }

  Values emitReductions(OpBuilder &b, unsigned depth, ValueRange carried,
                        function_ref<Values(OpBuilder &, ValueRange)> inner) {
    if (depth == reductions.size())
      return inner(b, carried);
    int64_t loop = reductions[depth];
    return buildLoop(b, loc, b.getIndexAttr(0), nest.loops[loop].size, 1, carried,
                     [&](OpBuilder &nested, Value iv, ValueRange values) {
                       ivs[loop] = iv;
                       return emitReductions(nested, depth + 1, values, inner);
                     });
  }

  Value maskOf(OpBuilder &b, OpFoldResult count, int64_t lanes) {
    return vector::CreateMaskOp::create(b, loc, VectorType::get({lanes}, b.getI1Type()), count);
  }

  /// Widths of a loop that has no masks to finish with.
  SmallVector<int64_t> fallingWidths(int64_t first) const {
    SmallVector<int64_t> widths{first};
    if (plan.lanes >= 8)
      widths.push_back(plan.lanes / 2);
    if (plan.lanes >= 16)
      widths.push_back(plan.lanes / 4);
    widths.push_back(1);
    return widths;
  }

  /// Calls `finish(position, mask)` for what is left beyond `from` of the
  /// vector loop, if anything.
  void emitMaskedTail(OpBuilder &b, OpFoldResult from,
                      function_ref<void(OpBuilder &, Value, Value)> finish) {
    OpFoldResult size = nest.loops[plan.vectorLoop].size;
    std::optional<int64_t> begin = getConstantIntValue(from), end = getConstantIntValue(size);
    if (begin && end) {
      if (*begin < *end)
        finish(b, indexValue(b, loc, from), maskOf(b, b.getIndexAttr(*end - *begin), plan.lanes));
      return;
    }
    Value first = indexValue(b, loc, from), last = indexValue(b, loc, size);
    Value some = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, first, last);
    scf::IfOp::create(b, loc, some, [&](OpBuilder &nested, Location at) {
      Value count = arith::SubIOp::create(nested, at, last, first);
      finish(nested, first, maskOf(nested, count, plan.lanes));
      scf::YieldOp::create(nested, at);
    });
  }

  void emitVectorParallel(OpBuilder &b) {
    OpFoldResult size = nest.loops[plan.vectorLoop].size;
    // Without reductions inside, what does not change is computed up here.
    IRMapping uniform;
    if (reductions.empty())
      uniform = body.emitUniform(b, ivsAt(Value()));
    // Several vectors share the loads and the latency of a reduction inside.
    int64_t together = reductions.empty() ? 1 : 4;
    SmallVector<int64_t> widths;
    if (together > 1)
      widths.push_back(together * plan.lanes);
    if (masks)
      widths.push_back(plan.lanes);
    else
      llvm::append_range(widths, fallingWidths(plan.lanes));
    OpFoldResult end =
        buildChunks(b, loc, size, widths, [&](OpBuilder &nested, Value position, int64_t width) {
          SmallVector<Piece> pieces;
          if (width <= plan.lanes)
            pieces.push_back({position, width, Value()});
          else
            for (int64_t at = 0; at < width; at += plan.lanes)
              pieces.push_back(
                  {indexValue(nested, loc,
                              addIndex(nested, loc, position, nested.getIndexAttr(at))),
                   plan.lanes, Value()});
          emitTile(nested, pieces, &uniform);
        });
    if (masks)
      emitMaskedTail(b, end, [&](OpBuilder &nested, Value position, Value mask) {
        emitTile(nested, {{position, plan.lanes, mask}}, &uniform);
      });
  }

  /// The combiner of an output, on values of any width.
  Value combine(OpBuilder &b, unsigned output, Value left, Value right) {
    Operation *combiner = body.getCombiner(output);
    OperationState state(combiner->getLoc(), combiner->getName());
    state.operands = {left, right};
    state.types = {left.getType()};
    state.attributes = combiner->getDiscardableAttrDictionary();
    state.propertiesAttr = combiner->getPropertiesAsAttribute();
    return b.create(state)->getResult(0);
  }

  /// All lanes of a vector combined, by halves.
  Value combineLanes(OpBuilder &b, unsigned output, Value vector) {
    int64_t lanes = cast<VectorType>(vector.getType()).getNumElements();
    while (lanes > 1) {
      lanes /= 2;
      SmallVector<int64_t> low, high;
      for (int64_t lane = 0; lane < lanes; ++lane) {
        low.push_back(lane);
        high.push_back(lane + lanes);
      }
      Value l = vector::ShuffleOp::create(b, loc, vector, vector, low);
      Value h = vector::ShuffleOp::create(b, loc, vector, vector, high);
      vector = combine(b, output, l, h);
    }
    return vector::ExtractOp::create(b, loc, vector, 0);
  }

  void emitVectorReduction(OpBuilder &b) {
    constexpr int64_t kAccumulators = 4;
    unsigned outputs = body.getNumOutputs();
    OpFoldResult size = nest.loops[plan.vectorLoop].size;
    std::optional<int64_t> trip = getConstantIntValue(size);
    // A length that is known at run time only is that of a state, where a row is
    // to give the same bits however many more there are: element i goes to lane
    // i mod lanes, in order, and nothing else counts.
    int64_t sets = !trip || *trip < 2 * plan.lanes ? 1 : kAccumulators;

    // Carried: `sets` vectors for each output, then one scalar for each, which
    // starts with the destination's value and takes what masks cannot.
    Values carried;
    for (int64_t set = 0; set < sets; ++set)
      for (unsigned output = 0; output < outputs; ++output) {
        Value neutral =
            arith::ConstantOp::create(b, loc, *arith::getNeutralElement(body.getCombiner(output)));
        carried.push_back(splat(b, loc, neutral, plan.lanes));
      }
    unsigned scalars = carried.size();
    for (const Access &access : nest.outputs())
      carried.push_back(
          body.load(b, access, 1, Value(), ivsAt(indexValue(b, loc, b.getIndexAttr(0)))));

    Values totals = emitReductions(b, 0, carried, [&](OpBuilder &nested, ValueRange values) {
      return emitReductionRow(nested, values, sets, scalars, size);
    });

    for (unsigned output = 0; output < outputs; ++output) {
      Values vectors;
      for (int64_t set = 0; set < sets; ++set)
        vectors.push_back(totals[set * outputs + output]);
      while (vectors.size() > 1) {
        Values next;
        for (unsigned pair = 0; pair + 1 < vectors.size(); pair += 2)
          next.push_back(combine(b, output, vectors[pair], vectors[pair + 1]));
        vectors = next;
      }
      Value total =
          combine(b, output, totals[scalars + output], combineLanes(b, output, vectors.front()));
      body.store(b, nest.outputs()[output], total, 1, Value(),
                 ivsAt(indexValue(b, loc, b.getIndexAttr(0))));
    }
  }

  /// The vector loop of a reduction, at given positions of all other loops.
  Values emitReductionRow(OpBuilder &b, ValueRange carried, int64_t sets, unsigned scalars,
                          OpFoldResult size) {
    unsigned outputs = body.getNumOutputs();
    IRMapping uniform = body.emitUniform(b, ivsAt(Value()));
    auto step = [&](OpBuilder &nested, ValueRange values, Value position, int64_t count) {
      Values next(values);
      for (int64_t set = 0; set < count; ++set) {
        Value at = indexValue(
            nested, loc, addIndex(nested, loc, position, nested.getIndexAttr(set * plan.lanes)));
        Values results = body.emit(nested, plan.lanes, Value(), ivsAt(at), uniform,
                                   ValueRange(values).slice(set * outputs, outputs));
        llvm::copy(results, next.begin() + set * outputs);
      }
      return next;
    };
    OpFoldResult from = b.getIndexAttr(0);
    OpFoldResult bulk = roundDown(b, loc, size, sets * plan.lanes);
    Values values = buildLoop(b, loc, from, bulk, sets * plan.lanes, carried,
                              [&](OpBuilder &nested, Value position, ValueRange before) {
                                return step(nested, before, position, sets);
                              });
    OpFoldResult whole = roundDown(b, loc, size, plan.lanes);
    if (sets > 1)
      values = buildLoop(b, loc, bulk, whole, plan.lanes, values,
                         [&](OpBuilder &nested, Value position, ValueRange before) {
                           return step(nested, before, position, 1);
                         });
    if (masks)
      return emitMaskedReduction(b, values, uniform, whole, size);
    bool inLanes = !getConstantIntValue(size);
    return buildLoop(b, loc, whole, size, 1, values,
                     [&](OpBuilder &nested, Value position, ValueRange before) {
                       Values next(before);
                       if (inLanes) {
                         emitInLane(nested, next, uniform, position, whole);
                         return next;
                       }
                       Values results = body.emit(nested, 1, Value(), ivsAt(position), uniform,
                                                  before.slice(scalars, outputs));
                       llvm::copy(results, next.begin() + scalars);
                       return next;
                     });
  }

  /// An element of the rest, in the lane that a vector would have it in.
  void emitInLane(OpBuilder &b, Values &values, const IRMapping &uniform, Value position,
                  OpFoldResult whole) {
    unsigned outputs = body.getNumOutputs();
    Value lane = arith::SubIOp::create(b, loc, position, indexValue(b, loc, whole));
    Values scalars;
    for (unsigned output = 0; output < outputs; ++output)
      scalars.push_back(vector::ExtractOp::create(b, loc, values[output], OpFoldResult(lane)));
    Values results = body.emit(b, 1, Value(), ivsAt(position), uniform, scalars);
    for (unsigned output = 0; output < outputs; ++output)
      values[output] =
          vector::InsertOp::create(b, loc, results[output], values[output], OpFoldResult(lane));
  }

  Values emitMaskedReduction(OpBuilder &b, ValueRange carried, const IRMapping &uniform,
                             OpFoldResult from, OpFoldResult size) {
    unsigned outputs = body.getNumOutputs();
    std::optional<int64_t> begin = getConstantIntValue(from), end = getConstantIntValue(size);
    Values next(carried);
    if (begin && end && *begin == *end)
      return next;
    // The first set once more; a mask of no lanes changes nothing.
    OpFoldResult count = begin && end
                             ? OpFoldResult(b.getIndexAttr(*end - *begin))
                             : OpFoldResult(arith::SubIOp::create(b, loc, indexValue(b, loc, size),
                                                                  indexValue(b, loc, from))
                                                .getResult());
    Value mask = maskOf(b, count, plan.lanes);
    Values results = body.emit(b, plan.lanes, mask, ivsAt(indexValue(b, loc, from)), uniform,
                               carried.take_front(outputs));
    for (unsigned output = 0; output < outputs; ++output)
      next[output] = arith::SelectOp::create(b, loc, mask, results[output], carried[output]);
    return next;
  }

  Location loc;
  const LoopNest &nest;
  NestPlan plan;
  VectorUnit unit;
  NestBody body;
  Values ivs;
  SmallVector<int64_t> parallels, reductions;
  bool masks = false;
};

} // namespace

void tercet::cpu::emitNest(OpBuilder &b, Location loc, Block &body, const LoopNest &nest,
                           const NestPlan &plan, const VectorUnit &unit) {
  NestEmitter(loc, body, nest, plan, unit).emit(b);
}
