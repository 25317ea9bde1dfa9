// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The code-generation stage of the CUDA target: that of all GPUs, then to NVVM.

#include "targets/cuda/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace tercet;

void cuda::buildCodegenPipeline(OpPassManager &pm, StringRef profile) {
  codegen::buildGpuPipeline(pm, profile);
  OpPassManager &functions = pm.nest<gpu::GPUModuleOp>().nest<gpu::GPUFuncOp>();
  functions.addPass(createLowerMathPass());
  // Polynomials of several functions share terms.
  functions.addPass(createCSEPass());
  pm.addPass(createConvertToNvvmPass());
  pm.nest<LLVM::LLVMFuncOp>().addPass(createCSEPass());
}

namespace {
struct PipelineOptions : PassPipelineOptions<PipelineOptions> {
  Option<std::string> profile{*this, "profile", llvm::cl::desc("As GpuProfile::parse reads it"),
                              llvm::cl::init("")};
};
} // namespace

void cuda::registerCudaPipelines() {
  PassPipelineRegistration<PipelineOptions>(
      "tercet-cuda-codegen", "From bufferised kernels of a CUDA engine to the NVVM dialect",
      [](OpPassManager &pm, const PipelineOptions &options) {
        // The passes report what cannot be parsed.
        buildCodegenPipeline(pm, options.profile.getValue());
      });
}
