// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Answers for engines of target cuda: those of all GPUs. The back end has every
// integer and float of up to 64 bits.

#include "targets/cuda/CudaEngine.h"

#include "dialects/nn/NN.h"
#include "passes/codegen/gpu/GpuEngineModel.h"
#include "targets/cuda/CudaDevice.h"
#include "targets/cuda/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

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

  /// Products and attention keep their sums in f32; other sums are in the type of
  /// their result, which for halves is not what anyone wants of long rows.
  bool checkOperation(Operation &op, std::string &reason) const override {
    auto structured = dyn_cast<linalg::LinalgOp>(op);
    bool sums = isa<linalg::SoftmaxOp, nn::LayerNormOp, nn::RmsNormOp>(op) ||
                (structured && structured.getNumReductionLoops() != 0 &&
                 !linalg::isaContractionOpInterface(structured));
    for (Type type : op.getResultTypes())
      if (Type element = getElementTypeOrSelf(type);
          sums && isa<FloatType>(element) && element.getIntOrFloatBitWidth() < 32) {
        llvm::raw_string_ostream(reason) << "it would sum '" << op.getName() << "' in " << element;
        return false;
      }
    return true;
  }
};

} // namespace

std::unique_ptr<soc::EngineModel> cuda::createEngineModel() {
  return std::make_unique<CudaEngineModel>();
}
