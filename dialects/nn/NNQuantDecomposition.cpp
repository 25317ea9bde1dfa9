// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the operations on integers mean, in linalg and arith, bit by bit as
// docs/quantisation.md states it: conversions, the matrix product, and what is
// elementwise. NNQuantRows.cpp has those that need whole rows.

#include "dialects/nn/IntegerArithmetic.h"
#include "dialects/nn/StructuredOps.h"

using namespace mlir;
using namespace tercet::nn;
using utils::IteratorType;

/// An elementwise operation into `init`; `last` are operands of the last
/// dimension.
static Value elementwise(OpBuilder &b, Location loc, ValueRange inputs, ValueRange last, Value init,
                         Scalar body) {
  int64_t rank = cast<ShapedType>(init.getType()).getRank();
  AffineMap all = b.getMultiDimIdentityMap(rank);
  SmallVector<AffineMap> maps(inputs.size(), all);
  if (!last.empty())
    maps.append(last.size(), AffineMap::get(rank, 0, b.getAffineDimExpr(rank - 1)));
  maps.push_back(all);
  SmallVector<Value> operands(inputs);
  llvm::append_range(operands, last);
  SmallVector<IteratorType> loops(rank, IteratorType::parallel);
  return generic(b, loc, operands, init, maps, loops, body);
}

//===----------------------------------------------------------------------===//
// There and back
//===----------------------------------------------------------------------===//

namespace {

/// What a quantised type says: one scale, or one for each column, which then
/// are a tensor.
struct Scales {
  Value columns;
  float scale = 1;
  int64_t zero = 0;

  Scales(OpBuilder &b, Location loc, Type type) {
    if (auto uniform = dyn_cast<quant::UniformQuantizedType>(type)) {
      scale = static_cast<float>(uniform.getScale());
      zero = uniform.getZeroPoint();
      return;
    }
    auto perColumn = cast<quant::UniformQuantizedPerAxisType>(type);
    zero = perColumn.getZeroPoints().front();
    // Element by element: a dense constant would have to be a global.
    ArrayRef<double> scales = perColumn.getScales();
    columns =
        tensor::EmptyOp::create(b, loc, ArrayRef<int64_t>{int64_t(scales.size())}, b.getF32Type());
    for (auto [index, each] : llvm::enumerate(scales))
      columns = tensor::InsertOp::create(
          b, loc, constant(b, loc, b.getF32Type(), static_cast<float>(each)), columns,
          ValueRange{arith::ConstantIndexOp::create(b, loc, index)});
  }

  ValueRange operands() const { return columns ? ValueRange(columns) : ValueRange(); }
  Value of(OpBuilder &b, Location loc, ValueRange args) const {
    return columns ? args[1] : constant(b, loc, b.getF32Type(), scale);
  }
};

} // namespace

FailureOr<SmallVector<Value>> QuantizeOp::decomposeOperation(OpBuilder &b) {
  if (!hasPureTensorSemantics())
    return failure();
  Scales scales(b, getLoc(), getTypeAttr().getValue());
  Type storage = elementType(getInit());
  int64_t bits = storage.getIntOrFloatBitWidth(), zero = scales.zero;
  int64_t least = -(int64_t(1) << (bits - 1)) - zero,
          greatest = (int64_t(1) << (bits - 1)) - 1 - zero;
  return SmallVector<Value>{elementwise(
      b, getLoc(), getInput(), scales.operands(), getInit(),
      [&](OpBuilder &n, Location at, ValueRange args) -> Value {
        Type f32 = n.getF32Type(), i32 = n.getI32Type();
        auto c = [&](double value) { return constant(n, at, f32, value); };
        auto select = [&](arith::CmpFPredicate predicate, Value l, Value r, Value yes, Value no) {
          Value holds = arith::CmpFOp::create(n, at, predicate, l, r);
          return arith::SelectOp::create(n, at, holds, yes, no).getResult();
        };
        Value x = arith::DivFOp::create(n, at, args[0], scales.of(n, at, args));
        x = select(arith::CmpFPredicate::UNO, x, x, c(0), x);
        // Bounds are whole numbers: clamping may come before rounding.
        x = select(arith::CmpFPredicate::OLT, x, c(least), c(least), x);
        x = select(arith::CmpFPredicate::OGT, x, c(greatest), c(greatest), x);
        // Beside 1.5 * 2^23 a float has no fraction bits left.
        x = arith::AddFOp::create(n, at, x, c(12582912.0));
        x = arith::SubFOp::create(n, at, x, c(12582912.0));
        Value whole = arith::FPToSIOp::create(n, at, i32, x);
        IntegerArithmetic a{n, at};
        return a.cast(zero == 0 ? whole : a.add(whole, a.c(zero)), storage);
      })};
}

FailureOr<SmallVector<Value>> DequantizeOp::decomposeOperation(OpBuilder &b) {
  if (!hasPureTensorSemantics())
    return failure();
  Scales scales(b, getLoc(), getTypeAttr().getValue());
  return SmallVector<Value>{
      elementwise(b, getLoc(), getInput(), scales.operands(), getInit(),
                  [&](OpBuilder &n, Location at, ValueRange args) -> Value {
                    IntegerArithmetic a{n, at};
                    Value whole = a.toI32(args[0]);
                    if (scales.zero != 0)
                      whole = a.sub(whole, a.c(scales.zero));
                    Value x = arith::SIToFPOp::create(n, at, n.getF32Type(), whole);
                    return arith::MulFOp::create(n, at, x, scales.of(n, at, args));
                  })};
}

//===----------------------------------------------------------------------===//
// Matrix product
//===----------------------------------------------------------------------===//

/// A packed right-hand side as [4 * ceil(K / 4), N], as signed weights.
static Value unpacked(OpBuilder &b, Location loc, Value rhs, OpFoldResult columns) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, rhs);
  Type i8 = b.getI8Type();
  Value empty = tensor::EmptyOp::create(
      b, loc, SmallVector<OpFoldResult>{sizes[1], sizes[3], sizes[0], sizes[2]}, i8);
  AffineExpr group, byte, panel, column;
  bindDims(b.getContext(), group, byte, panel, column);
  AffineMap from = AffineMap::get(4, 0, {panel, group, column, byte}, b.getContext());
  SmallVector<IteratorType> loops(4, IteratorType::parallel);
  Value turned = generic(b, loc, rhs, empty, {from, b.getMultiDimIdentityMap(4)}, loops,
                         [&](OpBuilder &n, Location at, ValueRange args) -> Value {
                           return arith::XOrIOp::create(n, at, args[0], constant(n, at, i8, -128));
                         });
  Value flat = tensor::CollapseShapeOp::create(b, loc, turned,
                                               SmallVector<ReassociationIndices>{{0, 1}, {2, 3}});
  SmallVector<OpFoldResult> flatSizes = tensor::getMixedSizes(b, loc, flat);
  SmallVector<OpFoldResult> offsets(2, b.getIndexAttr(0)), strides(2, b.getIndexAttr(1));
  return tensor::ExtractSliceOp::create(b, loc, flat, offsets,
                                        SmallVector<OpFoldResult>{flatSizes[0], columns}, strides);
}

FailureOr<SmallVector<Value>> QuantizedMatmulOp::decomposeOperation(OpBuilder &b) {
  if (!hasPureTensorSemantics())
    return failure();
  Location loc = getLoc();
  SmallVector<OpFoldResult> lhs = tensor::getMixedSizes(b, loc, getLhs());
  SmallVector<OpFoldResult> init = tensor::getMixedSizes(b, loc, getInit());
  Value rhs = getRhs();
  if (isPacked()) {
    Value all = unpacked(b, loc, rhs, init[1]);
    SmallVector<OpFoldResult> offsets(2, b.getIndexAttr(0)), strides(2, b.getIndexAttr(1));
    rhs = tensor::ExtractSliceOp::create(b, loc, all, offsets,
                                         SmallVector<OpFoldResult>{lhs[1], init[1]}, strides);
  }
  Value sums = linalg::MatmulOp::create(b, loc, ValueRange{getLhs(), rhs},
                                        ValueRange{filled(b, loc, init, b.getI32Type(), 0)})
                   .getResult(0);
  Type storage = elementType(getInit());
  return SmallVector<Value>{elementwise(b, loc, sums, {getBias(), getMultiplier()}, getInit(),
                                        [&](OpBuilder &n, Location at, ValueRange args) -> Value {
                                          IntegerArithmetic a{n, at};
                                          Value sum = a.add(args[0], args[1]);
                                          Value scaled = a.multiplyHigh(sum, args[2]);
                                          return a.store(a.roundingShift(scaled, getShift()),
                                                         getZero(), storage);
                                        })};
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

FailureOr<SmallVector<Value>> QuantizedAddOp::decomposeOperation(OpBuilder &b) {
  if (!hasPureTensorSemantics())
    return failure();
  ArrayRef<int32_t> multipliers = getMultipliers();
  Type storage = elementType(getInit());
  return SmallVector<Value>{
      elementwise(b, getLoc(), {getLhs(), getRhs()}, {}, getInit(),
                  [&](OpBuilder &n, Location at, ValueRange args) -> Value {
                    IntegerArithmetic a{n, at};
                    Value sum = a.add(a.mul(a.toI32(args[0]), a.c(multipliers[0])),
                                      a.mul(a.toI32(args[1]), a.c(multipliers[1])));
                    return a.store(a.roundingShift(a.add(sum, a.c(getOffset())), getShift()),
                                   getZero(), storage);
                  })};
}

FailureOr<SmallVector<Value>> RescaleOp::decomposeOperation(OpBuilder &b) {
  if (!hasPureTensorSemantics())
    return failure();
  Type storage = elementType(getInit());
  if (getColumns())
    return SmallVector<Value>{
        elementwise(b, getLoc(), getInput(), getColumns(), getInit(),
                    [&](OpBuilder &n, Location at, ValueRange args) -> Value {
                      IntegerArithmetic a{n, at};
                      Value x = a.shl(a.toI32(args[0]), a.c(getColumnShift()));
                      return a.store(a.roundingShift(a.multiplyHigh(x, args[1]), getShift()),
                                     getZero(), storage);
                    })};
  return SmallVector<Value>{elementwise(
      b, getLoc(), getInput(), {}, getInit(),
      [&](OpBuilder &n, Location at, ValueRange args) -> Value {
        IntegerArithmetic a{n, at};
        Value x = a.mul(a.toI32(args[0]), a.c(getMultiplier()));
        return a.store(a.roundingShift(a.add(x, a.c(getOffset())), getShift()), getZero(), storage);
      })};
}

FailureOr<SmallVector<Value>> LookupOp::decomposeOperation(OpBuilder &b) {
  if (!hasPureTensorSemantics())
    return failure();
  int64_t rank = cast<ShapedType>(getInit().getType()).getRank();
  auto table = cast<RankedTensorType>(getTable().getType());
  return SmallVector<Value>{elementwise(
      b, getLoc(), getInput(), {}, getInit(),
      [&](OpBuilder &n, Location at, ValueRange args) -> Value {
        IntegerArithmetic a{n, at};
        Value index =
            arith::IndexCastOp::create(n, at, n.getIndexType(), a.add(a.toI32(args[0]), a.c(128)));
        SmallVector<Value> position{index};
        if (table.getRank() == 2) {
          Value row = arith::ConstantIndexOp::create(n, at, 0);
          if (table.getDimSize(0) != 1)
            row = arith::DivUIOp::create(n, at, linalg::IndexOp::create(n, at, rank - 1),
                                         arith::ConstantIndexOp::create(n, at, getBlock()));
          position.insert(position.begin(), row);
        }
        return tensor::ExtractOp::create(n, at, getTable(), position);
      })};
}
