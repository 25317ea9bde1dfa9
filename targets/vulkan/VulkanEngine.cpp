// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Answers for engines of target vulkan: which groups have kernels, and why the
// others have none.

#include "targets/vulkan/VulkanEngine.h"

#include "dialects/nn/NN.h"
#include "dialects/soc/Views.h"
#include "passes/codegen/gpu/Emitters.h"
#include "passes/partition/GroupWork.h"
#include "passes/partition/WorkgroupTiles.h"
#include "targets/vulkan/Passes.h"
#include "targets/vulkan/Storage.h"
#include "targets/vulkan/VulkanProfile.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::vulkan;

namespace {

/// What an entry is given is in the application's memory, which a device does
/// not see.
bool readsArgument(soc::GroupOp group) {
  return llvm::any_of(group.getInputs(), [](Value input) {
    return llvm::any_of(soc::getSources(input), [](const soc::SourceRange &source) {
      return isa<BlockArgument>(source.root);
    });
  });
}

/// Narrow elements are fields of words, whatever the profile.
bool isStored(Type element) { return storageBits(element) != 0; }

std::string textOf(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

/// The node's operation as users and readers of the IR know it.
std::string textOf(Operation &op) { return "'" + op.getName().getStringRef().str() + "'"; }

bool isComputed(Type type) {
  Type element = getElementTypeOrSelf(type);
  return element.isIndex() || isStored(element);
}

bool hasKernel(Operation &op) {
  return op.hasTrait<OpTrait::ConstantLike>() ||
         isa<linalg::SoftmaxOp, tensor::EmptyOp, tensor::ExtractSliceOp, tensor::CollapseShapeOp,
             tensor::ExpandShapeOp, tensor::ConcatOp, nn::ActivationOp, nn::LayerNormOp,
             nn::RmsNormOp, nn::RopeOp, nn::GatherOp, nn::AttentionOp>(op) ||
         (isa<linalg::LinalgOp>(op) && !cast<linalg::LinalgOp>(op).hasDynamicShape());
}

/// Bodies of structured operations: arithmetic of single elements.
bool hasScalarForm(Operation &op) {
  StringRef dialect = op.getDialect()->getNamespace();
  return dialect == arith::ArithDialect::getDialectNamespace() ||
         dialect == math::MathDialect::getDialectNamespace() ||
         isa<linalg::IndexOp, linalg::YieldOp>(op);
}

bool checkOperation(Operation &op, std::string &reason) {
  if (!hasKernel(op)) {
    reason = "it has no kernel for " + textOf(op);
    return false;
  }
  // Norms, softmax and some products in f16 were wrong on lavapipe 22.3.
  for (Type type : op.getResultTypes())
    if (auto tensor = dyn_cast<RankedTensorType>(type);
        tensor && storageBits(tensor.getElementType()) < 32) {
      reason = "it writes elements of 32 bits only, and " + textOf(op) + " yields " +
               textOf(tensor.getElementType());
      return false;
    }
  for (Type type : op.getResultTypes())
    if (!isComputed(type)) {
      reason = "it does not compute " + textOf(op) + " in " + textOf(getElementTypeOrSelf(type));
      return false;
    }
  auto structured = dyn_cast<linalg::LinalgOp>(op);
  if (!structured)
    return true;
  for (Operation &scalar : structured.getBlock()->getOperations()) {
    if (!hasScalarForm(scalar)) {
      reason = "it has no code for " + textOf(scalar) + " of a single element";
      return false;
    }
    for (Type type : scalar.getResultTypes())
      if (!isComputed(type)) {
        reason = "it does not compute in " + textOf(type);
        return false;
      }
  }
  return true;
}

bool checkOperands(soc::GroupOp group, std::string &reason) {
  size_t operands = group.getInputs().size() + group.getOutputs().size();
  if (operands > kMaxOperands) {
    reason = "it binds at most " + std::to_string(kMaxOperands) + " operands, and the group has " +
             std::to_string(operands);
    return false;
  }
  for (Type type :
       llvm::concat<const Type>(group.getInputs().getTypes(), group->getResultTypes())) {
    Type element = getElementTypeOrSelf(type);
    if (!isStored(element)) {
      reason = "it has no form for elements of type " + textOf(element);
      return false;
    }
    if (uint64_t bytes = partition::bytesOf(type); bytes > kMaxOperandBytes) {
      reason = "it binds at most " + std::to_string(kMaxOperandBytes) +
               " bytes as one operand, and " + textOf(type) + " has " + std::to_string(bytes);
      return false;
    }
  }
  return true;
}

class VulkanEngineModel : public soc::EngineModel {
public:
  bool supports(soc::EngineAttr engine, soc::GroupOp group, std::string &reason) const override {
    if (!group.getScalars().empty()) {
      reason = "it works at a position that is known only at run time, on a state that is in "
               "memory which the device does not see";
      return false;
    }
    if (ArrayAttr precisions = group.getPrecisionsAttr();
        precisions &&
        llvm::none_of(precisions.getAsRange<soc::PrecisionAttr>(),
                      [](soc::PrecisionAttr precision) { return precision.isFloat(); })) {
      reason = "it computes in floating point, and the group may be computed in integers only";
      return false;
    }
    if (!checkOperands(group, reason))
      return false;
    if (readsArgument(group)) {
      reason = "it would read an input of the entry, which is in memory of the application that "
               "the device does not see";
      return false;
    }
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

  /// Workgroup memory is the device's own.
  bool keepsScratch(soc::EngineAttr engine) const override { return true; }

  bool takesWhole(soc::EngineAttr engine, Operation *op) const override {
    auto attention = dyn_cast<nn::AttentionOp>(op);
    return attention && codegen::hasAttentionKernel(attention);
  }

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

private:
  SmallVector<soc::VariantAttr> findVariants(soc::EngineAttr engine, soc::GroupOp group,
                                             int64_t rows, std::string &reason) const {
    Limits limits = Limits::of(engine);
    return partition::findWorkgroupVariants(
        engine.getPerformance(),
        {limits.workgroupBytes, limits.threads, limits.computeUnits, limits.accumulators,
         kMaxGridSize},
        group, rows, [&](Operation *op) { return takesWhole(engine, op); }, reason);
  }
};

} // namespace

std::unique_ptr<soc::EngineModel> vulkan::createEngineModel() {
  return std::make_unique<VulkanEngineModel>();
}
