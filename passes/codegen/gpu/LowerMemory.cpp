// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All views at once: each access is traced to its root. What is left of the
// views is dead.

#include "passes/codegen/gpu/FlatAddress.h"
#include "passes/codegen/gpu/Passes.h"

#include "passes/codegen/LoopBuilder.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/RegionUtils.h"

namespace tercet::codegen {
#define GEN_PASS_DEF_LOWERMEMORYPASS
#include "passes/codegen/gpu/Passes.h.inc"
} // namespace tercet::codegen

using namespace mlir;
using namespace tercet;
using namespace tercet::codegen;

namespace {

/// An access: its memory, and its indices as operands.
struct Access {
  OpOperand *memory = nullptr;
  MutableArrayRef<OpOperand> indices;

  static std::optional<Access> of(Operation *op) {
    auto access = [&](OpOperand &memory, OperandRange indices) {
      return Access{&memory,
                    op->getOpOperands().slice(indices.empty() ? 0 : indices.getBeginOperandIndex(),
                                              indices.size())};
    };
    if (auto load = dyn_cast<memref::LoadOp>(op))
      return access(load.getMemrefMutable(), load.getIndices());
    if (auto store = dyn_cast<memref::StoreOp>(op))
      return access(store.getMemrefMutable(), store.getIndices());
    if (auto update = dyn_cast<memref::AtomicRMWOp>(op))
      return access(update.getMemrefMutable(), update.getIndices());
    if (auto load = dyn_cast<vector::LoadOp>(op))
      return access(load.getBaseMutable(), load.getIndices());
    if (auto store = dyn_cast<vector::StoreOp>(op))
      return access(store.getBaseMutable(), store.getIndices());
    return std::nullopt;
  }
};

struct LowerMemoryPass : codegen::impl::LowerMemoryPassBase<LowerMemoryPass> {
  void runOnOperation() override {
    gpu::GPUFuncOp function = getOperation();
    SmallVector<Operation *> accesses;
    bool failedAny = false;
    function.walk([&](Operation *op) {
      if (auto metadata = dyn_cast<memref::ExtractStridedMetadataOp>(op))
        failedAny |= failed(resolve(metadata));
      if (Access::of(op))
        accesses.push_back(op);
    });
    for (Operation *op : accesses)
      failedAny |= failed(flatten(op));
    if (failedAny)
      return signalPassFailure();
    IRRewriter rewriter(&getContext());
    (void)runRegionDCE(rewriter, function->getRegions());
  }

private:
  /// The flat view of workgroup memory that begins at the byte, which is the
  /// same for all accesses that begin there.
  static Value workgroupView(OpBuilder &b, Location loc, const FlatAddress &address, Type element) {
    auto whole = cast<MemRefType>(address.root.getType());
    int64_t size = (whole.getNumElements() - address.byteShift) /
                   llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
    auto type =
        MemRefType::get({size}, element, MemRefLayoutAttrInterface(), whole.getMemorySpace());
    Value shift = arith::ConstantIndexOp::create(b, loc, address.byteShift);
    return memref::ViewOp::create(b, loc, type, address.root, shift, ValueRange{});
  }

  static LogicalResult resolve(memref::ExtractStridedMetadataOp op) {
    OpBuilder b(op);
    FailureOr<FlatAddress> address = flatAddressOf(b, op.getLoc(), op.getSource());
    if (failed(address))
      return op.emitOpError() << "expected memory that is a view of an argument or of workgroup "
                                 "memory";
    auto use = [&](Value result, OpFoldResult value) {
      if (!result.use_empty())
        result.replaceAllUsesWith(indexValue(b, op.getLoc(), value));
    };
    use(op.getOffset(), address->offset);
    for (auto [result, stride] : llvm::zip_equal(op.getStrides(), address->strides))
      use(result, stride);
    return success();
  }

  static LogicalResult flatten(Operation *op) {
    Access access = *Access::of(op);
    OpBuilder b(op);
    Location loc = op->getLoc();
    FailureOr<FlatAddress> address = flatAddressOf(b, loc, access.memory->get());
    if (failed(address))
      return op->emitOpError() << "expected memory that is a view of an argument or of workgroup "
                                  "memory";
    SmallVector<Value> indices =
        llvm::map_to_vector(access.indices, [](OpOperand &index) { return index.get(); });
    Value index = indexValue(b, loc, address->of(b, loc, indices));
    Type element = cast<MemRefType>(access.memory->get().getType()).getElementType();
    Value memory =
        address->isWorkgroup ? workgroupView(b, loc, *address, element) : address->memory;

    // The same operation with one index.
    OperationState state(loc, op->getName());
    for (OpOperand &operand : op->getOpOperands()) {
      bool isIndex = operand.getOperandNumber() > access.memory->getOperandNumber();
      if (!isIndex)
        state.operands.push_back(&operand == access.memory ? memory : operand.get());
    }
    state.operands.push_back(index);
    state.types.append(op->result_type_begin(), op->result_type_end());
    state.attributes = op->getDiscardableAttrDictionary();
    state.propertiesAttr = op->getPropertiesAsAttribute();
    Operation *flat = b.create(state);
    op->replaceAllUsesWith(flat);
    op->erase();
    return success();
  }
};

} // namespace
