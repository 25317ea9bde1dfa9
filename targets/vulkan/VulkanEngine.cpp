// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Answers for engines of target vulkan.

#include "targets/vulkan/VulkanEngine.h"

#include "targets/vulkan/Passes.h"

#include "mlir/Pass/PassManager.h"

using namespace mlir;
using namespace tercet;

namespace {

class VulkanEngineModel : public soc::EngineModel {
public:
  bool supports(soc::EngineAttr engine, soc::GroupOp group, std::string &reason) const override {
    reason = "it has no variants";
    return false;
  }

  SmallVector<soc::VariantAttr> variants(soc::EngineAttr engine, soc::GroupOp group,
                                         int64_t rows) const override {
    return {};
  }

  bool keepsScratch(soc::EngineAttr engine) const override { return true; }

  void buildCodegenPipeline(soc::EngineAttr engine, OpPassManager &pm) const override {
    vulkan::buildCodegenPipeline(pm, codegen::GpuProfile());
  }
};

} // namespace

std::unique_ptr<soc::EngineModel> vulkan::createEngineModel() {
  return std::make_unique<VulkanEngineModel>();
}
