// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The checks go from the group to its operands, its operations and the scalars in
// their bodies; the first that fails gives the reason, in words that follow the
// engine's name.

#include "passes/codegen/gpu/GpuEngineModel.h"

#include "dialects/nn/NN.h"
#include "passes/codegen/gpu/Emitters.h"
#include "passes/partition/GroupPanels.h"
#include "passes/partition/GroupWork.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::codegen;

namespace {

/// An index has 32 bits.
constexpr int64_t kMaxElements = std::numeric_limits<int32_t>::max();

std::string textOf(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

/// The node's operation as users and readers of the IR know it.
std::string textOf(Operation &op) { return "'" + op.getName().getStringRef().str() + "'"; }

/// Elements that kernels load and store, whatever the device has of its own.
bool isStored(Type element) {
  return element.isF16() || element.isBF16() || element.isF32() || element.isInteger(1) ||
         element.isInteger(8) || element.isInteger(16) || element.isInteger(32) ||
         element.isInteger(64);
}

bool isComputed(Type type) {
  Type element = getElementTypeOrSelf(type);
  return element.isIndex() || isStored(element);
}

bool hasKernel(Operation &op) {
  return op.hasTrait<OpTrait::ConstantLike>() ||
         isa<linalg::SoftmaxOp, tensor::EmptyOp, tensor::ExtractSliceOp, tensor::CollapseShapeOp,
             tensor::ExpandShapeOp, tensor::ConcatOp, nn::ActivationOp, nn::LayerNormOp,
             nn::RmsNormOp, nn::RopeOp, nn::GatherOp, nn::AttentionOp, nn::CacheUpdateOp,
             nn::CachedAttentionOp, nn::EncodeGroupsOp, nn::GroupGatherOp, nn::GroupMatmulOp>(op) ||
         (isa<linalg::LinalgOp>(op) && !cast<linalg::LinalgOp>(op).hasDynamicShape());
}

/// Bodies of structured operations: arithmetic of single elements.
bool hasScalarForm(Operation &op) {
  return isa_and_nonnull<arith::ArithDialect, math::MathDialect>(op.getDialect()) ||
         isa<linalg::IndexOp, linalg::YieldOp>(op);
}

/// Of operations in groups: what there are kernels for, since what they stand for
/// would be computed with every weight in workgroup memory.
bool checkGroups(Operation &op, std::string &reason) {
  if (auto encode = dyn_cast<nn::EncodeGroupsOp>(op); encode && !hasEncodeKernel(encode)) {
    reason = "its kernels round rows to signed bytes in blocks of one group with a scale of f32 "
             "and a sum only";
    return false;
  }
  auto product = dyn_cast<nn::GroupMatmulOp>(op);
  if (!product)
    return true;
  auto group = cast<soc::GroupOp>(op.getParentOp());
  auto weight = dyn_cast<BlockArgument>(product.getRhs());
  if (!weight || weight.getOwner()->getParentOp() != group ||
      !partition::isWeightInGroups(group, weight.getArgNumber())) {
    reason = "it reads right-hand sides of 'nn.group_matmul' in panels, and this one is no weight "
             "of the model's or is read by other operations too";
    return false;
  }
  return hasGroupKernel(product, reason);
}

bool checkKernel(Operation &op, std::string &reason) {
  if (!hasKernel(op)) {
    reason = "it has no kernel for " + textOf(op);
    return false;
  }
  if (auto update = dyn_cast<nn::CacheUpdateOp>(op); update && update.getFormat()) {
    reason = "it has no kernel for " + textOf(op) + " that stores rows in groups";
    return false;
  }
  // Others have a form without a kernel of their own.
  if (isa<nn::CachedAttentionOp>(op) && !hasAttentionKernel(&op, &reason))
    return false;
  for (Type type : op.getResultTypes())
    if (!isComputed(type)) {
      reason = "it does not compute " + textOf(op) + " in " + textOf(getElementTypeOrSelf(type));
      return false;
    }
  if (!checkGroups(op, reason))
    return false;
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

bool checkOperands(soc::GroupOp group, const GpuOperandLimits &limits, std::string &reason) {
  size_t operands = group.getInputs().size() + group.getOutputs().size();
  if (operands > limits.operands) {
    reason = "its kernels take at most " + std::to_string(limits.operands) +
             " operands, and the group has " + std::to_string(operands);
    return false;
  }
  for (Type type :
       llvm::concat<const Type>(group.getInputs().getTypes(), group->getResultTypes())) {
    auto shaped = dyn_cast<RankedTensorType>(type);
    if (!shaped || !isStored(shaped.getElementType())) {
      reason = "it has no form for elements of type " + textOf(getElementTypeOrSelf(type));
      return false;
    }
    if (uint64_t bytes = partition::bytesOf(type); bytes > limits.bytes) {
      reason = "its kernels take at most " + std::to_string(limits.bytes) +
               " bytes as one operand, and " + textOf(type) + " has " + std::to_string(bytes);
      return false;
    }
    if (shaped.getNumElements() > kMaxElements) {
      reason = "its kernels count at most " + std::to_string(kMaxElements) + " elements, and " +
               textOf(type) + " has " + std::to_string(shaped.getNumElements());
      return false;
    }
  }
  return true;
}

} // namespace

bool GpuEngineModel::supports(soc::EngineAttr engine, soc::GroupOp group,
                              std::string &reason) const {
  if (ArrayAttr precisions = group.getPrecisionsAttr();
      precisions &&
      llvm::none_of(precisions.getAsRange<soc::PrecisionAttr>(),
                    [](soc::PrecisionAttr precision) { return precision.isFloat(); })) {
    reason = "it computes in floating point, and the group may be computed in integers only";
    return false;
  }
  if (!checkOperands(group, operandLimits(engine), reason))
    return false;
  for (Operation &op : group.getBody().front().without_terminator())
    if (!checkKernel(op, reason) || !checkOperation(op, reason))
      return false;
  return !findVariants(engine, group, /*rows=*/0, reason).empty();
}

SmallVector<soc::VariantAttr> GpuEngineModel::variants(soc::EngineAttr engine, soc::GroupOp group,
                                                       int64_t rows) const {
  std::string ignored;
  return findVariants(engine, group, rows, ignored);
}

bool GpuEngineModel::takesWhole(soc::EngineAttr engine, Operation *op) const {
  std::string ignored;
  if (auto product = dyn_cast<nn::GroupMatmulOp>(op))
    return hasGroupKernel(product, ignored);
  if (auto encode = dyn_cast<nn::EncodeGroupsOp>(op))
    return hasEncodeKernel(encode);
  return hasAttentionKernel(op);
}

SmallVector<soc::VariantAttr> GpuEngineModel::findVariants(soc::EngineAttr engine,
                                                           soc::GroupOp group, int64_t rows,
                                                           std::string &reason) const {
  return partition::findWorkgroupVariants(
      engine.getPerformance(), tileLimits(engine), group, rows,
      [&](Operation *op) { return takesWhole(engine, op); }, reason);
}
