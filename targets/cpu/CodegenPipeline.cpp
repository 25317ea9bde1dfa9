// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The code-generation stage of the CPU target.

#include "targets/cpu/Passes.h"

#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace tercet;

void cpu::buildCpuCodegenPipeline(OpPassManager &pm) {
  OpPassManager &kernels = pm.nest<soc::KernelOp>();
  // Views of the same memory become the same value, so that fills are found.
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
  // Contractions first: the structured lowering would take them too.
  kernels.addPass(createLowerContractionsPass());
  kernels.addPass(createLowerGroupsPass());
  kernels.addPass(createLowerAttentionPass());
  kernels.addPass(createLowerStructuredPass());
  // After vectorisation, so that functions are expanded on whole vectors.
  kernels.addPass(createLowerMathPass());
  pm.addPass(createLowerKernelsPass());
  OpPassManager &functions = pm.nest<LLVM::LLVMFuncOp>();
  functions.addPass(createCanonicalizerPass());
  functions.addPass(createCSEPass());
  functions.addPass(createConvertToLLVMPass());
  functions.addPass(createReconcileUnrealizedCastsPass());
  functions.addPass(createCSEPass());
}

void cpu::registerCpuPipelines() {
  PassPipelineRegistration<>("tercet-cpu-codegen",
                             "From bufferised kernels of a CPU to the LLVM dialect",
                             [](OpPassManager &pm) { buildCpuCodegenPipeline(pm); });
}
