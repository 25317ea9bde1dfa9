// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reductions with fewer results than there are threads, such as the sums and
// maxima of rows that norms and softmax are made of. Some neighbouring threads
// take each result: each combines every so-manieth element, then they combine
// what they have.

#include "passes/codegen/gpu/Emitters.h"

#include "passes/codegen/LoopBuilder.h"
#include "passes/codegen/gpu/ScalarBody.h"
#include "passes/codegen/gpu/VectorAccess.h"
#include "passes/codegen/gpu/WorkgroupReduce.h"

using namespace mlir;
using namespace tercet::codegen;

namespace {

class ReductionEmission {
public:
  ReductionEmission(TileBuilder &b, Block &body, const LoopNest &nest, const Combiner &combiner,
                    Value shared, int64_t width)
      : b(b), body(body), nest(nest), combiner(combiner), shared(shared), width(width),
        ivs(nest.loops.size()) {
    for (auto [number, loop] : llvm::enumerate(nest.loops))
      (loop.reduction ? reductions : results).push_back(number);
  }

  void run() {
    Value groups = b.index(width);
    Value lane = arith::RemUIOp::create(b, b.thread(), groups);
    Value number = arith::DivUIOp::create(b, b.thread(), groups);
    Value count = countOf(results);
    // Groups without a result do what the last one does, and store nothing.
    Value last = arith::SubIOp::create(b, count, b.index(1));
    split(arith::MinUIOp::create(b, number, last), results);
    Value neutral = arith::ConstantOp::create(b, combiner.neutral);
    auto loop = scf::ForOp::create(b, lane, countOf(reductions), groups, ValueRange{neutral});
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      split(loop.getInductionVar(), reductions);
      scf::YieldOp::create(b, compute(loop.getRegionIterArgs()[0]));
      for (unsigned reduction : reductions)
        ivs[reduction] = Value();
    }
    Value whole = reduceThreads(b, shared, loop.getResult(0), width, combiner);
    Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, lane, b.index(0));
    Value inside = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, number, count);
    auto branch = scf::IfOp::create(b, arith::AndIOp::create(b, isFirst, inside),
                                    /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    const Access &output = nest.outputs().front();
    Value address = output.address(b, b.getLoc(), ivs);
    Value before = widen(b, memref::LoadOp::create(b, output.memory, address));
    Value sum = narrow(b, combiner.combine(b, before, whole), output.element);
    memref::StoreOp::create(b, sum, output.memory, address);
  }

private:
  Value countOf(ArrayRef<unsigned> loops) {
    OpFoldResult count = b.getIndexAttr(1);
    for (unsigned loop : loops)
      count = mulIndex(b, b.getLoc(), count, nest.loops[loop].size);
    return indexValue(b, b.getLoc(), count);
  }

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

  Value compute(Value accumulator) {
    SmallVector<Value> arguments;
    for (unsigned input = 0; input < nest.inputs; ++input)
      arguments.push_back(body.getArgument(input).use_empty()
                              ? Value()
                              : loadElement(b, nest.accesses[input], ivs));
    arguments.push_back(accumulator);
    return computeBody(b, body, arguments, [&](int64_t dim) {
      int64_t loop = nest.loopOfDim[dim];
      return loop < 0 ? b.index(0) : ivs[loop];
    })[0];
  }

  TileBuilder &b;
  Block &body;
  const LoopNest &nest;
  const Combiner &combiner;
  Value shared;
  int64_t width;
  SmallVector<Value> ivs;
  SmallVector<unsigned> results, reductions;
};

/// The one operation that takes the accumulator and gives the next.
std::optional<Combiner> combinerOf(linalg::LinalgOp op) {
  Block &body = *op.getBlock();
  Operation *last = body.getTerminator()->getOperand(0).getDefiningOp();
  BlockArgument accumulator = body.getArgument(op.getNumDpsInputs());
  if (!last || last->getBlock() != &body || last->getNumOperands() != 2 ||
      !accumulator.hasOneUse() || *accumulator.user_begin() != last)
    return std::nullopt;
  return Combiner::of(last, computeTypeOf(last->getResult(0).getType()));
}

} // namespace

bool tercet::codegen::emitReduction(TileBuilder &b, linalg::LinalgOp op) {
  if (op.getNumDpsInits() != 1 || op.getNumReductionLoops() == 0)
    return false;
  std::optional<Combiner> combiner = combinerOf(op);
  if (!combiner)
    return false;
  FailureOr<LoopNest> nest = LoopNest::of(b, op);
  if (failed(nest))
    return false;
  Block &body = *op.getBlock();
  nest->simplify(/*keepDims=*/!body.getOps<linalg::IndexOp>().empty());
  int64_t results = 1, terms = 1;
  for (const Loop &loop : nest->loops) {
    std::optional<int64_t> most = upperBound(loop.size);
    if (!most)
      return false;
    (loop.reduction ? terms : results) *= *most;
  }
  // Not worth it where each thread would have no more than one element.
  int64_t width = 1;
  while (width * 2 * llvm::PowerOf2Ceil(results) <= static_cast<uint64_t>(b.threads) &&
         width * 4 <= terms)
    width *= 2;
  if (width == 1)
    return false;
  std::optional<Value> shared =
      allocateShared(b, computeTypeOf(nest->outputs().front().element), b.threads);
  if (!shared)
    return false;
  ReductionEmission(b, body, *nest, *combiner, *shared, width).run();
  return true;
}
