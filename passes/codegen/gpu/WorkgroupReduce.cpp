// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The size of a subgroup is never assumed: each leaves its part in workgroup
// memory by its number, and there are as many as the device says.

#include "passes/codegen/gpu/WorkgroupReduce.h"

#include "passes/codegen/gpu/FlatAddress.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;
using namespace tercet::codegen;

static gpu::GPUFuncOp functionOf(TileBuilder &b) {
  auto function = b.getInsertionBlock()->getParent()->getParentOfType<gpu::GPUFuncOp>();
  return function ? function : dyn_cast<gpu::GPUFuncOp>(b.getInsertionBlock()->getParentOp());
}

/// Bytes up to the last one that another operand than `unused` may touch.
static int64_t usedSharedBytes(gpu::GPUFuncOp function, Value unused) {
  ArrayRef<BlockArgument> existing = function.getWorkgroupAttributions();
  if (existing.empty())
    return 0;
  int64_t used = unused ? 0 : cast<MemRefType>(existing[0].getType()).getNumElements();
  if (unused)
    function.walk([&](Operation *op) {
      if (isa<ViewLikeOpInterface>(op))
        return;
      for (Value operand : op->getOperands())
        if (operand != unused && isa<MemRefType>(operand.getType()))
          if (MemoryRange range = rangeOf(operand); range.isWorkgroup || !range.root)
            used = std::max(used, range.root
                                      ? range.end
                                      : cast<MemRefType>(existing[0].getType()).getNumElements());
    });
  return llvm::alignTo(used, 16);
}

int64_t tercet::codegen::freeSharedBytes(TileBuilder &b, Value unused) {
  return b.profile.workgroupBytes - usedSharedBytes(functionOf(b), unused);
}

std::optional<Value> tercet::codegen::allocateShared(TileBuilder &b, Type element, int64_t count,
                                                     Value unused) {
  gpu::GPUFuncOp function = functionOf(b);
  ArrayRef<BlockArgument> existing = function.getWorkgroupAttributions();
  int64_t before = usedSharedBytes(function, unused);
  int64_t bytes = llvm::alignTo(count * element.getIntOrFloatBitWidth() / 8, 16);
  if (before + bytes > b.profile.workgroupBytes)
    return std::nullopt;
  auto space = gpu::AddressSpaceAttr::get(b.getContext(), gpu::AddressSpace::Workgroup);
  auto whole = MemRefType::get({before + bytes}, b.getI8Type(), MemRefLayoutAttrInterface(), space);
  Value shared;
  if (existing.empty()) {
    shared = function.addWorkgroupAttribution(whole, b.getLoc());
  } else {
    shared = existing[0];
    shared.setType(whole);
  }
  auto type = MemRefType::get({count}, element, MemRefLayoutAttrInterface(), space);
  return memref::ViewOp::create(b, type, shared, b.index(before), ValueRange{}).getResult();
}

std::optional<Combiner> Combiner::of(Operation *op, Type type) {
  using Kind = arith::AtomicRMWKind;
  std::optional<Kind> kind;
  if (isa<arith::AddFOp>(op))
    kind = Kind::addf;
  else if (isa<arith::MulFOp>(op))
    kind = Kind::mulf;
  else if (isa<arith::MaxNumFOp>(op))
    kind = Kind::maxnumf;
  else if (isa<arith::MinNumFOp>(op))
    kind = Kind::minnumf;
  else if (isa<arith::MaximumFOp>(op))
    kind = Kind::maximumf;
  else if (isa<arith::MinimumFOp>(op))
    kind = Kind::minimumf;
  else if (isa<arith::AddIOp>(op))
    kind = Kind::addi;
  else if (isa<arith::MaxSIOp>(op))
    kind = Kind::maxs;
  else if (isa<arith::MinSIOp>(op))
    kind = Kind::mins;
  if (!kind)
    return std::nullopt;
  OpBuilder b(op);
  Combiner combiner;
  combiner.kind = *kind;
  combiner.neutral = arith::getIdentityValueAttr(*kind, type, b, op->getLoc());
  return combiner;
}

Value Combiner::combine(TileBuilder &b, Value left, Value right) const {
  return arith::getReductionOp(kind, b, b.getLoc(), left, right);
}

/// The subgroups' operation; nothing for those that differ in what they do with
/// NaN.
static std::optional<gpu::AllReduceOperation> ofSubgroup(arith::AtomicRMWKind kind) {
  switch (kind) {
  case arith::AtomicRMWKind::addf:
  case arith::AtomicRMWKind::addi:
    return gpu::AllReduceOperation::ADD;
  case arith::AtomicRMWKind::mulf:
    return gpu::AllReduceOperation::MUL;
  case arith::AtomicRMWKind::maxnumf:
    return gpu::AllReduceOperation::MAXNUMF;
  case arith::AtomicRMWKind::minnumf:
    return gpu::AllReduceOperation::MINNUMF;
  case arith::AtomicRMWKind::maxs:
    return gpu::AllReduceOperation::MAXSI;
  case arith::AtomicRMWKind::mins:
    return gpu::AllReduceOperation::MINSI;
  default:
    return std::nullopt;
  }
}

static Value reduceBySubgroups(TileBuilder &b, Value shared, Value value,
                               gpu::AllReduceOperation operation, const Combiner &combiner) {
  Value part = gpu::SubgroupReduceOp::create(b, value, operation, /*uniform=*/false,
                                             /*cluster_size=*/IntegerAttr(), /*cluster_stride=*/1);
  Value lane = gpu::LaneIdOp::create(b, IntegerAttr());
  Value number = gpu::SubgroupIdOp::create(b, IntegerAttr());
  Value first = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, lane, b.index(0));
  {
    auto branch = scf::IfOp::create(b, first, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    memref::StoreOp::create(b, part, shared, number);
  }
  b.barrier();
  Value neutral = arith::ConstantOp::create(b, combiner.neutral);
  Value count = gpu::NumSubgroupsOp::create(b, IntegerAttr());
  auto loop = scf::ForOp::create(b, b.index(0), count, b.index(1), ValueRange{neutral});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value other = memref::LoadOp::create(b, shared, loop.getInductionVar());
  scf::YieldOp::create(b, combiner.combine(b, loop.getRegionIterArgs()[0], other));
  return loop.getResult(0);
}

Value tercet::codegen::reduceThreads(TileBuilder &b, Value shared, Value value, int64_t width,
                                     const Combiner &combiner) {
  if (width == 1)
    return value;
  std::optional<gpu::AllReduceOperation> operation = ofSubgroup(combiner.kind);
  bool isWord = value.getType().isF32() || value.getType().isInteger(32);
  if (width == b.threads && b.profile.subgroupArithmetic && operation && isWord)
    return reduceBySubgroups(b, shared, value, *operation, combiner);
  memref::StoreOp::create(b, value, shared, b.thread());
  Value lane = arith::AndIOp::create(b, b.thread(), b.index(width - 1));
  for (int64_t half = width / 2; half >= 1; half /= 2) {
    b.barrier();
    Value active = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, lane, b.index(half));
    auto branch = scf::IfOp::create(b, active, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    Value mine = memref::LoadOp::create(b, shared, b.thread());
    Value other = memref::LoadOp::create(
        b, shared, arith::AddIOp::create(b, b.thread(), b.index(half)).getResult());
    memref::StoreOp::create(b, combiner.combine(b, mine, other), shared, b.thread());
  }
  b.barrier();
  return memref::LoadOp::create(b, shared, arith::SubIOp::create(b, b.thread(), lane).getResult());
}
