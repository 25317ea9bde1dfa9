// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The code-generation stage of the Vulkan target.

#include "passes/codegen/gpu/Passes.h"
#include "targets/vulkan/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::vulkan;

/// Passes report a profile that cannot be read.
static void buildPipeline(OpPassManager &pm, StringRef profile, int64_t workgroupBytes) {
  codegen::buildGpuPipeline(pm, profile);
  OpPassManager &functions = pm.nest<gpu::GPUModuleOp>().nest<gpu::GPUFuncOp>();
  functions.addPass(createLowerStoragePass());
  functions.addPass(createLowerWideIntegersPass());
  // What is left between storage and arithmetic of other widths.
  functions.addPass(createCanonicalizerPass());
  functions.addPass(createLowerNarrowTypesPass());
  functions.addPass(createCanonicalizerPass());
  functions.addPass(createCSEPass());
  ConvertToSpirvPassOptions conversion;
  conversion.profile = profile.str();
  pm.addPass(createConvertToSpirvPass(conversion));
  VerifyAbiPassOptions limits;
  limits.workgroupBytes = workgroupBytes;
  pm.nest<spirv::ModuleOp>().addPass(createVerifyAbiPass(limits));
}

void vulkan::buildCodegenPipeline(OpPassManager &pm, const codegen::GpuProfile &profile) {
  buildPipeline(pm, profile.print(), profile.workgroupBytes);
}

namespace {
struct PipelineOptions : PassPipelineOptions<PipelineOptions> {
  Option<std::string> profile{*this, "profile", llvm::cl::desc("As GpuProfile::parse reads it"),
                              llvm::cl::init("")};
};
} // namespace

void vulkan::registerVulkanPipelines() {
  PassPipelineRegistration<PipelineOptions>(
      "tercet-vulkan-codegen", "From bufferised kernels of a Vulkan engine to SPIR-V modules",
      [](OpPassManager &pm, const PipelineOptions &options) {
        StringRef text = options.profile.getValue();
        llvm::Expected<codegen::GpuProfile> profile = codegen::GpuProfile::parse(text);
        int64_t workgroupBytes = codegen::GpuProfile().workgroupBytes;
        if (profile)
          workgroupBytes = profile->workgroupBytes;
        else
          llvm::consumeError(profile.takeError());
        buildPipeline(pm, text, workgroupBytes);
      });
}
