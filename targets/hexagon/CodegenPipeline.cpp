// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The code-generation stage of the Hexagon target.

#include "targets/hexagon/Passes.h"

#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace tercet;

void hexagon::buildCodegenPipeline(OpPassManager &pm) {
  OpPassManager &kernels = pm.nest<soc::KernelOp>();
  // Copies of memory to itself.
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createLowerKernelsPass());
  // Emitters write constants and addresses where they need them.
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
  pm.addPass(createConvertToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.nest<LLVM::LLVMFuncOp>().addPass(createCSEPass());
}

void hexagon::registerHexagonPipelines() {
  PassPipelineRegistration<>("tercet-hexagon-codegen",
                             "From bufferised kernels of a Hexagon engine to the LLVM dialect",
                             [](OpPassManager &pm) { buildCodegenPipeline(pm); });
}
