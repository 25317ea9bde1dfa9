// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shapes, kinds and effects of the operands of operations on tensors or memrefs.

#include "dialects/nn/KernelOperands.h"

using namespace mlir;
using namespace tercet;

LogicalResult nn::expectShape(Operation *op, StringRef name, Value value,
                              ArrayRef<int64_t> expected) {
  auto type = cast<ShapedType>(value.getType());
  if (type.hasRank() && succeeded(verifyCompatibleShape(type.getShape(), expected)))
    return success();
  auto diag = op->emitOpError() << "expected " << name << " of shape [";
  llvm::interleave(
      expected, diag,
      [&](int64_t size) {
        if (ShapedType::isDynamic(size))
          diag << "?";
        else
          diag << size;
      },
      ", ");
  return diag << "], got " << value.getType();
}

LogicalResult nn::expectOneKind(Operation *op) {
  Value init = cast<DestinationStyleOpInterface>(op).getDpsInits()[0];
  bool tensors = isa<RankedTensorType>(init.getType());
  for (Type type : op->getOperandTypes())
    if (!type.isIndex() && (tensors ? !isa<RankedTensorType>(type) : !isa<MemRefType>(type)))
      return op->emitOpError() << "expected all operands to be ranked tensors or all to be "
                                  "memrefs, got "
                               << type;
  return success();
}

void nn::getReadsAndWrites(DestinationStyleOpInterface op, EffectInstances &effects,
                           bool addsToInit) {
  if (op.hasPureTensorSemantics())
    return;
  for (OpOperand &operand : op->getOpOperands()) {
    bool init = op.isDpsInit(&operand);
    if (isa<MemRefType>(operand.get().getType()) && (!init || addsToInit))
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
    if (init)
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
  }
}
