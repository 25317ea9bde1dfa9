// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builders of the primitives of integer programs.

#include "dialects/nn/IntegerArithmetic.h"

using namespace mlir;
using namespace tercet::nn;

Value IntegerArithmetic::c(Type type, int64_t value) const {
  return arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, value));
}

Value IntegerArithmetic::add(Value l, Value r) const { return arith::AddIOp::create(b, loc, l, r); }
Value IntegerArithmetic::sub(Value l, Value r) const { return arith::SubIOp::create(b, loc, l, r); }
Value IntegerArithmetic::mul(Value l, Value r) const { return arith::MulIOp::create(b, loc, l, r); }
Value IntegerArithmetic::bitAnd(Value l, Value r) const {
  return arith::AndIOp::create(b, loc, l, r);
}
Value IntegerArithmetic::shl(Value l, Value r) const { return arith::ShLIOp::create(b, loc, l, r); }
Value IntegerArithmetic::shr(Value l, Value r) const {
  return arith::ShRSIOp::create(b, loc, l, r);
}
Value IntegerArithmetic::min(Value l, Value r) const {
  return arith::MinSIOp::create(b, loc, l, r);
}
Value IntegerArithmetic::max(Value l, Value r) const {
  return arith::MaxSIOp::create(b, loc, l, r);
}

Value IntegerArithmetic::cast(Value value, Type type) const {
  unsigned from = value.getType().getIntOrFloatBitWidth(), to = type.getIntOrFloatBitWidth();
  if (from == to)
    return value;
  if (from < to)
    return arith::ExtSIOp::create(b, loc, type, value);
  return arith::TruncIOp::create(b, loc, type, value);
}

Value IntegerArithmetic::multiplyHigh(Value l, Value r) const {
  Value product = mul(toI64(l), toI64(r));
  return toI32(shr(add(product, c(i64(), int64_t(1) << 30)), c(i64(), 31)));
}

Value IntegerArithmetic::roundingShift(Value x, int64_t shift) const {
  if (shift == 0)
    return x;
  return add(shr(x, c(shift)), bitAnd(shr(x, c(shift - 1)), c(1)));
}

Value IntegerArithmetic::roundingShift(Value x, Value shift) const {
  // The bit below the last, which there is none of without a shift.
  Value half = min(shift, c(1));
  Value below = bitAnd(shr(x, max(sub(shift, c(1)), c(0))), half);
  return add(shr(x, shift), below);
}

Value IntegerArithmetic::saturatingAdd(Value x, Value y) const {
  Value least = sub(c(INT32_MIN), min(y, c(0)));
  Value greatest = sub(c(INT32_MAX), max(y, c(0)));
  return add(min(max(x, least), greatest), y);
}

Value IntegerArithmetic::store(Value x, int64_t zero, Type storage) const {
  int64_t bits = storage.getIntOrFloatBitWidth();
  int64_t least = -(int64_t(1) << (bits - 1)), greatest = -least - 1;
  // Clamped before the zero is added: that sum does not overflow.
  Value clamped = min(max(x, c(least - zero)), c(greatest - zero));
  return cast(zero == 0 ? clamped : add(clamped, c(zero)), storage);
}

Value IntegerArithmetic::squareRoot(Value x) const {
  // Bit by bit from the top: `root` is the root so far times the bit that is
  // decided next, `rest` is what is left of x.
  Value root = c(i64(), 0), rest = x;
  for (int bit = 60; bit >= 0; bit -= 2) {
    Value place = c(i64(), int64_t(1) << bit);
    Value trial = add(root, place);
    Value fits = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, rest, trial);
    rest = arith::SelectOp::create(b, loc, fits, sub(rest, trial), rest);
    Value half = shr(root, c(i64(), 1));
    root = arith::SelectOp::create(b, loc, fits, add(half, place), half);
  }
  return root;
}
