// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decomposes aggregates inside of tiles and fuses what is elementwise.

#include "passes/tile/Passes.h"

#include "dialects/nn/NN.h"
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

struct LowerAggregatesPass : tile::impl::LowerAggregatesPassBase<LowerAggregatesPass> {
  void runOnOperation() override {
    if (failed(decompose()))
      return signalPassFailure();
    RewritePatternSet patterns(&getContext());
    linalg::populateElementwiseOpsFusionPatterns(patterns, [](OpOperand *operand) {
      Operation *producer = operand->get().getDefiningOp();
      return producer && producer->hasOneUse();
    });
    tensor::populateFoldTensorEmptyPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }

  LogicalResult decompose() {
    IRRewriter rewriter(&getContext());
    bool again = true;
    while (again) {
      again = false;
      SmallVector<linalg::AggregatedOpInterface> ops;
      getOperation().walk([&](linalg::AggregatedOpInterface op) {
        if (!isa<nn::PackedMatmulOp>(op.getOperation()))
          ops.push_back(op);
      });
      SmallVector<tensor::ConcatOp> concats;
      getOperation().walk([&](tensor::ConcatOp op) { concats.push_back(op); });
      for (linalg::AggregatedOpInterface op : ops) {
        rewriter.setInsertionPoint(op);
        FailureOr<SmallVector<Value>> results = op.decomposeOperation(rewriter);
        if (failed(results))
          return op->emitOpError() << "cannot be decomposed";
        rewriter.replaceOp(op, *results);
        again = true;
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
