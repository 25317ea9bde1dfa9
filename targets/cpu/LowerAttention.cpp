// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention over caches, taken whole. What the kernel needs of scratch lies
// behind what the kernel's own memory takes.

#include "targets/cpu/AttentionKernel.h"
#include "targets/cpu/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

namespace tercet::cpu {
#define GEN_PASS_DEF_LOWERATTENTIONPASS
#include "targets/cpu/Passes.h.inc"
} // namespace tercet::cpu

using namespace mlir;
using namespace tercet;
using namespace tercet::cpu;

namespace {

struct LowerAttentionPass : cpu::impl::LowerAttentionPassBase<LowerAttentionPass> {
  void runOnOperation() override {
    soc::KernelOp kernel = getOperation();
    if (!isCpuKernel(kernel))
      return;
    SmallVector<nn::CachedAttentionOp> ops;
    kernel.walk([&](nn::CachedAttentionOp op) { ops.push_back(op); });
    if (ops.empty())
      return;
    FailureOr<soc::CpuAttr> engine = lookupCpu(kernel);
    if (failed(engine))
      return signalPassFailure();
    VectorUnit unit = VectorUnit::of(*engine);
    uint64_t needed = workspaceBytes(kernel, *engine);
    uint64_t given = kernel.getScratchBytes().value_or(0);
    for (nn::CachedAttentionOp op : ops)
      if (failed(check(op, needed, given)))
        return signalPassFailure();
    for (nn::CachedAttentionOp op : ops) {
      OpBuilder b(op);
      emitAttention(b, op, unit, given - needed);
      op.erase();
      ++lowered;
    }
  }

  static LogicalResult check(nn::CachedAttentionOp op, uint64_t needed, uint64_t given) {
    if (!isa<MemRefType>(op.getInit().getType()))
      return op.emitOpError() << "expected memrefs; bufferise first";
    if (!hasAttentionKernel(op))
      return op.emitOpError() << "has no kernel for its types; tile-lower-aggregates decomposes it";
    if (given < needed)
      return op.emitOpError() << "expected " << needed << " bytes of scratch, got " << given
                              << "; tile-assign-scratch gives them";
    for (Value operand : {op.getQuery(), op.getKey(), op.getValue(), op.getInit()})
      if (auto type = cast<MemRefType>(operand.getType()); type.getStridesAndOffset().first[3] != 1)
        return op.emitOpError() << "expected heads of unit stride in " << type;
    return success();
  }
};

} // namespace
