// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Vulkan devices as one of the targets: the only thing that the rest of the
// compiler sees of this folder.

#include "targets/Target.h"
#include "targets/vulkan/VulkanEngine.h"
#include "targets/vulkan/VulkanProfile.h"

using namespace tercet;

namespace {

class VulkanTarget : public Target {
public:
  llvm::StringRef getName() const override { return vulkan::kTargetName; }
  std::unique_ptr<soc::EngineModel> createModel() const override {
    return vulkan::createEngineModel();
  }
};

} // namespace

namespace tercet {
std::unique_ptr<Target> createVulkanTarget() { return std::make_unique<VulkanTarget>(); }
} // namespace tercet
