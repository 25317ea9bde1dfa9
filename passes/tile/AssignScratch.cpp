// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Places a kernel's allocations in the worker's scratch. Live ranges are block
// positions from the allocation to the last use of it or of a view of it.

#include "passes/tile/Passes.h"

#include "dialects/soc/Soc.h"
#include "passes/plan/MemoryProblem.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

namespace tercet::tile {
#define GEN_PASS_DEF_ASSIGNSCRATCHPASS
#include "passes/tile/Passes.h.inc"
} // namespace tercet::tile

using namespace mlir;
using namespace tercet;

namespace {

/// The last operation of the allocation's block that may touch it.
Operation *lastUse(memref::AllocOp alloc) {
  Operation *last = alloc;
  SmallVector<Value> values{alloc};
  while (!values.empty()) {
    Value value = values.pop_back_val();
    for (Operation *user : value.getUsers()) {
      Operation *inBlock = alloc->getBlock()->findAncestorOpInBlock(*user);
      if (inBlock && last->isBeforeInBlock(inBlock))
        last = inBlock;
      if (isa<ViewLikeOpInterface>(user))
        llvm::append_range(values, user->getResults());
    }
  }
  return last;
}

struct AssignScratchPass : tile::impl::AssignScratchPassBase<AssignScratchPass> {
  void runOnOperation() override {
    soc::KernelOp kernel = getOperation();
    SmallVector<memref::AllocOp> allocs;
    kernel.walk([&](memref::AllocOp op) { allocs.push_back(op); });
    kernel.walk([](memref::DeallocOp op) { op.erase(); });

    plan::MemoryProblem problem;
    problem.alignment = 64;
    // Allocations in different blocks are taken to be live together.
    DenseMap<Operation *, int64_t> position;
    for (memref::AllocOp alloc : allocs) {
      if (alloc->getBlock() != allocs.front()->getBlock()) {
        alloc.emitOpError() << "tile-local memory must be allocated in one block";
        return signalPassFailure();
      }
    }
    if (!allocs.empty())
      for (auto [index, op] : llvm::enumerate(*allocs.front()->getBlock()))
        position[&op] = index;
    for (memref::AllocOp alloc : allocs) {
      std::optional<int64_t> bytes = boundOf(alloc);
      if (!bytes) {
        alloc.emitOpError() << "tile-local memory of unbounded size";
        return signalPassFailure();
      }
      problem.buffers.push_back({static_cast<int64_t>(problem.buffers.size()), position[alloc],
                                 position[lastUse(alloc)] + 1, *bytes});
    }
    plan::MemoryPlan placed = plan::solveMemory(problem);
    IRRewriter rewriter(&getContext());
    for (auto [alloc, offset, buffer] : llvm::zip(allocs, placed.offsets, problem.buffers)) {
      rewriter.setInsertionPoint(alloc);
      if (alloc.getType().hasStaticShape()) {
        rewriter.replaceOpWithNewOp<soc::ScratchOp>(alloc, alloc.getType(), offset);
        continue;
      }
      auto bytesType = MemRefType::get({buffer.size}, rewriter.getI8Type());
      Value bytes = soc::ScratchOp::create(rewriter, alloc.getLoc(), bytesType, offset);
      Value zero = arith::ConstantIndexOp::create(rewriter, alloc.getLoc(), 0);
      rewriter.replaceOpWithNewOp<memref::ViewOp>(alloc, alloc.getType(), bytes, zero,
                                                  alloc.getDynamicSizes());
    }
    kernel.setScratchBytes(llvm::alignTo(placed.peak, 64));
    if (uint64_t staging = stagingOf(kernel))
      kernel.setScratchBytes(llvm::alignTo(placed.peak, 128) + staging);
  }

  /// What the engine's code generation needs behind the kernel's own memory.
  static uint64_t stagingOf(soc::KernelOp kernel) {
    soc::MachineAttr machine = soc::MachineAttr::of(kernel);
    auto engine = dyn_cast_or_null<soc::EngineAttrInterface>(
        machine ? machine.lookupEngine(kernel.getEngine()) : Attribute());
    return engine ? engine.stagingBytes(kernel) : 0;
  }

  /// Bytes that the allocation needs at most.
  static std::optional<int64_t> boundOf(memref::AllocOp alloc) {
    MemRefType type = alloc.getType();
    int64_t bytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
    unsigned dynamic = 0;
    for (int64_t size : type.getShape()) {
      if (ShapedType::isDynamic(size)) {
        FailureOr<int64_t> bound = ValueBoundsConstraintSet::computeConstantBound(
            presburger::BoundType::UB, {alloc.getDynamicSizes()[dynamic++], std::nullopt},
            /*stopCondition=*/nullptr, /*closedUB=*/true);
        if (failed(bound))
          return std::nullopt;
        size = *bound;
      }
      bytes *= size;
    }
    return bytes;
  }
};

} // namespace
