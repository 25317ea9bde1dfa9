// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tile stage's promise, checked.

#include "passes/tile/Passes.h"

#include "dialects/soc/Soc.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

namespace tercet::tile {
#define GEN_PASS_DEF_VERIFYTILEPASS
#include "passes/tile/Passes.h.inc"
} // namespace tercet::tile

using namespace mlir;
using namespace tercet;

namespace {

LogicalResult verifyKernel(soc::KernelOp kernel) {
  WalkResult tensors = kernel.walk([](Operation *op) {
    for (Type type : op->getResultTypes())
      if (isa<TensorType>(type)) {
        op->emitOpError() << "still computes a tensor after the tile stage";
        return WalkResult::interrupt();
      }
    return WalkResult::advance();
  });
  if (tensors.wasInterrupted())
    return failure();
  if (!kernel.getScratchBytes())
    return kernel.emitOpError() << "does not say how much scratch it needs";
  int64_t scratch = *kernel.getScratchBytes();
  if (scratch > static_cast<int64_t>(kernel.getVariant().getScratchBytes()))
    return kernel.emitOpError() << "needs " << scratch << " bytes of scratch where variant '"
                                << kernel.getVariant().getName().getValue() << "' promised "
                                << kernel.getVariant().getScratchBytes();
  unsigned grids = 0;
  for (auto loop : kernel.getBody().getOps<scf::ForallOp>()) {
    ++grids;
    if (loop.getRank() > 3 || !loop.getStaticUpperBound().size() ||
        !loop.getDynamicUpperBound().empty() || !loop.getDynamicLowerBound().empty() ||
        !loop.getDynamicStep().empty())
      return loop.emitOpError()
             << "expected a grid of at most three dimensions and constant bounds";
  }
  if (grids > 1)
    return kernel.emitOpError() << "has " << grids << " grids, expected one at most";
  return success();
}

struct VerifyTilePass : tile::impl::VerifyTilePassBase<VerifyTilePass> {
  void runOnOperation() override {
    bool ok = true;
    getOperation()->walk([&](soc::KernelOp kernel) { ok &= succeeded(verifyKernel(kernel)); });
    getOperation()->walk([&](soc::TaskOp task) {
      auto calls = task.getBody().front().getOps<soc::CallOp>();
      if (!llvm::hasSingleElement(calls)) {
        task.emitOpError() << "is not one call of a kernel after the tile stage";
        ok = false;
      }
    });
    if (!ok)
      return signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace
