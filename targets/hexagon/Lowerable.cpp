// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reasons against lowering an operation, and how much staging memory a kernel
// needs. Both look at types and attributes only.

#include "targets/hexagon/Lowerable.h"
#include "targets/hexagon/Emitters.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::hexagon;

namespace {

using Reason = std::optional<std::string>;

ShapedType typeOf(Value value) { return cast<ShapedType>(value.getType()); }

Reason reasonAgainstMatmul(nn::QuantizedMatmulOp op) {
  ShapedType rhs = typeOf(op.getRhs());
  if (typeOf(op.getLhs()).isDynamicDim(1))
    return "the depth of the product is not known";
  // Unpacked weights on tensors get packed when the variant is applied.
  if (isa<RankedTensorType>(rhs))
    return std::nullopt;
  if (!op.isPacked())
    return "the right-hand side is not packed in panels of 32 columns";
  if (op.getPanel() != 32)
    return "panels of " + std::to_string(op.getPanel()) + " columns; it takes 32";
  return std::nullopt;
}

Reason reasonAgainstAttention(nn::QuantizedAttentionOp op) {
  ShapedType query = typeOf(op.getQuery()), value = typeOf(op.getValue());
  if (query.isDynamicDim(3) || value.isDynamicDim(3) || typeOf(op.getKey()).isDynamicDim(1))
    return "sizes of heads or the number of keys are not known";
  if (query.getDimSize(3) > 128 || value.getDimSize(3) > 128)
    return "heads of more than 128 elements";
  return std::nullopt;
}

Reason reasonAgainstNorm(Operation *op) {
  ShapedType input = typeOf(op->getOperand(0));
  int64_t size = input.getDimSize(input.getRank() - 1);
  if (ShapedType::isDynamic(size))
    return "the size of the last dimension is not known";
  if (size > 16384)
    return "rows of " + std::to_string(size) + " elements; it takes 16384";
  return std::nullopt;
}

/// Tables of blocks are gone through one after the other.
Reason reasonAgainstLookup(nn::LookupOp op) {
  ShapedType table = typeOf(op.getTable()), input = typeOf(op.getInput());
  if (table.getRank() == 2 && (table.isDynamicDim(0) || input.isDynamicDim(input.getRank() - 1) ||
                               input.getDimSize(input.getRank() - 1) % table.getDimSize(0)))
    return "blocks of a number of columns that is not known";
  return std::nullopt;
}

/// Elements of whole bytes.
Reason reasonAgainstMove(Operation *op) {
  for (Value operand : op->getOperands()) {
    Type type = getElementTypeOrSelf(operand.getType());
    if (!type.isIntOrFloat() || type.getIntOrFloatBitWidth() % 8 != 0 ||
        type.getIntOrFloatBitWidth() > 64)
      return "elements that are not 1, 2, 4 or 8 bytes";
  }
  return std::nullopt;
}

int64_t stagingOfOperation(Operation *op, bool streamed) {
  return llvm::TypeSwitch<Operation *, int64_t>(op)
      .Case<nn::QuantizedMatmulOp>([&](auto matmul) { return stagingOf(matmul, streamed); })
      .Case<nn::QuantizedLayerNormOp, nn::QuantizedRmsNormOp>(
          [](Operation *norm) { return stagingOfNorm(norm); })
      .Case<nn::QuantizedAttentionOp>([](auto attention) { return stagingOf(attention); })
      .Default([](Operation *) { return 0; });
}

} // namespace

Reason hexagon::reasonAgainst(Operation *op) {
  if (!isLowered(op))
    return std::nullopt;
  return llvm::TypeSwitch<Operation *, Reason>(op)
      .Case<nn::QuantizedMatmulOp>(reasonAgainstMatmul)
      .Case<nn::QuantizedAttentionOp>(reasonAgainstAttention)
      .Case<nn::LookupOp>(reasonAgainstLookup)
      .Case<nn::QuantizedLayerNormOp, nn::QuantizedRmsNormOp>(
          [](Operation *norm) { return reasonAgainstNorm(norm); })
      .Case<linalg::FillOp, linalg::TransposeOp, memref::CopyOp>(
          [](Operation *move) { return reasonAgainstMove(move); })
      .Default([](Operation *) { return std::nullopt; });
}

bool hexagon::isLowered(Operation *op) {
  return isa<nn::QuantizedMatmulOp, nn::QuantizedAttentionOp, nn::QuantizedLayerNormOp,
             nn::QuantizedRmsNormOp, nn::QuantizedAddOp, nn::RescaleOp, nn::LookupOp,
             linalg::FillOp, linalg::TransposeOp, memref::CopyOp>(op);
}

bool hexagon::isResident(soc::VariantAttr variant) {
  StringRef name = variant.getName().getValue();
  return name == "resident" || name.ends_with("-resident");
}

uint64_t hexagon::ownScratchBytes(soc::KernelOp kernel) {
  uint64_t bytes = 0;
  kernel.walk([&](soc::ScratchOp op) {
    auto type = cast<MemRefType>(op.getType());
    uint64_t size = type.getNumElements() * llvm::divideCeil(type.getElementTypeBitWidth(), 8);
    bytes = std::max<uint64_t>(bytes, op.getOffset() + size);
  });
  return llvm::alignTo(bytes, hvx::kRegisterBytes);
}

uint64_t hexagon::stagingBytes(soc::KernelOp kernel) {
  int64_t bytes = 0;
  bool streamed = !isResident(kernel.getVariant());
  kernel.walk([&](Operation *op) {
    if (isLowered(op) && !reasonAgainst(op))
      bytes = std::max(bytes, stagingOfOperation(op, streamed));
  });
  return llvm::alignTo(bytes, hvx::kRegisterBytes);
}

int64_t hexagon::greatestSize(Value memory, int64_t dim) {
  auto type = cast<ShapedType>(memory.getType());
  if (!type.isDynamicDim(dim))
    return type.getDimSize(dim);
  FailureOr<int64_t> bound = ValueBoundsConstraintSet::computeConstantBound(
      presburger::BoundType::UB, {memory, dim}, /*stopCondition=*/nullptr, /*closedUB=*/true);
  return failed(bound) ? -1 : *bound;
}

int64_t hexagon::strideOf(Value memory, int64_t dim) {
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(cast<MemRefType>(memory.getType()).getStridesAndOffset(strides, offset)))
    return ShapedType::kDynamic;
  return strides[dim];
}
