// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The general form: parallel loops are merged where memory allows and spread
// over the threads, the loop that walks the output's memory fastest innermost,
// so that neighbours write neighbours. Reductions are loops of one thread.

#include "passes/codegen/gpu/Emitters.h"

#include "passes/codegen/LoopBuilder.h"
#include "passes/codegen/LoopNest.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::codegen;

namespace {

class NestEmission {
public:
  NestEmission(TileBuilder &b, Block &body, const LoopNest &nest)
      : b(b), body(body), nest(nest), ivs(nest.loops.size()) {}

  void run() {
    OpFoldResult count = b.getIndexAttr(1);
    SmallVector<unsigned> parallel, reductions;
    for (auto [number, loop] : llvm::enumerate(nest.loops))
      (loop.reduction ? reductions : parallel).push_back(number);
    llvm::stable_sort(
        parallel, [&](unsigned left, unsigned right) { return distance(left) > distance(right); });
    for (unsigned loop : parallel)
      count = mulIndex(b, b.getLoc(), count, nest.loops[loop].size);
    b.forEach(count, [&](Value position) {
      split(position, parallel);
      reduce(reductions);
    });
  }

private:
  /// How far the loop moves in the first output; loops of unknown distance are
  /// taken to be outer ones.
  int64_t distance(unsigned loop) const {
    return std::abs(nest.outputs().front().stride(loop).value_or(INT64_MAX));
  }

  /// The loops' variables from their position in the order of `loops`.
  void split(Value position, ArrayRef<unsigned> loops) {
    for (auto [number, loop] : llvm::enumerate(llvm::reverse(loops))) {
      if (number + 1 == loops.size()) {
        ivs[loop] = position;
        return;
      }
      Value size = indexValue(b, b.getLoc(), nest.loops[loop].size);
      ivs[loop] = arith::RemUIOp::create(b, position, size);
      position = arith::DivUIOp::create(b, position, size);
    }
  }

  Value load(const Access &access) {
    if (access.isScalar())
      return access.scalar;
    return memref::LoadOp::create(b, access.memory, access.address(b, b.getLoc(), ivs));
  }

  /// The body at the current variables; `outputs` are the values before.
  SmallVector<Value> compute(ValueRange outputs) {
    IRMapping mapping;
    for (unsigned input = 0; input < nest.inputs; ++input)
      if (BlockArgument argument = body.getArgument(input); !argument.use_empty())
        mapping.map(argument, load(nest.accesses[input]));
    for (auto [number, value] : llvm::enumerate(outputs))
      mapping.map(body.getArgument(nest.inputs + number), value);
    for (Operation &op : body.without_terminator()) {
      if (auto index = dyn_cast<linalg::IndexOp>(op)) {
        int64_t loop = nest.loopOfDim[index.getDim()];
        mapping.map(index.getResult(), loop < 0 ? b.index(0) : ivs[loop]);
        continue;
      }
      b.clone(op, mapping);
    }
    return llvm::map_to_vector(body.getTerminator()->getOperands(),
                               [&](Value value) { return mapping.lookupOrDefault(value); });
  }

  void reduce(ArrayRef<unsigned> loops) {
    SmallVector<Value> values;
    for (auto [number, output] : llvm::enumerate(nest.outputs())) {
      bool isRead = !loops.empty() || !body.getArgument(nest.inputs + number).use_empty();
      values.push_back(isRead ? load(output) : Value());
    }
    values = reduceFrom(loops, values);
    for (auto [value, output] : llvm::zip_equal(values, nest.outputs()))
      memref::StoreOp::create(b, value, output.memory, output.address(b, b.getLoc(), ivs));
  }

  SmallVector<Value> reduceFrom(ArrayRef<unsigned> loops, ArrayRef<Value> values) {
    if (loops.empty())
      return compute(values);
    Value size = indexValue(b, b.getLoc(), nest.loops[loops.front()].size);
    auto loop = scf::ForOp::create(b, b.index(0), size, b.index(1), values);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    ivs[loops.front()] = loop.getInductionVar();
    SmallVector<Value> carried(loop.getRegionIterArgs());
    scf::YieldOp::create(b, reduceFrom(loops.drop_front(), carried));
    // Outside of the loop its variable must not be used: outputs do not move.
    ivs[loops.front()] = Value();
    return loop.getResults();
  }

  TileBuilder &b;
  Block &body;
  const LoopNest &nest;
  SmallVector<Value> ivs;
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
