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
  if (getBytes() < 0 || !llvm::isPowerOf2_64(getAlignment()))
    return emitOpError() << "expected a size of at least 0 and an alignment that is a power of two";
  if (getLowerBound() > getBytes())
    return emitOpError() << "lower bound " << getLowerBound() << " is above the size " << getBytes();
  return success();
}

/// The range lies within the pool and is aligned to it.
static LogicalResult verifyRange(Operation *op, PoolOp pool, int64_t offset, int64_t bytes) {
  if (offset < 0 || bytes < 0 || offset > static_cast<int64_t>(pool.getBytes()) - bytes)
    return op->emitOpError() << "[" << offset << " for " << bytes << "] exceeds pool '"
                             << pool.getSymName() << "' of " << pool.getBytes() << " bytes";
  if (offset % pool.getAlignment() != 0)
    return op->emitOpError() << "offset " << offset << " is not aligned to "
                             << pool.getAlignment();
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

LogicalResult DispatchOp::verify() {
  size_t count = getBuffers().size();
  if (getOffsets().size() != count || getBytes().size() != count)
    return emitOpError() << "expected an offset and a size for each of " << count << " operands";
  if (getGrid().size() != 3 || llvm::any_of(getGrid(), [](int64_t n) { return n < 1; }))
    return emitOpError() << "expected a grid of three numbers above 0";
  if (bool(getScratch()) != (getScratchStride() > 0))
    return emitOpError() << "expected a scratch stride above 0 exactly where there is scratch";
  return success();
}

LogicalResult DispatchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // Kernels are functions of the target once codegen has run.
  Operation *symbol = symbols.lookupNearestSymbolFrom(*this, getKernelAttr());
  if (!symbol)
    return emitOpError() << "no kernel " << getKernelAttr() << " in this module";
  if (auto kernel = dyn_cast<soc::KernelOp>(symbol))
    if (kernel.getNumArguments() != getBuffers().size())
      return emitOpError() << "expected " << kernel.getNumArguments() << " operands, got "
                           << getBuffers().size();
  return success();
}
