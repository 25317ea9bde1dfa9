// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The code-generation stage of the Vulkan target: what a profile's kernels go
// through is in LowerAlternatives.cpp.

#include "targets/vulkan/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::vulkan;

void vulkan::buildCodegenPipeline(OpPassManager &pm, ArrayRef<codegen::GpuProfile> profiles) {
  LowerAlternativesPassOptions options;
  for (const codegen::GpuProfile &profile : profiles)
    options.profiles.push_back(profile.print());
  pm.addPass(createLowerAlternativesPass(options));
}

namespace {
struct PipelineOptions : PassPipelineOptions<PipelineOptions> {
  ListOption<std::string> profiles{
      *this, "profiles",
      llvm::cl::desc("As GpuProfile::parse reads them, from that with the most needs")};
};
} // namespace

void vulkan::registerVulkanPipelines() {
  PassPipelineRegistration<PipelineOptions>(
      "tercet-vulkan-codegen", "From bufferised kernels of a Vulkan engine to SPIR-V modules",
      [](OpPassManager &pm, const PipelineOptions &given) {
        LowerAlternativesPassOptions options;
        for (const std::string &profile : given.profiles)
          options.profiles.push_back(profile);
        if (options.profiles.empty())
          options.profiles.push_back("");
        pm.addPass(createLowerAlternativesPass(options));
      });
}
