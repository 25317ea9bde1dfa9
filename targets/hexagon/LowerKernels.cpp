// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks a kernel and has each operation emitted in place. Operations run one
// after the other in a tile, so they share one piece of staging memory.

#include "targets/hexagon/Emitters.h"
#include "targets/hexagon/Lowerable.h"
#include "targets/hexagon/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include "llvm/ADT/TypeSwitch.h"

namespace tercet::hexagon {
#define GEN_PASS_DEF_LOWERKERNELSPASS
#include "targets/hexagon/Passes.h.inc"
} // namespace tercet::hexagon

using namespace mlir;
using namespace tercet;
using namespace tercet::hexagon;

namespace {

/// Everything that emitters take for granted of memrefs.
LogicalResult checkMemory(Operation *op) {
  for (Value operand : op->getOperands()) {
    auto type = dyn_cast<MemRefType>(operand.getType());
    if (!type) {
      if (isa<ShapedType>(operand.getType()))
        return op->emitOpError() << "expected memrefs, got " << operand.getType();
      continue;
    }
    bool moves = isa<memref::CopyOp, linalg::TransposeOp>(op);
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      int64_t stride = strideOf(operand, dim);
      if (ShapedType::isDynamic(stride))
        return op->emitOpError() << "expected strides that are known, got " << type;
      if (dim == type.getRank() - 1 && stride != 1 && type.getDimSize(dim) != 1 && !moves)
        return op->emitOpError() << "expected a last dimension of stride 1, got " << type;
    }
  }
  return success();
}

struct LowerKernelsPass : hexagon::impl::LowerKernelsPassBase<LowerKernelsPass> {
  void runOnOperation() override {
    soc::KernelOp kernel = getOperation();
    SmallVector<Operation *> operations;
    kernel.walk([&](Operation *op) {
      if (isLowered(op))
        operations.push_back(op);
    });
    if (operations.empty())
      return;
    bool failedAny = false;
    for (Operation *op : operations) {
      if (std::optional<std::string> reason = reasonAgainst(op)) {
        op->emitOpError() << "cannot be lowered for Hexagon: " << *reason;
        failedAny = true;
      } else {
        failedAny |= failed(checkMemory(op)) || failed(checkBounds(op));
      }
    }
    if (failedAny || failed(checkScratch(kernel)))
      return signalPassFailure();

    int64_t bytes = stagingBytes(kernel);
    uint64_t place = ownScratchBytes(kernel);
    bool streamed = !isResident(kernel.getVariant());
    for (Operation *op : operations) {
      VectorBuilder b(op->getLoc(), op);
      Value staging;
      if (bytes > 0) {
        auto type = MemRefType::get({bytes}, b.getI8Type());
        staging = b.addressOf(soc::ScratchOp::create(b, type, place));
      }
      emit(b, op, staging, streamed);
      op->erase();
      ++lowered;
    }
  }

  static void emit(VectorBuilder &b, Operation *op, Value staging, bool streamed) {
    llvm::TypeSwitch<Operation *>(op)
        .Case<nn::QuantizedMatmulOp>([&](auto matmul) { emitMatmul(b, matmul, staging, streamed); })
        .Case<nn::QuantizedAddOp, nn::RescaleOp, nn::LookupOp>(
            [&](Operation *elementwise) { emitElementwise(b, elementwise); })
        .Case<linalg::FillOp, linalg::TransposeOp, memref::CopyOp>(
            [&](Operation *move) { emitMove(b, move); })
        .Case<nn::QuantizedLayerNormOp, nn::QuantizedRmsNormOp>(
            [&](Operation *norm) { emitNorm(b, norm, staging); })
        .Case<nn::QuantizedAttentionOp>(
            [&](auto attention) { emitAttention(b, attention, staging); });
  }

  /// Staging has a static size, so the number of rows in it must have a bound.
  static LogicalResult checkBounds(Operation *op) {
    auto matmul = dyn_cast<nn::QuantizedMatmulOp>(op);
    if (!matmul || greatestSize(matmul.getLhs(), 0) >= 0)
      return success();
    return op->emitOpError() << "expected a bound of the rows of " << matmul.getLhs().getType();
  }

  static LogicalResult checkScratch(soc::KernelOp kernel) {
    std::optional<uint64_t> given = kernel.getScratchBytes();
    uint64_t needed = ownScratchBytes(kernel) + stagingBytes(kernel);
    if (!given || *given >= needed)
      return success();
    return kernel.emitOpError() << "expected at least " << needed
                                << " bytes of scratch for a worker, got " << *given
                                << "; plan with what stagingBytes says, or smaller tiles";
  }
};

} // namespace
