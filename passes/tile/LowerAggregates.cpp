// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decomposes aggregates inside of tiles and fuses what is elementwise.

#include "passes/tile/Passes.h"

#include "dialects/nn/StructuredOps.h"
#include "dialects/soc/Soc.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace tercet::tile {
#define GEN_PASS_DEF_LOWERAGGREGATESPASS
#include "passes/tile/Passes.h.inc"
} // namespace tercet::tile

using namespace mlir;
using namespace tercet;

namespace {

/// Fuses an elementwise operation into the elementwise operation that alone
/// reads it. (Upstream's set of patterns would replace destinations that are not
/// read by new ones, and so separate a tile from the output it belongs to.)
struct FuseElementwise : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp op, PatternRewriter &rewriter) const override {
    if (op.getNumParallelLoops() != op.getNumLoops())
      return rewriter.notifyMatchFailure(op, "is not elementwise");
    for (OpOperand &operand : op->getOpOperands()) {
      Operation *producer = operand.get().getDefiningOp();
      if (!producer || !producer->hasOneUse() || !linalg::areElementwiseOpsFusable(&operand))
        continue;
      FailureOr<linalg::ElementwiseOpFusionResult> fused =
          linalg::fuseElementwiseOps(rewriter, &operand);
      if (failed(fused))
        continue;
      rewriter.replaceOp(op, op.getResults().empty()
                                 ? ValueRange()
                                 : ValueRange(fused->replacements.lookup(op.getResult(0))));
      return success();
    }
    return rewriter.notifyMatchFailure(op, "no producer to fuse");
  }
};

/// A softmax of floats of fewer than 32 bits, with sums in f32: upstream's keeps
/// them, and the exponentials, in elements of the result. Those are computed
/// twice instead.
Value decomposeNarrowSoftmax(OpBuilder &b, linalg::SoftmaxOp op) {
  Location loc = op.getLoc();
  int64_t rank = op.getInputOperandRank(), reduced = op.getDimension();
  Type element = getElementTypeOrSelf(op.getInput().getType()), f32 = b.getF32Type();
  AffineMap all = b.getMultiDimIdentityMap(rank), row = all.dropResult(reduced);
  SmallVector<utils::IteratorType> parallel(rank, utils::IteratorType::parallel), reduce(parallel);
  reduce[reduced] = utils::IteratorType::reduction;
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, op.getInput());
  sizes.erase(sizes.begin() + reduced);
  auto exponential = [&](OpBuilder &n, Location at, ValueRange args) -> Value {
    Value x = arith::ExtFOp::create(n, at, f32, args[0]);
    Value greatest = arith::ExtFOp::create(n, at, f32, args[1]);
    return math::ExpOp::create(n, at, arith::SubFOp::create(n, at, x, greatest));
  };
  // Exact in any type.
  Value greatest =
      nn::generic(b, loc, op.getInput(),
                  nn::filled(b, loc, sizes, element, -std::numeric_limits<double>::infinity()),
                  {all, row}, reduce, [](OpBuilder &n, Location at, ValueRange args) -> Value {
                    return arith::MaxNumFOp::create(n, at, args[0], args[1]);
                  });
  Value sum = nn::generic(b, loc, {op.getInput(), greatest}, nn::filled(b, loc, sizes, f32, 0),
                          {all, row, row}, reduce,
                          [&](OpBuilder &n, Location at, ValueRange args) -> Value {
                            return arith::AddFOp::create(n, at, exponential(n, at, args), args[2]);
                          });
  return nn::generic(b, loc, {op.getInput(), greatest, sum}, op.getOutput(), {all, row, row, all},
                     parallel, [&](OpBuilder &n, Location at, ValueRange args) -> Value {
                       Value y = arith::DivFOp::create(n, at, exponential(n, at, args), args[2]);
                       return arith::TruncFOp::create(n, at, element, y);
                     });
}

struct LowerAggregatesPass : tile::impl::LowerAggregatesPassBase<LowerAggregatesPass> {
  void runOnOperation() override {
    if (failed(decompose()))
      return signalPassFailure();
    RewritePatternSet patterns(&getContext());
    patterns.add<FuseElementwise>(&getContext());
    tensor::populateFoldTensorEmptyPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
    // A gather that was fused into its reader still checks its indices, and so
    // is not dead to anyone else. The reader checks them as well.
    SmallVector<linalg::GenericOp> unread;
    getOperation().walk([&](linalg::GenericOp op) {
      if (op.use_empty() && op.hasPureTensorSemantics())
        unread.push_back(op);
    });
    for (linalg::GenericOp op : llvm::reverse(unread))
      op.erase();
  }

  /// Whether the kernel's engine wants the operation as it is. Text without a
  /// machine is taken to be for one that knows packed products.
  std::function<bool(Operation *)> wholeOperations() {
    soc::MachineAttr machine = soc::MachineAttr::of(getOperation());
    auto engine = dyn_cast_or_null<soc::EngineAttrInterface>(
        machine ? machine.lookupEngine(getOperation().getEngine()) : Attribute());
    if (!engine)
      return [](Operation *op) { return isa<nn::PackedMatmulOp>(op); };
    return [engine](Operation *op) { return engine.takesWhole(op); };
  }

  LogicalResult decompose() {
    IRRewriter rewriter(&getContext());
    std::function<bool(Operation *)> staysWhole = wholeOperations();
    bool again = true;
    while (again) {
      again = false;
      SmallVector<linalg::AggregatedOpInterface> ops;
      getOperation().walk([&](linalg::AggregatedOpInterface op) {
        if (!staysWhole(op))
          ops.push_back(op);
      });
      SmallVector<tensor::ConcatOp> concats;
      getOperation().walk([&](tensor::ConcatOp op) { concats.push_back(op); });
      for (linalg::AggregatedOpInterface op : ops) {
        rewriter.setInsertionPoint(op);
        again = true;
        if (auto softmax = dyn_cast<linalg::SoftmaxOp>(*op);
            softmax && getElementTypeOrSelf(softmax.getInput()).getIntOrFloatBitWidth() < 32) {
          rewriter.replaceOp(op, decomposeNarrowSoftmax(rewriter, softmax));
          continue;
        }
        FailureOr<SmallVector<Value>> results = op.decomposeOperation(rewriter);
        if (failed(results))
          return op->emitOpError() << "cannot be decomposed";
        rewriter.replaceOp(op, *results);
      }
      for (tensor::ConcatOp op : concats) {
        rewriter.setInsertionPoint(op);
        FailureOr<SmallVector<Value>> results = op.decomposeOperation(rewriter);
        if (failed(results))
          return op->emitOpError() << "cannot be decomposed";
        rewriter.replaceOp(op, *results);
        again = true;
      }
    }
    return success();
  }
};

} // namespace
