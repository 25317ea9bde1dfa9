// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// NVIDIA's GPUs as one of the targets: the only thing that the rest of the
// compiler sees of this folder.

#include "targets/Target.h"
#include "targets/cuda/CudaDevice.h"
#include "targets/cuda/CudaEngine.h"
#include "targets/cuda/CudaImage.h"
#include "targets/cuda/Passes.h"

#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"

using namespace mlir;
using namespace tercet;

namespace {

class CudaTarget : public Target {
public:
  StringRef getName() const override { return cuda::kTargetName; }
  void registerDialects(DialectRegistry &registry) const override {
    registry.insert<gpu::GPUDialect, nvgpu::NVGPUDialect, NVVM::NVVMDialect>();
  }
  void registerPasses() const override {
    cuda::registerTercetCudaPasses();
    cuda::registerCudaPipelines();
  }
  std::unique_ptr<soc::EngineModel> createModel() const override {
    return cuda::createEngineModel();
  }
  llvm::Expected<EngineImage> emitImage(const ImageJob &job) const override {
    return cuda::emitImage(job);
  }
};

} // namespace

namespace tercet {
std::unique_ptr<Target> createCudaTarget() { return std::make_unique<CudaTarget>(); }
} // namespace tercet
