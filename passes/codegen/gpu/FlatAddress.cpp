// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks views up to their root.

#include "passes/codegen/gpu/FlatAddress.h"

#include "passes/codegen/LoopBuilder.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace tercet::codegen;

static bool isWorkgroupMemory(Value memref) {
  auto type = cast<BaseMemRefType>(memref.getType());
  return gpu::GPUDialect::isWorkgroupMemoryAddressSpace(type.getMemorySpace());
}

static int64_t bytesOf(MemRefType type) {
  return type.getNumElements() * llvm::divideCeil(type.getElementTypeBitWidth(), 8);
}

/// The memref that an operation gives a view of; null if it gives none.
static Value sourceOf(Operation *op) {
  if (auto metadata = dyn_cast_or_null<memref::ExtractStridedMetadataOp>(op))
    return metadata.getSource();
  if (auto view = dyn_cast_or_null<ViewLikeOpInterface>(op))
    return view.getViewSource();
  return {};
}

MemoryRange tercet::codegen::rangeOf(Value memref) {
  MemoryRange range;
  // The last view of bytes on the way up is the scratch itself.
  for (; Operation *op = memref.getDefiningOp(); memref = sourceOf(op)) {
    if (!sourceOf(op))
      return range;
    auto view = dyn_cast<memref::ViewOp>(op);
    if (!view || !isa<BlockArgument>(view.getSource()))
      continue;
    std::optional<int64_t> shift = getConstantIntValue(view.getByteShift());
    auto whole = cast<MemRefType>(view.getSource().getType());
    range.begin = shift.value_or(0);
    range.end = shift && view.getType().hasStaticShape() ? *shift + bytesOf(view.getType())
                                                         : bytesOf(whole);
  }
  range.root = memref;
  range.isWorkgroup = isWorkgroupMemory(memref);
  return range;
}

OpFoldResult FlatAddress::of(OpBuilder &b, Location loc, ValueRange indices) const {
  OpFoldResult sum = offset;
  for (auto [index, stride] : llvm::zip_equal(indices, strides))
    sum = addIndex(b, loc, sum, mulIndex(b, loc, getAsOpFoldResult(index), stride));
  return sum;
}

static FailureOr<FlatAddress> ofRoot(OpBuilder &b, Value memref) {
  auto type = dyn_cast<MemRefType>(memref.getType());
  if (!type || type.getRank() != 1 || !type.getLayout().isIdentity())
    return failure();
  FlatAddress address;
  address.root = address.memory = memref;
  address.isWorkgroup = isWorkgroupMemory(memref);
  address.offset = b.getIndexAttr(0);
  address.strides = {b.getIndexAttr(1)};
  return address;
}

static SmallVector<OpFoldResult>
rowMajorStrides(OpBuilder &b, Location loc, ArrayRef<OpFoldResult> sizes, OpFoldResult innermost) {
  SmallVector<OpFoldResult> strides(sizes.size(), innermost);
  for (int64_t dim = static_cast<int64_t>(sizes.size()) - 2; dim >= 0; --dim)
    strides[dim] = mulIndex(b, loc, strides[dim + 1], sizes[dim + 1]);
  return strides;
}

static FailureOr<FlatAddress> ofSubview(OpBuilder &b, memref::SubViewOp op, FlatAddress address) {
  Location loc = op.getLoc();
  llvm::SmallBitVector dropped = op.getDroppedDims();
  SmallVector<OpFoldResult> strides;
  for (auto [dim, offset, step] : llvm::enumerate(op.getMixedOffsets(), op.getMixedStrides())) {
    OpFoldResult stride = address.strides[dim];
    address.offset = addIndex(b, loc, address.offset, mulIndex(b, loc, offset, stride));
    if (!dropped.test(dim))
      strides.push_back(mulIndex(b, loc, step, stride));
  }
  address.strides = strides;
  return address;
}

static FailureOr<FlatAddress> ofExpand(OpBuilder &b, memref::ExpandShapeOp op,
                                       FlatAddress address) {
  SmallVector<OpFoldResult> shape = op.getMixedOutputShape(), strides(shape.size());
  for (auto [source, group] : llvm::enumerate(op.getReassociationIndices())) {
    auto sizes = ArrayRef(shape).slice(group.front(), group.size());
    SmallVector<OpFoldResult> inner =
        rowMajorStrides(b, op.getLoc(), sizes, address.strides[source]);
    llvm::copy(inner, strides.begin() + group.front());
  }
  address.strides = strides;
  return address;
}

static FailureOr<FlatAddress> ofCollapse(OpBuilder &b, memref::CollapseShapeOp op,
                                         FlatAddress address) {
  MemRefType type = op.getSrcType();
  SmallVector<OpFoldResult> strides;
  for (ArrayRef<int64_t> group : op.getReassociationIndices()) {
    // The strides of dimensions of size 1 say nothing.
    int64_t innermost = group.back();
    for (int64_t dim : llvm::reverse(group))
      if (type.getDimSize(dim) != 1) {
        innermost = dim;
        break;
      }
    strides.push_back(address.strides[innermost]);
  }
  if (op.getReassociationIndices().empty())
    strides.clear();
  address.strides = strides;
  return address;
}

static FailureOr<FlatAddress> ofView(OpBuilder &b, memref::ViewOp op, FlatAddress address) {
  // Elements of another type: only where the bytes are counted by constants.
  std::optional<int64_t> shift = getConstantIntValue(op.getByteShift()),
                         before = getConstantIntValue(address.offset);
  if (!shift || !before || !address.isWorkgroup)
    return failure();
  address.byteShift += *shift + *before;
  address.offset = b.getIndexAttr(0);
  SmallVector<OpFoldResult> sizes;
  unsigned dynamic = 0;
  for (int64_t size : op.getType().getShape())
    sizes.push_back(ShapedType::isDynamic(size) ? OpFoldResult(op.getSizes()[dynamic++])
                                                : OpFoldResult(b.getIndexAttr(size)));
  address.strides = rowMajorStrides(b, op.getLoc(), sizes, b.getIndexAttr(1));
  return address;
}

FailureOr<FlatAddress> tercet::codegen::flatAddressOf(OpBuilder &b, Location loc, Value memref) {
  Operation *op = memref.getDefiningOp();
  if (!op)
    return ofRoot(b, memref);
  Value source = sourceOf(op);
  if (!source)
    return failure();
  FailureOr<FlatAddress> address = flatAddressOf(b, loc, source);
  if (failed(address))
    return failure();
  return TypeSwitch<Operation *, FailureOr<FlatAddress>>(op)
      .Case<memref::AssumeAlignmentOp>([&](auto) {
        if (isa<BlockArgument>(source))
          address->memory = memref;
        return address;
      })
      .Case<memref::CastOp, memref::MemorySpaceCastOp>([&](auto) { return address; })
      .Case<memref::SubViewOp>([&](auto view) { return ofSubview(b, view, *address); })
      .Case<memref::ExpandShapeOp>([&](auto view) { return ofExpand(b, view, *address); })
      .Case<memref::CollapseShapeOp>([&](auto view) { return ofCollapse(b, view, *address); })
      .Case<memref::ViewOp>([&](auto view) { return ofView(b, view, *address); })
      .Case<memref::ExtractStridedMetadataOp>([&](auto) {
        address->offset = b.getIndexAttr(0);
        address->strides.clear();
        return address;
      })
      .Case<memref::ReinterpretCastOp>([&](memref::ReinterpretCastOp view) {
        // Counted from the start of the memory, whatever the source's offset.
        address->offset = view.getMixedOffsets()[0];
        address->strides = view.getMixedStrides();
        return address;
      })
      .Default([](auto) { return FailureOr<FlatAddress>(); });
}

int64_t FlatAddress::alignment() const {
  // Workgroup memory as a whole is aligned to the widest access there is.
  constexpr int64_t kWorkgroup = 16;
  if (isWorkgroup)
    return byteShift == 0 ? kWorkgroup : std::min(kWorkgroup, byteShift & -byteShift);
  auto stated = memory.getDefiningOp<memref::AssumeAlignmentOp>();
  return stated ? stated.getAlignment() : 1;
}

static constexpr int64_t kAnyDivisor = INT64_C(1) << 30;

static int64_t divisorOf(memref::ExtractStridedMetadataOp op, Value result) {
  OpBuilder b(op);
  FailureOr<FlatAddress> address = flatAddressOf(b, op.getLoc(), op.getSource());
  if (failed(address))
    return 1;
  if (result == op.getOffset())
    return divisorOf(address->offset);
  for (auto [stride, value] : llvm::zip_equal(op.getStrides(), address->strides))
    if (result == stride)
      return divisorOf(value);
  return 1;
}

int64_t tercet::codegen::divisorOf(OpFoldResult value) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return *constant == 0 ? kAnyDivisor : std::min(kAnyDivisor, *constant & -*constant);
  auto dynamic = cast<Value>(value);
  if (auto argument = dyn_cast<BlockArgument>(dynamic)) {
    auto loop = dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp());
    if (!loop || argument != loop.getInductionVar())
      return 1;
    return std::min(divisorOf(getAsOpFoldResult(loop.getLowerBound())),
                    divisorOf(getAsOpFoldResult(loop.getStep())));
  }
  return TypeSwitch<Operation *, int64_t>(dynamic.getDefiningOp())
      .Case<arith::MulIOp>([](auto op) {
        return std::min(kAnyDivisor, divisorOf(OpFoldResult(op.getLhs())) *
                                         divisorOf(OpFoldResult(op.getRhs())));
      })
      .Case<arith::AddIOp, arith::SubIOp>([](auto op) {
        return std::min(divisorOf(OpFoldResult(op.getLhs())), divisorOf(OpFoldResult(op.getRhs())));
      })
      .Case<affine::AffineApplyOp>([](affine::AffineApplyOp op) {
        int64_t divisor = op.getAffineMap().getResult(0).getLargestKnownDivisor();
        return divisor == 0 ? kAnyDivisor : divisor & -divisor;
      })
      .Case<memref::ExtractStridedMetadataOp>(
          [&](memref::ExtractStridedMetadataOp op) { return ::divisorOf(op, dynamic); })
      .Default([](auto) { return 1; });
}
