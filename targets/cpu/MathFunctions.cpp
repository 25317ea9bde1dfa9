// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Polynomial expansions. The functions that networks spend time in are in f32;
// the rare ones are computed in f64, where a short polynomial and a plain
// formula leave an error far below half a unit of f32.
//
// Sources: range reduction after W. J. Cody and W. Waite, "Software Manual for
// the Elementary Functions"; coefficients of exp, log and tanh from S.
// Moshier's Cephes library (single precision), of erf from N. Juffa's published
// minimax approximations; atan and erfc are Chebyshev fits of our own (relative
// errors 2e-12 and 1e-13). One file above the usual length, because all functions
// share the same few building blocks.

#include "targets/cpu/MathFunctions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kPi = 3.14159265358979323846;

/// Short names for arithmetic on values of one shape.
struct Terms {
  ImplicitLocOpBuilder &b;

  static Type like(Type shape, Type element) {
    if (auto vector = dyn_cast<VectorType>(shape))
      return vector.clone(element);
    return element;
  }
  Value constant(Type type, TypedAttr attr) {
    if (auto vector = dyn_cast<VectorType>(type))
      return arith::ConstantOp::create(b, DenseElementsAttr::get(vector, attr));
    return arith::ConstantOp::create(b, attr);
  }
  Value f(Value x, double value) {
    return constant(x.getType(), b.getFloatAttr(getElementTypeOrSelf(x.getType()), value));
  }
  Value i(Value x, int64_t value) {
    return constant(x.getType(), b.getIntegerAttr(getElementTypeOrSelf(x.getType()), value));
  }
  Value add(Value l, Value r) { return arith::AddFOp::create(b, l, r); }
  Value sub(Value l, Value r) { return arith::SubFOp::create(b, l, r); }
  Value mul(Value l, Value r) { return arith::MulFOp::create(b, l, r); }
  Value div(Value l, Value r) { return arith::DivFOp::create(b, l, r); }
  Value fma(Value l, Value r, Value c) { return math::FmaOp::create(b, l, r, c); }
  Value abs(Value x) { return math::AbsFOp::create(b, x); }
  /// By way of floor, which all targets and their emulators have.
  Value trunc(Value x) { return copysign(math::FloorOp::create(b, abs(x)), x); }
  Value sqrt(Value x) { return math::SqrtOp::create(b, x); }
  Value neg(Value x) { return arith::NegFOp::create(b, x); }
  Value copysign(Value x, Value sign) { return math::CopySignOp::create(b, x, sign); }
  Value select(Value c, Value l, Value r) { return arith::SelectOp::create(b, c, l, r); }
  Value is(arith::CmpFPredicate p, Value l, Value r) { return arith::CmpFOp::create(b, p, l, r); }
  Value less(Value l, double r) { return is(arith::CmpFPredicate::OLT, l, f(l, r)); }
  Value above(Value l, double r) { return is(arith::CmpFPredicate::OGT, l, f(l, r)); }
  Value equal(Value l, double r) { return is(arith::CmpFPredicate::OEQ, l, f(l, r)); }
  Value isNaN(Value x) { return is(arith::CmpFPredicate::UNO, x, x); }
  Value both(Value l, Value r) { return arith::AndIOp::create(b, l, r); }
  Value either(Value l, Value r) { return arith::OrIOp::create(b, l, r); }
  Value addI(Value l, Value r) { return arith::AddIOp::create(b, l, r); }
  Value subI(Value l, Value r) { return arith::SubIOp::create(b, l, r); }
  Value andI(Value l, Value r) { return arith::AndIOp::create(b, l, r); }
  Value shl(Value x, int64_t by) { return arith::ShLIOp::create(b, x, i(x, by)); }
  Value sar(Value x, int64_t by) { return arith::ShRSIOp::create(b, x, i(x, by)); }
  Value bits(Value x) {
    unsigned width = getElementTypeOrSelf(x.getType()).getIntOrFloatBitWidth();
    return arith::BitcastOp::create(b, like(x.getType(), b.getIntegerType(width)), x);
  }
  Value asF32(Value bits) {
    return arith::BitcastOp::create(b, like(bits.getType(), b.getF32Type()), bits);
  }
  Value asF64(Value bits) {
    return arith::BitcastOp::create(b, like(bits.getType(), b.getF64Type()), bits);
  }
  Value wide(Value x) { return arith::ExtFOp::create(b, like(x.getType(), b.getF64Type()), x); }
  Value narrow(Value x) { return arith::TruncFOp::create(b, like(x.getType(), b.getF32Type()), x); }
  /// NaN stays NaN.
  Value clamp(Value x, double low, double high) {
    Value l = f(x, low), h = f(x, high);
    x = select(is(arith::CmpFPredicate::OLT, x, l), l, x);
    return select(is(arith::CmpFPredicate::OGT, x, h), h, x);
  }
  /// Horner's scheme, highest coefficient first.
  Value poly(Value x, ArrayRef<double> coefficients) {
    Value sum = f(x, coefficients.front());
    for (double c : coefficients.drop_front())
      sum = fma(sum, x, f(x, c));
    return sum;
  }

  //===--------------------------------------------------------------------===//
  // f32
  //===--------------------------------------------------------------------===//

  /// e^r for |r| at most ln 2 / 2.
  Value expPolynomial(Value r) {
    Value p = poly(r, {1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2,
                       1.6666665459e-1, 5.0000001201e-1});
    return add(fma(p, mul(r, r), r), f(r, 1.0));
  }
  /// n, as 1.5 * 2^23 + n, and r such that x = n ln 2 + r.
  std::pair<Value, Value> reduce(Value x) {
    Value shifted = fma(x, f(x, 1.44269504088896341), f(x, 12582912.0));
    Value n = sub(shifted, f(x, 12582912.0));
    Value r = fma(n, f(x, -0.693145751953125), x);
    return {shifted, fma(n, f(x, -1.42860682030941723212e-6), r)};
  }
  /// 2^n * e^r, where `shifted` holds n in its low bits as 1.5 * 2^23 + n, |r|
  /// is at most ln 2 / 2, and the result may be subnormal or overflow: two
  /// factors, so that there is one rounding only.
  Value scaledExp(Value shifted, Value r) {
    Value p = expPolynomial(r), n = bits(shifted);
    n = subI(n, i(n, 0x4b400000));
    Value half = sar(n, 1), rest = subI(n, half);
    Value first = asF32(shl(addI(half, i(half, 127)), 23));
    Value second = asF32(shl(addI(rest, i(rest, 127)), 23));
    return mul(mul(p, first), second);
  }
  /// For arguments within [-80, 80].
  Value boundedExp(Value x) {
    auto [shifted, r] = reduce(x);
    Value n = shl(bits(shifted), 23); // the shift's own bits fall out
    return mul(expPolynomial(r), asF32(addI(n, i(n, 0x3f800000))));
  }
  Value exp(Value x) {
    auto [shifted, r] = reduce(clamp(x, -104.0, 89.0));
    return scaledExp(shifted, r);
  }
  Value exp2(Value x) {
    x = clamp(x, -150.5, 129.0);
    Value shifted = add(x, f(x, 12582912.0));
    Value n = sub(shifted, f(x, 12582912.0));
    return scaledExp(shifted, mul(sub(x, n), f(x, 0.693147180559945309)));
  }
  /// x = 2^n m with m in [sqrt 1/2, sqrt 2); also for subnormal x.
  std::pair<Value, Value> split(Value x) {
    Value tiny = less(x, 1.17549435e-38);
    Value scaled = select(tiny, mul(x, f(x, 8388608.0)), x);
    Value word = bits(scaled);
    Value moved = addI(word, i(word, 0x3f800000 - 0x3f3504f3));
    Value n = subI(sar(moved, 23), i(word, 127));
    Value m = asF32(addI(andI(moved, i(word, 0x7fffff)), i(word, 0x3f3504f3)));
    Value count = arith::SIToFPOp::create(b, x.getType(), n);
    count = sub(count, select(tiny, f(x, 23.0), f(x, 0.0)));
    return {count, m};
  }
  Value log(Value x) {
    auto [n, m] = split(x);
    Value d = sub(m, f(x, 1.0)), d2 = mul(d, d);
    Value p = poly(d, {7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1,
                       1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1,
                       3.3333331174e-1});
    p = mul(mul(p, d), d2);
    p = fma(n, f(x, -2.12194440e-4), p);
    p = fma(d2, f(x, -0.5), p);
    Value result = fma(n, f(x, 0.693359375), add(d, p));
    return logLimits(x, result);
  }
  Value logLimits(Value x, Value result) {
    result = select(equal(x, kInf), x, result);
    result = select(equal(x, 0.0), f(x, -kInf), result);
    // Below zero and NaN.
    return select(is(arith::CmpFPredicate::UGE, x, f(x, 0.0)), select(isNaN(x), x, result),
                  f(x, kNaN));
  }
  Value tanh(Value x) {
    Value t = abs(x), s = mul(x, x);
    Value small = poly(s, {-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1,
                           -3.33332819422e-1});
    small = fma(mul(small, s), x, x);
    Value bounded = select(above(t, 10.0), f(x, 10.0), t); // tanh 10 rounds to 1
    Value e = boundedExp(add(bounded, bounded));
    Value large = sub(f(x, 1.0), div(f(x, 2.0), add(e, f(x, 1.0))));
    return select(less(t, 0.625), small, copysign(large, x));
  }
  Value erf(Value x) {
    Value t = abs(x);
    t = select(above(t, 4.0), f(x, 4.0), t); // erf 4 rounds to 1
    Value s = mul(t, t);
    Value r = fma(f(x, -1.72853470e-5), t, f(x, 3.83197126e-4));
    Value u = fma(f(x, -3.88396438e-3), t, f(x, 2.42546219e-2));
    r = fma(r, s, u);
    r = fma(r, t, f(x, -1.06777877e-1));
    r = fma(r, t, f(x, -6.34846687e-1));
    r = fma(r, t, f(x, -1.28717512e-1));
    r = fma(r, t, neg(t));
    Value large = copysign(sub(f(x, 1.0), boundedExp(r)), x);
    Value small = poly(s, {-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1,
                           -3.76125336e-1, 1.28379166e-1});
    small = fma(small, x, x);
    return select(above(t, 0.927734375), large, small);
  }

  //===--------------------------------------------------------------------===//
  // f64, to about 1e-11
  //===--------------------------------------------------------------------===//

  static constexpr double kShift = 6755399441055744.0; // 1.5 * 2^52

  /// 2^t; arguments beyond what f32 can hold give what rounds to 0 or infinity.
  Value wideExp2(Value t) {
    t = clamp(t, -300.0, 300.0);
    Value shifted = add(t, f(t, kShift));
    Value r = mul(sub(t, sub(shifted, f(t, kShift))), f(t, 0.69314718055994530942));
    Value p = poly(r, {1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
                       1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1.0, 1.0});
    Value n = bits(shifted);
    return mul(p, asF64(shl(addI(n, i(n, 1023)), 52)));
  }
  Value wideExp(Value x) { return wideExp2(mul(x, f(x, 1.44269504088896340736))); }
  /// log2 of a positive number that f64 holds as a normal one, infinity or NaN.
  Value wideLog2(Value x) {
    Value word = bits(x);
    constexpr int64_t kRoot = 0x3fe6a09e667f3bcd, kOne = 0x3ff0000000000000;
    Value moved = addI(word, i(word, kOne - kRoot));
    Value n = subI(sar(moved, 52), i(word, 1023));
    Value m = asF64(addI(andI(moved, i(word, 0xfffffffffffff)), i(word, kRoot)));
    Value s = div(sub(m, f(x, 1.0)), add(m, f(x, 1.0))), s2 = mul(s, s);
    Value p =
        poly(s2, {1.0 / 17, 1.0 / 15, 1.0 / 13, 1.0 / 11, 1.0 / 9, 1.0 / 7, 1.0 / 5, 1.0 / 3, 1.0});
    p = mul(mul(p, s), f(x, 2.88539008177792681472));
    // n to f64 without a conversion from i64, which not every vector unit has.
    Value count = sub(asF64(addI(n, i(n, 0x4338000000000000))), f(x, kShift));
    return select(is(arith::CmpFPredicate::UGE, x, f(x, kInf)), x, add(count, p));
  }
  Value wideLog(Value x) { return mul(wideLog2(x), f(x, 0.69314718055994530942)); }
  /// log(1 + x) for x > -1.
  Value wideLog1p(Value x) {
    Value series = mul(x, poly(x, {-0.25, 1.0 / 3, -0.5, 1.0}));
    return select(less(abs(x), 1e-4), series, wideLog(add(x, f(x, 1.0))));
  }
  Value wideAtan(Value x) {
    Value t = abs(x), large = above(t, 1.0);
    Value z = select(large, div(f(x, 1.0), t), t);
    Value u = mul(z, z);
    Value p = poly(u, {-0.00027362956374417992, 0.0022087555340840484, -0.008374929463261651,
                       0.020161772791680053, -0.035511875763488659, 0.050635075851050308,
                       -0.063751580377658282, 0.076173869430587779, -0.090775269712948747,
                       0.11109537011317432, -0.14285602061981698, 0.1999999578848734,
                       -0.33333333270665155, 0.99999999999844491});
    p = mul(p, z);
    return copysign(select(large, sub(f(x, kPi / 2), p), p), x);
  }
  /// Sine and cosine of x.
  std::pair<Value, Value> wideSinCos(Value x) {
    Value shifted = fma(x, f(x, 2.0 / kPi), f(x, kShift));
    Value n = sub(shifted, f(x, kShift));
    Value r = fma(n, f(x, -1.57079632679489655800), x);
    r = fma(n, f(x, -6.12323399573676603587e-17), r);
    Value r2 = mul(r, r);
    Value s = poly(r2, {-1.0 / 39916800, 1.0 / 362880, -1.0 / 5040, 1.0 / 120, -1.0 / 6, 1.0});
    s = mul(s, r);
    Value c =
        poly(r2, {1.0 / 479001600, -1.0 / 3628800, 1.0 / 40320, -1.0 / 720, 1.0 / 24, -0.5, 1.0});
    Value quadrant = bits(shifted);
    auto bit = [&](Value word, int64_t mask) -> Value {
      return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, andI(word, i(word, mask)),
                                   i(word, 0));
    };
    Value odd = bit(quadrant, 1);
    Value sine = select(odd, c, s), cosine = select(odd, s, c);
    sine = select(bit(quadrant, 2), neg(sine), sine);
    cosine = select(bit(addI(quadrant, i(quadrant, 1)), 2), neg(cosine), cosine);
    Value outside = is(arith::CmpFPredicate::UGT, abs(x), f(x, 1125899906842624.0));
    return {select(outside, f(x, kNaN), sine), select(outside, f(x, kNaN), cosine)};
  }
  Value wideSinh(Value x) {
    Value t = abs(x), s = mul(x, x);
    Value small =
        mul(x, poly(s, {1.0 / 39916800, 1.0 / 362880, 1.0 / 5040, 1.0 / 120, 1.0 / 6, 1.0}));
    Value e = wideExp(t);
    Value large = mul(sub(e, div(f(x, 1.0), e)), f(x, 0.5));
    return select(less(t, 0.5), small, copysign(large, x));
  }
  Value pow(Value base, Value exponent) {
    Value x = wide(base), y = wide(exponent), t = abs(x);
    Value l = select(equal(t, 0.0), f(x, -kInf), wideLog2(t));
    Value result = wideExp2(mul(y, l));
    // Negative bases: the sign of odd integers; NaN unless an integer.
    auto whole = [&](Value v) -> Value { return is(arith::CmpFPredicate::OEQ, trunc(v), v); };
    Value integer = whole(y);
    Value odd =
        both(integer, arith::XOrIOp::create(b, whole(mul(y, f(y, 0.5))), constantTrue(integer)));
    Value negative = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, bits(x), i(bits(x), 0));
    result = select(both(negative, odd), neg(result), result);
    Value undefined =
        both(both(less(x, 0.0), arith::XOrIOp::create(b, integer, constantTrue(integer))),
             above(x, -kInf));
    result = select(undefined, f(x, kNaN), result);
    Value one = either(equal(y, 0.0), equal(x, 1.0));
    one = either(one, both(equal(x, -1.0), equal(abs(y), kInf)));
    return narrow(select(one, f(x, 1.0), result));
  }
  Value constantTrue(Value boolean) {
    return constant(boolean.getType(), b.getIntegerAttr(b.getI1Type(), 1));
  }
  Value atan2(Value first, Value second) {
    Value y = wide(first), x = wide(second);
    Value ratio = div(abs(y), abs(x));
    ratio = select(equal(y, 0.0), f(y, 0.0), ratio); // also 0 / 0
    ratio = select(both(equal(abs(y), kInf), equal(abs(x), kInf)), f(y, 1.0), ratio);
    Value angle = wideAtan(ratio);
    Value left = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, bits(x), i(bits(x), 0));
    angle = select(left, sub(f(x, kPi), angle), angle);
    angle = copysign(angle, y);
    angle = select(isNaN(x), x, select(isNaN(y), y, angle));
    return narrow(angle);
  }
  Value erfc(Value value) {
    Value x = wide(value), t = abs(x);
    t = select(above(t, 10.5), f(x, 10.5), t);
    Value q = div(sub(t, f(x, 3.5)), add(t, f(x, 3.5)));
    Value p = poly(q, {1.083138516483927e-07, 7.5136829812897356e-08, -1.7003863653240412e-06,
                       -1.49074649247059e-06, 1.3528990440198218e-05, -4.6701596906747827e-06,
                       -0.00010814748151435495, 0.00028854124398629125, 0.00026739540467800597,
                       -0.0042422353423646701, 0.016976760060274484, -0.045436761490863023,
                       0.094427806945851636, -0.16133852475280647, 0.23313048159959868,
                       -0.28926504483289134, 0.15529365560889649});
    Value tail = mul(wideExp(neg(mul(t, t))), p);
    Value result = select(less(x, 0.0), sub(f(x, 2.0), tail), tail);
    return narrow(select(isNaN(x), x, result));
  }
  Value log1p(Value value) {
    Value x = wide(value);
    Value result = wideLog1p(x);
    result = select(equal(x, -1.0), f(x, -kInf), result);
    result = select(is(arith::CmpFPredicate::ULT, x, f(x, -1.0)), f(x, kNaN), result);
    // Keeps the sign of zero.
    return select(equal(value, 0.0), value, narrow(result));
  }
  Value acosh(Value value) {
    Value x = wide(value), d = sub(x, f(x, 1.0));
    Value root = sqrt(mul(d, add(x, f(x, 1.0))));
    Value result = wideLog1p(add(d, root));
    return narrow(select(is(arith::CmpFPredicate::ULT, x, f(x, 1.0)), f(x, kNaN), result));
  }
  Value asinh(Value value) {
    Value x = wide(value), t = abs(x), s = mul(x, x);
    // t + s / (1 + sqrt(1 + s)) - no cancellation near zero.
    Value inner = add(t, div(s, add(f(x, 1.0), sqrt(add(s, f(x, 1.0))))));
    inner = select(equal(t, kInf), t, inner);
    return narrow(copysign(wideLog1p(inner), x));
  }
  Value atanh(Value value) {
    Value x = wide(value), t = abs(x);
    Value result = mul(f(x, 0.5), wideLog1p(div(add(t, t), sub(f(x, 1.0), t))));
    Value outside = is(arith::CmpFPredicate::UGT, t, f(x, 1.0));
    return narrow(select(outside, f(x, kNaN), copysign(result, x)));
  }
  Value cbrt(Value value) {
    Value x = wide(value), t = abs(x);
    Value root = wideExp2(mul(wideLog2(t), f(x, 1.0 / 3)));
    Value result = narrow(copysign(root, x));
    Value keep =
        either(equal(value, 0.0), is(arith::CmpFPredicate::UEQ, abs(value), f(value, kInf)));
    return select(keep, value, result);
  }
  Value expm1(Value value) {
    Value x = wide(value);
    Value small = mul(x, poly(x, {1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320,
                                  1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1.0}));
    Value large = sub(wideExp(x), f(x, 1.0));
    return narrow(select(less(abs(x), 0.5), small, large));
  }
  /// Half away from zero.
  Value round(Value x) {
    Value whole = trunc(x);
    Value up = is(arith::CmpFPredicate::OGE, abs(sub(x, whole)), f(x, 0.5));
    Value next = add(whole, copysign(f(x, 1.0), x));
    return copysign(select(up, next, whole), x);
  }
};

} // namespace

bool tercet::cpu::isMathFunction(Operation *op) {
  return isa<math::ExpOp, math::Exp2Op, math::ExpM1Op, math::LogOp, math::Log2Op, math::Log10Op,
             math::Log1pOp, math::TanhOp, math::ErfOp, math::ErfcOp, math::SinOp, math::CosOp,
             math::TanOp, math::SinhOp, math::CoshOp, math::AsinOp, math::AcosOp, math::AtanOp,
             math::Atan2Op, math::AsinhOp, math::AcoshOp, math::AtanhOp, math::CbrtOp, math::PowFOp,
             math::RsqrtOp, math::RoundOp>(op);
}

Value tercet::cpu::expandMathFunction(ImplicitLocOpBuilder &b, Operation *op, ValueRange operands) {
  Terms t{b};
  Value x = operands[0];
  auto limitsOfLog = [&](Value result) { return t.logLimits(x, t.narrow(result)); };
  return TypeSwitch<Operation *, Value>(op)
      .Case([&](math::ExpOp) { return t.exp(x); })
      .Case([&](math::Exp2Op) { return t.exp2(x); })
      .Case([&](math::LogOp) { return t.log(x); })
      .Case([&](math::TanhOp) { return t.tanh(x); })
      .Case([&](math::ErfOp) { return t.erf(x); })
      .Case([&](math::RsqrtOp) { return t.div(t.f(x, 1.0), t.sqrt(x)); })
      .Case([&](math::RoundOp) { return t.round(x); })
      .Case([&](math::ExpM1Op) { return t.expm1(x); })
      .Case([&](math::Log2Op) { return limitsOfLog(t.wideLog2(t.abs(t.wide(x)))); })
      .Case([&](math::Log10Op) {
        return limitsOfLog(
            t.mul(t.wideLog2(t.abs(t.wide(x))), t.f(t.wide(x), 0.30102999566398119521)));
      })
      .Case([&](math::Log1pOp) { return t.log1p(x); })
      .Case([&](math::ErfcOp) { return t.erfc(x); })
      .Case([&](math::SinOp) { return t.narrow(t.wideSinCos(t.wide(x)).first); })
      .Case([&](math::CosOp) { return t.narrow(t.wideSinCos(t.wide(x)).second); })
      .Case([&](math::TanOp) {
        auto [sine, cosine] = t.wideSinCos(t.wide(x));
        return t.narrow(t.div(sine, cosine));
      })
      .Case([&](math::SinhOp) { return t.narrow(t.wideSinh(t.wide(x))); })
      .Case([&](math::CoshOp) {
        Value e = t.wideExp(t.abs(t.wide(x)));
        return t.narrow(t.mul(t.add(e, t.div(t.f(e, 1.0), e)), t.f(e, 0.5)));
      })
      .Case([&](math::AsinOp) {
        Value w = t.wide(x);
        Value root = t.sqrt(t.mul(t.sub(t.f(w, 1.0), w), t.add(t.f(w, 1.0), w)));
        return t.narrow(t.wideAtan(t.div(w, root)));
      })
      .Case([&](math::AcosOp) {
        Value w = t.wide(x);
        Value ratio = t.div(t.sub(t.f(w, 1.0), w), t.add(t.f(w, 1.0), w));
        return t.narrow(t.mul(t.wideAtan(t.sqrt(ratio)), t.f(w, 2.0)));
      })
      .Case([&](math::AtanOp) { return t.narrow(t.wideAtan(t.wide(x))); })
      .Case([&](math::Atan2Op) { return t.atan2(x, operands[1]); })
      .Case([&](math::AsinhOp) { return t.asinh(x); })
      .Case([&](math::AcoshOp) { return t.acosh(x); })
      .Case([&](math::AtanhOp) { return t.atanh(x); })
      .Case([&](math::CbrtOp) { return t.cbrt(x); })
      .Case([&](math::PowFOp) { return t.pow(x, operands[1]); })
      .Default([](Operation *) { return Value(); });
}
