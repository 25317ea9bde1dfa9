// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One-shot bufferisation of one kernel. Sharing between tasks is not its
// business: a kernel's arguments are all the memory that it sees.

#include "passes/tile/Passes.h"

#include "dialects/soc/Soc.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

namespace tercet::tile {
#define GEN_PASS_DEF_LOWERTOBUFFERSPASS
#include "passes/tile/Passes.h.inc"
} // namespace tercet::tile

using namespace mlir;
using namespace tercet;

namespace {

struct LowerToBuffersPass : tile::impl::LowerToBuffersPassBase<LowerToBuffersPass> {
  void runOnOperation() override {
    bufferization::OneShotBufferizationOptions options;
    options.bufferAlignment = 64;
    options.allowUnknownOps = false;
    options.opFilter.allowOperation(
        [&](Operation *op) { return !isa<soc::KernelOp, soc::ReturnOp, soc::ScratchOp>(op); });
    bufferization::BufferizationState state;
    if (failed(bufferization::runOneShotBufferize(getOperation(), options, state)))
      return signalPassFailure();
  }
};

} // namespace
