// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The order of code generation for GPUs.

#include "passes/codegen/gpu/Passes.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::codegen;

void codegen::buildGpuPipeline(OpPassManager &pm, StringRef profile) {
  OpPassManager &kernels = pm.nest<soc::KernelOp>();
  // Copies of memory to itself; views of the same memory become one.
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
  LowerKernelsPassOptions kernelOptions;
  kernelOptions.profile = profile.str();
  pm.addPass(createLowerKernelsPass(kernelOptions));
  OpPassManager &functions = pm.nest<gpu::GPUModuleOp>().nest<gpu::GPUFuncOp>();
  LowerStructuredPassOptions structuredOptions;
  structuredOptions.profile = profile.str();
  functions.addPass(createLowerStructuredPass(structuredOptions));
  functions.addPass(createLowerMemoryPass());
  functions.addPass(createLowerAffinePass());
  functions.addPass(createCanonicalizerPass());
  functions.addPass(createCSEPass());
  functions.addPass(createLoopInvariantCodeMotionPass());
}

namespace {
struct PipelineOptions : PassPipelineOptions<PipelineOptions> {
  Option<std::string> profile{*this, "profile", llvm::cl::desc("As GpuProfile::parse reads it"),
                              llvm::cl::init("")};
};
} // namespace

void codegen::registerGpuPipelines() {
  PassPipelineRegistration<PipelineOptions>(
      "tercet-gpu-codegen", "From bufferised kernels to GPU functions on flat memory",
      [](OpPassManager &pm, const PipelineOptions &options) {
        // The passes report what cannot be read.
        buildGpuPipeline(pm, options.profile.getValue());
      });
}
