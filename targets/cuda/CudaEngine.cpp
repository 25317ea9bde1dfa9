// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Answers for engines of target cuda: those of all GPUs. The back end has every
// integer and float of up to 64 bits.

#include "targets/cuda/CudaEngine.h"

#include "passes/codegen/gpu/GpuEngineModel.h"
#include "targets/cuda/CudaDevice.h"
#include "targets/cuda/Passes.h"

using namespace mlir;
using namespace tercet;

namespace {

/// As cuda_image.h; one parameter is the control block's.
constexpr size_t kMaxOperands = 256;
/// Of the grid's second and third dimension.
constexpr int64_t kMaxGridSize = 65535;

class CudaEngineModel : public codegen::GpuEngineModel {
public:
  void buildCodegenPipeline(soc::EngineAttr engine, OpPassManager &pm) const override {
    cuda::buildCodegenPipeline(pm, cuda::Device::of(engine).profile().print());
  }

  llvm::Error checkProperties(soc::EngineAttr engine) const override {
    return cuda::checkProperties(engine);
  }

protected:
  partition::WorkgroupLimits tileLimits(soc::EngineAttr engine) const override {
    cuda::Device device = cuda::Device::of(engine);
    return {device.sharedBytes,  device.threads, device.processors,
            device.accumulators, kMaxGridSize,   device.architecture >= cuda::kTensorArchitecture};
  }

  codegen::GpuOperandLimits operandLimits(soc::EngineAttr engine) const override {
    return {kMaxOperands, std::numeric_limits<uint64_t>::max()};
  }
};

} // namespace

std::unique_ptr<soc::EngineModel> cuda::createEngineModel() {
  return std::make_unique<CudaEngineModel>();
}
