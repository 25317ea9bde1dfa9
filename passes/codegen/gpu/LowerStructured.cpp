// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks a tile in order, has each operation emitted, and puts barriers between
// those that exchange data. A loop begins with a barrier in every iteration,
// which is all that is known of the iteration before.

#include "passes/codegen/gpu/Barriers.h"
#include "passes/codegen/gpu/Emitters.h"
#include "passes/codegen/gpu/Passes.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

namespace tercet::codegen {
#define GEN_PASS_DEF_LOWERSTRUCTUREDPASS
#include "passes/codegen/gpu/Passes.h.inc"
} // namespace tercet::codegen

using namespace mlir;
using namespace tercet;
using namespace tercet::codegen;

namespace {

bool isStructured(Operation *op) { return isa<linalg::LinalgOp, memref::CopyOp>(op); }

/// Products, with what is computed along with each.
struct Products {
  explicit Products(gpu::GPUFuncOp function) {
    function.walk([&](Operation *op) {
      auto structured = dyn_cast<linalg::LinalgOp>(op);
      if (!isa<nn::GroupMatmulOp>(op) && !(structured && isMultiplyAdd(structured)))
        return;
      ProductChain chain = ProductChain::around(op);
      if (chain.fill)
        absorbed.insert(chain.fill);
      if (chain.epilogue)
        absorbed.insert(chain.epilogue);
      chains[op] = chain;
    });
  }

  llvm::DenseMap<Operation *, ProductChain> chains;
  llvm::SmallPtrSet<Operation *, 8> absorbed;
};

struct LowerStructuredPass : codegen::impl::LowerStructuredPassBase<LowerStructuredPass> {
  using LowerStructuredPassBase::LowerStructuredPassBase;

  void runOnOperation() override {
    gpu::GPUFuncOp function = getOperation();
    llvm::Expected<GpuProfile> parsed = GpuProfile::parse(profile);
    if (!parsed) {
      function.emitOpError() << llvm::toString(parsed.takeError());
      return signalPassFailure();
    }
    if (!function.getKnownBlockSize()) {
      function.emitOpError() << "expected known_block_size";
      return signalPassFailure();
    }
    TileBuilder b(function, *parsed);
    Products found(function);
    products = &found;
    Hazards hazards;
    if (failed(lower(b, function.front(), hazards)))
      return signalPassFailure();
  }

private:
  LogicalResult lower(TileBuilder &b, Block &block, Hazards &hazards) {
    SmallVector<Operation *> ops;
    for (Operation &op : block)
      ops.push_back(&op);
    for (Operation *op : ops) {
      if (products->absorbed.contains(op) || !Hazards::touchesMemory(op))
        continue;
      b.setLoc(op->getLoc());
      b.setInsertionPoint(op);
      if (auto chain = products->chains.find(op); chain != products->chains.end()) {
        if (failed(lowerProduct(b, chain->second, hazards)))
          return failure();
        continue;
      }
      if (op->getNumRegions() != 0 && !isStructured(op)) {
        if (failed(lowerNested(b, op, hazards)))
          return failure();
        continue;
      }
      if (failed(lowerInOrder(b, op, hazards)))
        return failure();
    }
    return success();
  }

  void orderBehind(TileBuilder &b, ArrayRef<Operation *> ops, Hazards &hazards) {
    if (llvm::any_of(ops, [&](Operation *op) { return hazards.conflictsWith(op); })) {
      b.barrier();
      ++barriers;
      hazards.clear();
    }
    for (Operation *op : ops)
      hazards.add(op);
  }

  LogicalResult lowerInOrder(TileBuilder &b, Operation *op, Hazards &hazards) {
    b.setInsertionPoint(op);
    orderBehind(b, op, hazards);
    return lower(b, op);
  }

  LogicalResult lowerProduct(TileBuilder &b, ProductChain chain, Hazards &hazards) {
    SmallVector<Operation *> ops = chain.getOperations();
    // Where all that it reads is known.
    b.setInsertionPoint(ops.back());
    Hazards before = hazards;
    orderBehind(b, ArrayRef(ops).drop_front(chain.fill ? 1 : 0), hazards);
    bool inGroups = isa<nn::GroupMatmulOp>(chain.product);
    if (inGroups
            ? emitGroupMatmul(b, chain)
            : emitThinMatmul(b, chain) || emitTensorProduct(b, chain) || emitMatmul(b, chain)) {
      ++numProducts;
      for (Operation *op : llvm::reverse(ops))
        op->erase();
      return success();
    }
    hazards = before;
    for (Operation *op : ops)
      if (failed(lowerInOrder(b, op, hazards)))
        return failure();
    return success();
  }

  /// What stands around operations is the same for all threads.
  LogicalResult lowerNested(TileBuilder &b, Operation *op, Hazards &hazards) {
    if (!isa<scf::ForOp, scf::WhileOp, scf::IfOp>(op))
      return op->emitOpError() << "is not known around operations of a tile";
    bool isLoop = isa<LoopLikeOpInterface>(op);
    Hazards before = hazards;
    for (Region &region : op->getRegions()) {
      if (region.empty())
        continue;
      Hazards inside = isLoop ? Hazards() : before;
      if (isLoop) {
        b.setInsertionPointToStart(&region.front());
        b.barrier();
        ++barriers;
      }
      if (failed(lower(b, region.front(), inside)))
        return failure();
      hazards.merge(inside);
    }
    return success();
  }

  LogicalResult lower(TileBuilder &b, Operation *op) {
    if (auto copy = dyn_cast<memref::CopyOp>(op)) {
      if (copy.getSource() != copy.getTarget()) {
        linalg::GenericOp generic =
            linalg::makeMemRefCopyOp(b, op->getLoc(), copy.getSource(), copy.getTarget());
        if (failed(lower(b, generic)))
          return failure();
      }
      op->erase();
      return success();
    }
    if (auto structured = dyn_cast<linalg::LinalgOp>(op)) {
      if (!structured.hasPureBufferSemantics())
        return op->emitOpError() << "expected memrefs; bufferise first";
      b.setInsertionPoint(op);
      if (emitReduction(b, structured)) {
        ++reductions;
      } else {
        if (failed(emitNest(b, structured)))
          return failure();
        ++nests;
      }
      op->erase();
      return success();
    }
    if (isa<nn::AttentionOp, nn::CachedAttentionOp>(op)) {
      b.setInsertionPoint(op);
      if (failed(emitAttention(b, op)))
        return failure();
      op->erase();
      return success();
    }
    if (isa<nn::GroupMatmulOp>(op))
      return lowerGroupMatmul(b, op);
    if (auto encode = dyn_cast<nn::EncodeGroupsOp>(op)) {
      if (!isa<MemRefType>(encode.getInit().getType()) || !hasEncodeKernel(encode))
        return op->emitOpError() << "has no kernel on a GPU; tile-lower-aggregates decomposes it";
      b.setInsertionPoint(op);
      emitEncodeGroups(b, encode);
      op->erase();
      return success();
    }
    if (isa<memref::LoadOp, memref::AtomicRMWOp, gpu::BarrierOp>(op))
      return success();
    if (auto store = dyn_cast<memref::StoreOp>(op)) {
      b.setInsertionPoint(op);
      b.onOneThread([&] { b.clone(*op); });
      op->erase();
      return success();
    }
    return op->emitOpError() << "has effects on memory that code generation for GPUs does not know";
  }

  /// Without what belongs to it, which could not be computed along with it.
  LogicalResult lowerGroupMatmul(TileBuilder &b, Operation *op) {
    ProductChain alone;
    alone.product = op;
    b.setInsertionPoint(op);
    if (!isa<MemRefType>(alone.getResult().getType()) || !emitGroupMatmul(b, alone)) {
      std::string reason = "its right-hand side is not in panels";
      (void)hasGroupKernel(cast<nn::GroupMatmulOp>(op), reason);
      return op->emitOpError() << "has no kernel on a GPU: " << reason;
    }
    ++numProducts;
    op->erase();
    return success();
  }

  Products *products = nullptr;
};

} // namespace
