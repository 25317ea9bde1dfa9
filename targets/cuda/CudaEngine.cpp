// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Answers for engines of target cuda. The back end has every integer and float of
// up to 64 bits, so what is refused is refused for operations and for where
// values are, not for their types.

#include "targets/cuda/CudaEngine.h"

#include "dialects/nn/NN.h"
#include "dialects/soc/Views.h"
#include "passes/codegen/gpu/Passes.h"
#include "passes/partition/WorkgroupTiles.h"
#include "targets/cuda/CudaDevice.h"
#include "targets/cuda/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace tercet;

namespace {

/// As cuda_image.h; one parameter is the control block's.
constexpr size_t kMaxOperands = 256;
/// An index has 32 bits.
constexpr int64_t kMaxElements = std::numeric_limits<int32_t>::max();
/// Of the grid's second and third dimension.
constexpr int64_t kMaxGridSize = 65535;

std::string textOf(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

/// The entry's arguments are the application's memory, which is not mapped.
bool readsArgument(soc::GroupOp group) {
  return llvm::any_of(group.getInputs(), [](Value input) {
    return llvm::any_of(soc::getSources(input), [](const soc::SourceRange &source) {
      return isa<BlockArgument>(source.root);
    });
  });
}

bool hasForm(Type type) {
  Type element = getElementTypeOrSelf(type);
  if (element.isIndex() || element.isF16() || element.isBF16() || element.isF32())
    return true;
  return element.isInteger(1) || element.isInteger(8) || element.isInteger(16) ||
         element.isInteger(32) || element.isInteger(64);
}

bool hasKernel(Operation &op) {
  if (auto structured = dyn_cast<linalg::LinalgOp>(op))
    return !structured.hasDynamicShape();
  return op.hasTrait<OpTrait::ConstantLike>() ||
         isa<linalg::SoftmaxOp, tensor::EmptyOp, tensor::ExtractSliceOp, tensor::CollapseShapeOp,
             tensor::ExpandShapeOp, tensor::ConcatOp, nn::ActivationOp, nn::LayerNormOp,
             nn::RmsNormOp, nn::RopeOp, nn::AttentionOp>(op);
}

/// Bodies of structured operations compute single elements.
bool hasScalarForm(Operation &op) {
  return isa<arith::ArithDialect, math::MathDialect>(op.getDialect()) ||
         isa<linalg::IndexOp, linalg::YieldOp>(op);
}

bool checkTypes(Operation &op, std::string &reason) {
  for (Type type : op.getResultTypes())
    if (!hasForm(type)) {
      reason = "it does not compute '" + op.getName().getStringRef().str() + "' in " +
               textOf(getElementTypeOrSelf(type));
      return false;
    }
  return true;
}

/// Products and attention keep their sums in f32; other sums are in the type of
/// their result, which for halves is not what anyone wants of long rows.
bool sumsInHalves(Operation &op) {
  auto structured = dyn_cast<linalg::LinalgOp>(op);
  bool sums = isa<linalg::SoftmaxOp, nn::LayerNormOp, nn::RmsNormOp>(op) ||
              (structured && structured.getNumReductionLoops() != 0 &&
               !linalg::isaContractionOpInterface(structured));
  return sums && llvm::any_of(op.getResultTypes(), [](Type type) {
           Type element = getElementTypeOrSelf(type);
           return isa<FloatType>(element) && element.getIntOrFloatBitWidth() < 32;
         });
}

bool checkOperation(Operation &op, std::string &reason) {
  if (!hasKernel(op)) {
    reason = "it has no kernel for '" + op.getName().getStringRef().str() + "'";
    return false;
  }
  if (!checkTypes(op, reason))
    return false;
  if (sumsInHalves(op)) {
    reason = "it would sum '" + op.getName().getStringRef().str() + "' in " +
             textOf(getElementTypeOrSelf(op.getResultTypes().front()));
    return false;
  }
  auto structured = dyn_cast<linalg::LinalgOp>(op);
  if (!structured)
    return true;
  for (Operation &scalar : structured.getBlock()->getOperations()) {
    if (!hasScalarForm(scalar)) {
      reason =
          "it has no code for '" + scalar.getName().getStringRef().str() + "' of a single element";
      return false;
    }
    if (!checkTypes(scalar, reason))
      return false;
  }
  return true;
}

bool checkOperands(soc::GroupOp group, std::string &reason) {
  size_t operands = group.getInputs().size() + group.getOutputs().size();
  if (operands > kMaxOperands) {
    reason = "a kernel takes at most " + std::to_string(kMaxOperands) +
             " operands, and the group has " + std::to_string(operands);
    return false;
  }
  for (Type type :
       llvm::concat<const Type>(group.getInputs().getTypes(), group->getResultTypes())) {
    auto shaped = dyn_cast<RankedTensorType>(type);
    Type element = getElementTypeOrSelf(type);
    if (!shaped || !hasForm(type) || element.isIndex()) {
      reason = "it has no form for elements of type " + textOf(element);
      return false;
    }
    if (shaped.getNumElements() > kMaxElements) {
      reason = "it counts at most " + std::to_string(kMaxElements) + " elements, and " +
               textOf(type) + " has " + std::to_string(shaped.getNumElements());
      return false;
    }
  }
  return true;
}

class CudaEngineModel : public soc::EngineModel {
public:
  bool supports(soc::EngineAttr engine, soc::GroupOp group, std::string &reason) const override {
    if (!group.getScalars().empty()) {
      reason = "it works on a state at a position that is known only at run time, which its "
               "kernels do not yet take";
      return false;
    }
    if (ArrayAttr precisions = group.getPrecisionsAttr();
        precisions &&
        llvm::none_of(precisions.getAsRange<soc::PrecisionAttr>(),
                      [](soc::PrecisionAttr precision) { return precision.isFloat(); })) {
      reason = "it computes in floating point, and the group may be computed in integers only";
      return false;
    }
    if (readsArgument(group)) {
      reason = "it would read an input of the entry, which is in memory of the application that "
               "is not mapped on the GPU";
      return false;
    }
    if (!checkOperands(group, reason))
      return false;
    for (Operation &op : group.getBody().front().without_terminator())
      if (!checkOperation(op, reason))
        return false;
    return !findVariants(engine, group, /*rows=*/0, reason).empty();
  }

  SmallVector<soc::VariantAttr> variants(soc::EngineAttr engine, soc::GroupOp group,
                                         int64_t rows) const override {
    std::string ignored;
    return findVariants(engine, group, rows, ignored);
  }

  bool keepsScratch(soc::EngineAttr engine) const override { return true; }

  void buildCodegenPipeline(soc::EngineAttr engine, OpPassManager &pm) const override {
    cuda::buildCodegenPipeline(pm, cuda::Device::of(engine).profile().print());
  }

  llvm::Error checkProperties(soc::EngineAttr engine) const override {
    return cuda::checkProperties(engine);
  }

private:
  SmallVector<soc::VariantAttr> findVariants(soc::EngineAttr engine, soc::GroupOp group,
                                             int64_t rows, std::string &reason) const {
    cuda::Device device = cuda::Device::of(engine);
    return partition::findWorkgroupVariants(
        engine.getPerformance(),
        {device.sharedBytes, device.threads, device.processors, device.accumulators, kMaxGridSize},
        group, rows, [&](Operation *op) { return takesWhole(engine, op); }, reason);
  }
};

} // namespace

std::unique_ptr<soc::EngineModel> cuda::createEngineModel() {
  return std::make_unique<CudaEngineModel>();
}
