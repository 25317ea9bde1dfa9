// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Answers for engines of target vulkan: those of all GPUs, within what a device
// binds, and without the arithmetic that words of 32 bits have no form for.

#include "targets/vulkan/VulkanEngine.h"

#include "passes/codegen/gpu/GpuEngineModel.h"
#include "targets/vulkan/Passes.h"
#include "targets/vulkan/VulkanProfile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

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

  /// Of integers of 64 bits, vulkan-lower-wide-integers has all but these.
  bool checkOperation(Operation &op, std::string &reason) const override {
    auto structured = dyn_cast<linalg::LinalgOp>(op);
    if (!structured)
      return true;
    for (Operation &scalar : structured.getBlock()->getOperations())
      if (isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp, arith::FloorDivSIOp,
              arith::CeilDivSIOp, arith::CeilDivUIOp>(scalar) &&
          scalar.getResult(0).getType().isInteger(64)) {
        llvm::raw_string_ostream(reason)
            << "it does not compute '" << scalar.getName() << "' in i64";
        return false;
      }
    return true;
  }
};

} // namespace

std::unique_ptr<soc::EngineModel> vulkan::createEngineModel() {
  return std::make_unique<VulkanEngineModel>();
}
