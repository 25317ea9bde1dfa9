// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Answers for engines of target vulkan: those of all GPUs, within what a device
// binds and its profiles store.

#include "targets/vulkan/VulkanEngine.h"

#include "passes/codegen/gpu/GpuEngineModel.h"
#include "targets/vulkan/Passes.h"
#include "targets/vulkan/Storage.h"
#include "targets/vulkan/VulkanProfile.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::vulkan;

namespace {

class VulkanEngineModel : public codegen::GpuEngineModel {
public:
  void buildCodegenPipeline(soc::EngineAttr engine, OpPassManager &pm) const override {
    Limits limits = Limits::of(engine);
    vulkan::buildCodegenPipeline(
        pm, llvm::map_to_vector(Profile::of(engine).getAlternatives(), [&](Profile profile) {
          return vulkan::gpuProfileOf(profile, limits);
        }));
  }

  llvm::Error checkProperties(soc::EngineAttr engine) const override {
    return vulkan::checkProperties(engine);
  }

protected:
  partition::WorkgroupLimits tileLimits(soc::EngineAttr engine) const override {
    Limits limits = Limits::of(engine);
    return {limits.workgroupBytes, limits.threads, limits.computeUnits, limits.accumulators,
            kMaxGridSize};
  }

  codegen::GpuOperandLimits operandLimits(soc::EngineAttr engine) const override {
    return {kMaxOperands, kMaxOperandBytes};
  }

  // Norms, softmax and some products in f16 were wrong on lavapipe 22.3.
  bool checkOperation(Operation &op, std::string &reason) const override {
    for (Type type : op.getResultTypes())
      if (auto tensor = dyn_cast<RankedTensorType>(type);
          tensor && storageBits(tensor.getElementType()) < 32) {
        llvm::raw_string_ostream(reason) << "it writes elements of 32 bits only, and '"
                                         << op.getName() << "' yields " << tensor.getElementType();
        return false;
      }
    return true;
  }
};

} // namespace

std::unique_ptr<soc::EngineModel> vulkan::createEngineModel() {
  return std::make_unique<VulkanEngineModel>();
}
