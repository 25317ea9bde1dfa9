// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifiers of the cmd operations. Whether two buffers may overlap is not
// looked at here: that is verify-plan's and the checker's business.

#include "dialects/cmd/Cmd.h"

#include "dialects/nn/NN.h"
#include "dialects/soc/Soc.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::cmd;

#define GET_OP_CLASSES
#include "dialects/cmd/CmdOps.cpp.inc"

LogicalResult PoolOp::verify() {
  if (static_cast<int64_t>(getBytes()) < 0 || !llvm::isPowerOf2_64(getAlignment()))
    return emitOpError() << "expected a size of at least 0 and an alignment that is a power of two";
  if (getLowerBound() > getBytes())
    return emitOpError() << "lower bound " << getLowerBound() << " is above the size "
                         << getBytes();
  return success();
}

static int64_t bytesOfTensor(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return tensor.getNumElements() * llvm::divideCeil(tensor.getElementTypeBitWidth(), 8);
}

/// The range lies within the pool and is aligned to it.
static LogicalResult verifyRange(Operation *op, PoolOp pool, int64_t offset, int64_t bytes) {
  if (offset < 0 || bytes < 0 || offset > static_cast<int64_t>(pool.getBytes()) - bytes)
    return op->emitOpError() << "[" << offset << " for " << bytes << "] exceeds pool '"
                             << pool.getSymName() << "' of " << pool.getBytes() << " bytes";
  if (offset % pool.getAlignment() != 0)
    return op->emitOpError() << "offset " << offset << " is not aligned to " << pool.getAlignment();
  return success();
}

LogicalResult BufferOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto pool = symbols.lookupNearestSymbolFrom<PoolOp>(*this, getPoolAttr());
  if (!pool)
    return emitOpError() << "no cmd.pool " << getPoolAttr() << " in this module";
  return verifyRange(*this, pool, getOffset(), getBytes());
}

LogicalResult WeightOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto pool = symbols.lookupNearestSymbolFrom<PoolOp>(*this, getPoolAttr());
  if (!pool)
    return emitOpError() << "no cmd.pool " << getPoolAttr() << " in this module";
  if (!symbols.lookupNearestSymbolFrom<nn::WeightOp>(*this, getWeightAttr()))
    return emitOpError() << "no nn.weight " << getWeightAttr() << " in this module";
  return verifyRange(*this, pool, getOffset(), getBytes());
}

LogicalResult StateOp::verify() {
  auto tensor = cast<RankedTensorType>(getTensor());
  if (!tensor.hasStaticShape() || static_cast<int64_t>(getBytes()) != bytesOfTensor(tensor))
    return emitOpError() << "expected the bytes of " << tensor << ", got " << getBytes();
  return success();
}

LogicalResult StateOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto pool = symbols.lookupNearestSymbolFrom<PoolOp>(*this, getPoolAttr());
  if (!pool || pool.getKind() != PoolKind::State)
    return emitOpError() << "no cmd.pool " << getPoolAttr() << " for state in this module";
  return verifyRange(*this, pool, getOffset(), getBytes());
}

LogicalResult ScalarOp::verify() {
  if (static_cast<int64_t>(getMin()) > static_cast<int64_t>(getMax()))
    return emitOpError() << "expected a range that is not empty, got " << getMin() << " to "
                         << getMax();
  return success();
}

/// Bytes of what the value names, or nothing for values of other operations.
static std::optional<int64_t> bytesOf(Value buffer) {
  Operation *def = buffer.getDefiningOp();
  if (auto op = dyn_cast_or_null<BufferOp>(def))
    return op.getBytes();
  if (auto op = dyn_cast_or_null<WeightOp>(def))
    return op.getBytes();
  if (auto op = dyn_cast_or_null<StateOp>(def))
    return op.getBytes();
  if (auto op = dyn_cast_or_null<InputOp>(def))
    return bytesOfTensor(op.getTensor());
  if (auto op = dyn_cast_or_null<OutputOp>(def))
    return bytesOfTensor(op.getTensor());
  return std::nullopt;
}

/// A command's part of a buffer lies within it.
static LogicalResult verifyPart(Operation *op, const llvm::Twine &name, Value buffer,
                                int64_t offset, int64_t bytes) {
  std::optional<int64_t> size = bytesOf(buffer);
  if (offset < 0 || bytes < 0 || (size && offset > *size - bytes))
    return op->emitOpError() << name << ": [" << offset << " for " << bytes
                             << "] exceeds a buffer of " << size.value_or(0) << " bytes";
  return success();
}

LogicalResult CopyOp::verify() {
  return success(
      succeeded(verifyPart(*this, "source", getSource(), getSourceOffset(), getBytes())) &&
      succeeded(verifyPart(*this, "target", getTarget(), getTargetOffset(), getBytes())));
}

LogicalResult DispatchOp::verify() {
  size_t count = getBuffers().size();
  if (getOffsets().size() != count || getBytes().size() != count)
    return emitOpError() << "expected an offset and a size for each of " << count << " operands";
  if (getGrid().size() != 3 || llvm::any_of(getGrid(), [](int64_t n) { return n < 1; }))
    return emitOpError() << "expected a grid of three numbers above 0";
  if (bool(getScratch()) != (static_cast<int64_t>(getScratchStride()) > 0))
    return emitOpError() << "expected a scratch stride above 0 exactly where there is scratch";
  for (auto [i, buffer] : llvm::enumerate(getBuffers()))
    if (failed(
            verifyPart(*this, "operand " + llvm::Twine(i), buffer, getOffsets()[i], getBytes()[i])))
      return failure();
  return success();
}

LogicalResult DispatchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // Kernels are functions of the target once codegen has run.
  Operation *symbol = symbols.lookupNearestSymbolFrom(*this, getKernelAttr());
  if (!symbol)
    return emitOpError() << "no kernel " << getKernelAttr() << " in this module";
  if (auto kernel = dyn_cast<soc::KernelOp>(symbol))
    if (kernel.getNumBuffers() != getBuffers().size() ||
        kernel.getNumScalars() != getScalars().size())
      return emitOpError() << "expected " << kernel.getNumBuffers() << " operands and "
                           << kernel.getNumScalars() << " scalars, got " << getBuffers().size()
                           << " and " << getScalars().size();
  return success();
}
