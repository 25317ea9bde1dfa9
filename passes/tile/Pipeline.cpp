// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tile stage: tasks become kernels on memory.

#include "passes/tile/Passes.h"

#include "dialects/soc/Soc.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

void tercet::tile::buildTilePipeline(mlir::OpPassManager &pm) {
  // First, so that equal tasks are tiled once.
  pm.addPass(createOutlineKernelsPass());
  mlir::OpPassManager &kernels = pm.nest<soc::KernelOp>();
  kernels.addPass(createApplyVariantsPass());
  // Two readers of one producer each got their own tile of it.
  kernels.addPass(mlir::createCSEPass());
  kernels.addPass(createLowerAggregatesPass());
  kernels.addPass(mlir::createCanonicalizerPass());
  kernels.addPass(mlir::createCSEPass());
  kernels.addPass(createLowerToBuffersPass());
  // Copies of memory to itself and unused allocations.
  kernels.addPass(mlir::createCanonicalizerPass());
  kernels.addPass(mlir::createCSEPass());
  kernels.addPass(createAssignScratchPass());
  kernels.addPass(createAssignGridPass());
  pm.addPass(createVerifyTilePass());
}
