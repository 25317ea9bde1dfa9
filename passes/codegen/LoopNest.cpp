// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From linalg operations to loop nests with strides.

#include "passes/codegen/LoopNest.h"
#include "passes/codegen/LoopBuilder.h"

#include "mlir/Dialect/Affine/Analysis/AffineStructures.h"

using namespace mlir;
using namespace tercet::codegen;

FlatView tercet::codegen::flatten(OpBuilder &b, Location loc, Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  auto [strides, offset] = type.getStridesAndOffset();
  auto metadata = memref::ExtractStridedMetadataOp::create(b, loc, memref);
  FlatView view;
  auto mixed = [&](int64_t constant, Value value) -> OpFoldResult {
    return ShapedType::isDynamic(constant) ? OpFoldResult(value) : b.getIndexAttr(constant);
  };
  view.offset = mixed(offset, metadata.getOffset());
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    view.strides.push_back(mixed(strides[dim], metadata.getStrides()[dim]));
    view.sizes.push_back(mixed(type.getDimSize(dim), metadata.getSizes()[dim]));
  }
  // The size is of no meaning: nothing asks for it.
  auto flat = MemRefType::get({ShapedType::kDynamic}, type.getElementType(),
                              MemRefLayoutAttrInterface(), type.getMemorySpace());
  Value size = arith::ConstantIndexOp::create(b, loc, int64_t(1) << 40);
  view.memory = memref::ReinterpretCastOp::create(
      b, loc, flat, metadata.getBaseBuffer(), OpFoldResult(b.getIndexAttr(0)),
      ArrayRef<OpFoldResult>{size}, ArrayRef<OpFoldResult>{b.getIndexAttr(1)});
  return view;
}

Value Access::address(OpBuilder &b, Location loc, ValueRange ivs) const {
  OpFoldResult sum = offset;
  for (auto [iv, stride] : llvm::zip_equal(ivs, strides))
    if (iv)
      sum = addIndex(b, loc, sum, mulIndex(b, loc, iv, stride));
  return indexValue(b, loc, sum);
}

static FailureOr<Access> accessOf(OpBuilder &b, Location loc, Value operand, AffineMap map) {
  Access access;
  auto type = dyn_cast<MemRefType>(operand.getType());
  if (!type) {
    access.scalar = operand;
    access.element = operand.getType();
    return access;
  }
  FlatView view = flatten(b, loc, operand);
  access.memory = view.memory;
  access.element = type.getElementType();
  access.offset = view.offset;
  access.strides.assign(map.getNumDims(), b.getIndexAttr(0));
  for (auto [position, expr] : llvm::enumerate(map.getResults())) {
    SmallVector<int64_t> coefficients;
    if (failed(getFlattenedAffineExpr(expr, map.getNumDims(), 0, &coefficients)) ||
        coefficients.size() != map.getNumDims() + 1)
      return failure();
    OpFoldResult stride = view.strides[position];
    for (unsigned dim = 0; dim < map.getNumDims(); ++dim)
      access.strides[dim] = addIndex(b, loc, access.strides[dim],
                                     mulIndex(b, loc, stride, b.getIndexAttr(coefficients[dim])));
    access.offset = addIndex(b, loc, access.offset,
                             mulIndex(b, loc, stride, b.getIndexAttr(coefficients.back())));
  }
  return access;
}

FailureOr<LoopNest> LoopNest::of(OpBuilder &b, linalg::LinalgOp op) {
  Location loc = op.getLoc();
  for (AffineMap map : op.getIndexingMapsArray()) {
    for (AffineExpr expr : map.getResults())
      if (!expr.isPureAffine())
        return failure();
    if (map.getNumSymbols() != 0)
      return failure();
  }
  LoopNest nest;
  nest.inputs = op.getNumDpsInputs();
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  SmallVector<Range, 4> ranges;
  if (llvm::any_of(sizes, ShapedType::isDynamic))
    ranges = op.createLoopRanges(b, loc);
  for (auto [dim, iterator] : llvm::enumerate(op.getIteratorTypesArray())) {
    OpFoldResult size = ShapedType::isDynamic(sizes[dim])
                            ? ranges[dim].size
                            : OpFoldResult(b.getIndexAttr(sizes[dim]));
    nest.loops.push_back({size, iterator == utils::IteratorType::reduction});
    nest.loopOfDim.push_back(dim);
  }
  for (OpOperand &operand : op->getOpOperands()) {
    FailureOr<Access> access = accessOf(b, loc, operand.get(), op.getMatchingIndexingMap(&operand));
    if (failed(access))
      return failure();
    nest.accesses.push_back(*access);
  }
  return nest;
}

bool LoopNest::hasReductions() const {
  return llvm::any_of(loops, [](const Loop &loop) { return loop.reduction; });
}

void LoopNest::eraseLoop(unsigned loop) {
  loops.erase(loops.begin() + loop);
  for (Access &access : accesses)
    if (!access.isScalar())
      access.strides.erase(access.strides.begin() + loop);
  for (int64_t &position : loopOfDim) {
    if (position == static_cast<int64_t>(loop))
      position = -1;
    else if (position > static_cast<int64_t>(loop))
      --position;
  }
}

bool LoopNest::mergeOnce() {
  for (unsigned inner = 0; inner < loops.size(); ++inner) {
    std::optional<int64_t> size = loops[inner].staticSize();
    if (!size)
      continue;
    for (unsigned outer = 0; outer < loops.size(); ++outer) {
      if (outer == inner || loops[outer].reduction != loops[inner].reduction ||
          !loops[outer].staticSize())
        continue;
      bool together = llvm::all_of(accesses, [&](const Access &access) {
        std::optional<int64_t> o = access.stride(outer), i = access.stride(inner);
        return o && i && *o == *i * *size;
      });
      if (!together)
        continue;
      Builder b(accesses.front().element.getContext());
      loops[inner].size = b.getIndexAttr(*size * *loops[outer].staticSize());
      eraseLoop(outer);
      return true;
    }
  }
  return false;
}

void LoopNest::simplify(bool keepDims) {
  for (unsigned loop = 0; loop < loops.size();) {
    if (loops[loop].staticSize() == 1)
      eraseLoop(loop);
    else
      ++loop;
  }
  if (!keepDims)
    while (mergeOnce())
      ;
}
