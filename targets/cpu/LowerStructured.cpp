// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every linalg operation that is no matrix product becomes a vectorised loop
// nest. What has a map that is not linear falls back on upstream's scalar
// loops, so that nothing is ever left.

#include "targets/cpu/NestEmitter.h"
#include "targets/cpu/Passes.h"

#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"

namespace tercet::cpu {
#define GEN_PASS_DEF_LOWERSTRUCTUREDPASS
#include "targets/cpu/Passes.h.inc"
} // namespace tercet::cpu

using namespace mlir;
using namespace tercet;
using namespace tercet::codegen;
using namespace tercet::cpu;

namespace {

struct LowerStructuredPass : cpu::impl::LowerStructuredPassBase<LowerStructuredPass> {
  void runOnOperation() override {
    soc::KernelOp kernel = getOperation();
    if (!isCpuKernel(kernel))
      return;
    FailureOr<soc::CpuAttr> engine = lookupCpu(kernel);
    if (failed(engine))
      return signalPassFailure();
    VectorUnit unit = VectorUnit::of(*engine);

    SmallVector<Operation *> ops;
    kernel.walk([&](Operation *op) {
      if (isa<linalg::LinalgOp, memref::CopyOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : ops) {
      auto copy = dyn_cast<memref::CopyOp>(op);
      if (failed(copy ? lowerCopy(copy, unit) : lower(cast<linalg::LinalgOp>(op), unit))) {
        kernel.emitOpError() << "has an operation that cannot be lowered to loops";
        return signalPassFailure();
      }
    }
  }

  void emitBest(OpBuilder &b, Location loc, Block &body, const LoopNest &nest,
                const VectorUnit &unit) {
    if (emitTranspose(b, loc, body, nest, unit)) {
      ++vectorised;
      return;
    }
    NestPlan plan = choosePlan(body, nest, unit);
    ++(plan.vectorLoop < 0 ? scalar : vectorised);
    emitNest(b, loc, body, nest, plan, unit);
  }

  LogicalResult lower(linalg::LinalgOp op, const VectorUnit &unit) {
    if (!op.hasPureBufferSemantics())
      return op->emitOpError() << "expected memrefs; bufferise first";
    IRRewriter rewriter(op);
    FailureOr<LoopNest> nest = LoopNest::of(rewriter, op);
    if (failed(nest)) {
      ++scalar;
      if (failed(linalg::linalgOpToLoops(rewriter, op)))
        return failure();
      rewriter.eraseOp(op);
      return success();
    }
    Block &body = op->getRegion(0).front();
    bool usesIndex = !body.getOps<linalg::IndexOp>().empty();
    nest->simplify(/*keepDims=*/usesIndex);
    emitBest(rewriter, op.getLoc(), body, *nest, unit);
    rewriter.eraseOp(op);
    return success();
  }

  LogicalResult lowerCopy(memref::CopyOp op, const VectorUnit &unit) {
    IRRewriter rewriter(op);
    if (op.getSource() == op.getTarget()) {
      rewriter.eraseOp(op);
      return success();
    }
    linalg::GenericOp copy =
        linalg::makeMemRefCopyOp(rewriter, op.getLoc(), op.getSource(), op.getTarget());
    rewriter.eraseOp(op);
    return lower(copy, unit);
  }
};

} // namespace
