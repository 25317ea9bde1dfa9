// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Long division in f64, 28 bits of the quotient a step. With a divisor of 24
// bits every product q * t (q < 2^29) and every difference below is exact: both
// terms are multiples of one unit in the last place, of less than 2^53 units.
// Ten steps cover the quotient of any two f32, which is below 2^277.

#include "targets/cpu/FloatRemainder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>
#include <limits>

using namespace mlir;

static Type withElement(Type like, Type element) {
  auto vector = dyn_cast<VectorType>(like);
  return vector ? Type(vector.clone(element)) : element;
}

static Value constant(ImplicitLocOpBuilder &b, Type type, Attribute value) {
  if (auto vector = dyn_cast<VectorType>(type))
    value = DenseElementsAttr::get(vector, value);
  return arith::ConstantOp::create(b, cast<TypedAttr>(value));
}

Value tercet::cpu::expandRemainder(ImplicitLocOpBuilder &b, Value x, Value y) {
  Type narrow = x.getType(), bits = withElement(narrow, b.getI32Type()),
       wide = withElement(narrow, b.getF64Type());
  auto number = [&](Type type, double value) {
    return constant(b, type, b.getFloatAttr(getElementTypeOrSelf(type), value));
  };
  Value absX = math::AbsFOp::create(b, x), absY = math::AbsFOp::create(b, y);
  Value rest = arith::ExtFOp::create(b, wide, absX), divisor = arith::ExtFOp::create(b, wide, absY);
  Value zero = number(wide, 0);
  for (int step = 9; step >= 0; --step) {
    Value t = arith::MulFOp::create(b, divisor, number(wide, std::ldexp(1.0, 28 * step)));
    Value quotient = arith::DivFOp::create(b, rest, t);
    quotient = arith::FPToSIOp::create(b, bits, quotient);
    quotient = arith::SIToFPOp::create(b, wide, quotient);
    rest = arith::SubFOp::create(b, rest, arith::MulFOp::create(b, quotient, t));
    // The quotient was rounded, up to the next number at most.
    Value below = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, rest, zero);
    rest = arith::SelectOp::create(b, below, arith::AddFOp::create(b, rest, t), rest);
  }
  Value result = arith::TruncFOp::create(b, narrow, rest);
  // The sign of x, on zeros too.
  Value sign = arith::AndIOp::create(
      b, arith::BitcastOp::create(b, bits, x),
      constant(b, bits, b.getI32IntegerAttr(std::numeric_limits<int32_t>::min())));
  result = arith::BitcastOp::create(
      b, narrow, arith::OrIOp::create(b, arith::BitcastOp::create(b, bits, result), sign));

  Value infinity = number(narrow, std::numeric_limits<double>::infinity());
  Value byInfinity = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, absY, infinity);
  result = arith::SelectOp::create(b, byInfinity, x, result);
  Value isDefined = arith::AndIOp::create(
      b, arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, absX, infinity),
      arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, absY, number(narrow, 0)));
  return arith::SelectOp::create(b, isDefined, result,
                                 number(narrow, std::numeric_limits<double>::quiet_NaN()));
}
