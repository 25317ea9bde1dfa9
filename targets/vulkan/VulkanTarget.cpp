// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Vulkan devices as one of the targets: the only thing that the rest of the
// compiler sees of this folder.

#include "targets/Target.h"
#include "targets/vulkan/Passes.h"
#include "targets/vulkan/VulkanEngine.h"
#include "targets/vulkan/VulkanImage.h"

using namespace mlir;
using namespace tercet;

namespace {

class VulkanTarget : public Target {
public:
  StringRef getName() const override { return "vulkan"; }
  void registerDialects(DialectRegistry &registry) const override {
    registry.insert<spirv::SPIRVDialect>();
  }
  void registerPasses() const override {
    vulkan::registerTercetVulkanPasses();
    vulkan::registerVulkanPipelines();
  }
  std::unique_ptr<soc::EngineModel> createModel() const override {
    return vulkan::createEngineModel();
  }
  llvm::Expected<EngineImage> emitImage(const ImageJob &job) const override {
    return vulkan::emitImage(job);
  }
};

} // namespace

namespace tercet {
std::unique_ptr<Target> createVulkanTarget() { return std::make_unique<VulkanTarget>(); }
} // namespace tercet
