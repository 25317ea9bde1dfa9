// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Divisibility by looking at constants, sums, products and affine minima, which
// is what addresses of tiles are made of.

#include "passes/codegen/gpu/VectorAccess.h"

#include "passes/codegen/LoopBuilder.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"

using namespace mlir;
using namespace tercet::codegen;

static bool isMultipleOf(AffineExpr expr, unsigned dims, ValueRange operands, int64_t by) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue() % by == 0;
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return isMultipleOf(operands[dim.getPosition()], by);
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return isMultipleOf(operands[dims + symbol.getPosition()], by);
  auto binary = cast<AffineBinaryOpExpr>(expr);
  auto left = [&] { return isMultipleOf(binary.getLHS(), dims, operands, by); };
  auto right = [&] { return isMultipleOf(binary.getRHS(), dims, operands, by); };
  if (expr.getKind() == AffineExprKind::Add)
    return left() && right();
  return expr.getKind() == AffineExprKind::Mul && (left() || right());
}

bool tercet::codegen::isMultipleOf(OpFoldResult value, int64_t by) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return *constant % by == 0;
  return isMultipleOf(cast<Value>(value), by);
}

/// Of the number of elements before the first one of a view.
static bool offsetIsMultipleOf(Value memref, int64_t by) {
  Operation *op = memref.getDefiningOp();
  if (!op)
    return true; // an argument, from its first byte on
  auto product = [&](OpFoldResult offset, OpFoldResult stride) {
    return isMultipleOf(offset, by) || isMultipleOf(stride, by);
  };
  if (auto view = dyn_cast<memref::SubViewOp>(op)) {
    auto [strides, offset] = view.getSourceType().getStridesAndOffset();
    for (auto [at, stride] : llvm::zip_equal(view.getMixedOffsets(), strides))
      if (!product(at, ShapedType::isDynamic(stride)
                           ? OpFoldResult(Builder(op).getIndexAttr(1))
                           : OpFoldResult(Builder(op).getIndexAttr(stride))))
        return false;
    return offsetIsMultipleOf(view.getSource(), by);
  }
  if (auto view = dyn_cast<memref::ReinterpretCastOp>(op))
    return isMultipleOf(view.getMixedOffsets()[0], by);
  // Scratch begins at multiples of 64 bytes.
  if (isa<memref::ViewOp>(op))
    return true;
  if (isa<memref::CastOp, memref::MemorySpaceCastOp, memref::ExpandShapeOp, memref::CollapseShapeOp,
          memref::AssumeAlignmentOp>(op))
    return offsetIsMultipleOf(op->getOperand(0), by);
  return false;
}

static bool sizeIsMultipleOf(Value memref, int64_t dim, int64_t by) {
  auto type = cast<MemRefType>(memref.getType());
  if (!type.isDynamicDim(dim))
    return type.getDimSize(dim) % by == 0;
  if (auto cast = memref.getDefiningOp<memref::CastOp>())
    return sizeIsMultipleOf(cast.getSource(), dim, by);
  auto view = memref.getDefiningOp<memref::SubViewOp>();
  if (!view || view.getDroppedDims().any())
    return false;
  return isMultipleOf(view.getMixedSizes()[dim], by);
}

bool tercet::codegen::isMultipleOf(Value value, int64_t by) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return *constant % by == 0;
  Operation *op = value.getDefiningOp();
  if (auto loop = dyn_cast<BlockArgument>(value)) {
    auto parent = dyn_cast<scf::ForOp>(loop.getOwner()->getParentOp());
    return parent && value == parent.getInductionVar() &&
           isMultipleOf(parent.getLowerBound(), by) && isMultipleOf(parent.getStep(), by);
  }
  if (auto view = dyn_cast<memref::ExtractStridedMetadataOp>(op))
    return value == view.getOffset() && offsetIsMultipleOf(view.getSource(), by);
  if (auto size = dyn_cast<memref::DimOp>(op)) {
    std::optional<int64_t> dim = size.getConstantIndex();
    return dim && sizeIsMultipleOf(size.getSource(), *dim, by);
  }
  auto operand = [&](unsigned number) { return isMultipleOf(op->getOperand(number), by); };
  if (isa<arith::AddIOp, arith::SubIOp, arith::MinSIOp, arith::MinUIOp>(op))
    return operand(0) && operand(1);
  if (isa<arith::MulIOp>(op))
    return operand(0) || operand(1);
  auto results = [&](AffineMap map, ValueRange operands) {
    return llvm::all_of(map.getResults(), [&](AffineExpr expr) {
      return ::isMultipleOf(expr, map.getNumDims(), operands, by);
    });
  };
  if (auto minimum = dyn_cast<affine::AffineMinOp>(op))
    return results(minimum.getMap(), minimum.getOperands());
  if (auto apply = dyn_cast<affine::AffineApplyOp>(op))
    return results(apply.getMap(), apply.getOperands());
  return false;
}

std::optional<int64_t> tercet::codegen::upperBound(OpFoldResult value) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return constant;
  FailureOr<int64_t> bound = ValueBoundsConstraintSet::computeConstantBound(
      presburger::BoundType::UB, {cast<Value>(value), std::nullopt}, /*stopCondition=*/nullptr,
      /*closedUB=*/true);
  return failed(bound) ? std::nullopt : std::optional<int64_t>(*bound);
}

Value tercet::codegen::loadElement(TileBuilder &b, const Access &access, ValueRange ivs) {
  if (access.isScalar())
    return access.scalar;
  return memref::LoadOp::create(b, access.memory, access.address(b, b.getLoc(), ivs));
}

static llvm::MaybeAlign alignmentOf(const Access &access, Value address) {
  int64_t bits = access.element.getIntOrFloatBitWidth();
  if (bits % 8 != 0 || !isMultipleOf(address, kLanes))
    return {};
  return llvm::Align(kLanes * bits / 8);
}

Value tercet::codegen::loadLanes(TileBuilder &b, const Access &access, ValueRange ivs,
                                 unsigned loop) {
  if (!access.moves(loop))
    return splat(b, loadElement(b, access, ivs));
  Value address = access.address(b, b.getLoc(), ivs);
  return vector::LoadOp::create(b, VectorType::get({kLanes}, access.element), access.memory,
                                ValueRange{address}, /*nontemporal=*/false,
                                alignmentOf(access, address));
}

void tercet::codegen::storeLanes(TileBuilder &b, Value value, const Access &access,
                                 ValueRange ivs) {
  Value address = access.address(b, b.getLoc(), ivs);
  vector::StoreOp::create(b, value, access.memory, ValueRange{address}, /*nontemporal=*/false,
                          alignmentOf(access, address));
}

Value tercet::codegen::toFloat(TileBuilder &b, Value value, Type element) {
  Type from = getElementTypeOrSelf(value.getType()), to = element;
  if (from == to)
    return value;
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    to = vector.clone(element);
  if (from.getIntOrFloatBitWidth() < element.getIntOrFloatBitWidth())
    return arith::ExtFOp::create(b, to, value);
  return arith::TruncFOp::create(b, to, value);
}

Value tercet::codegen::splat(TileBuilder &b, Value scalar) {
  return vector::BroadcastOp::create(b, VectorType::get({kLanes}, scalar.getType()), scalar);
}

Value tercet::codegen::fma(TileBuilder &b, Value x, Value y, Value z) {
  return math::FmaOp::create(b, x, y, z);
}
