// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A straight line as the first guess, steps that square the error, and then
// corrections by one until the definition holds: whatever the guess was, the
// result is exact.

#include "targets/hexagon/Reciprocal.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::hexagon;

namespace {

/// (a * b) >> shift of unsigned words, the result a word.
Value multiplyWords(VectorBuilder &b, Value left, Value right, int64_t shift) {
  Type i64 = b.getI64Type();
  Value product = arith::MulIOp::create(b, arith::ExtUIOp::create(b, i64, left),
                                        arith::ExtUIOp::create(b, i64, right));
  product = arith::ShRUIOp::create(b, product, b.constant64(shift));
  return arith::TruncIOp::create(b, b.getI32Type(), product);
}

Value square(VectorBuilder &b, Value value) { return arith::MulIOp::create(b, value, value); }

/// The quotient of 2^61 by an i64 divisor, near a guess (i64).
Value correctQuotient(VectorBuilder &b, Value guess, Value divisor) {
  Value one = b.constant64(1), zero = b.constant64(0);
  Value rest = arith::SubIOp::create(b, b.constant64(int64_t(1) << 61),
                                     arith::MulIOp::create(b, guess, divisor));
  Values state = b.repeatWhile(
      {guess, rest},
      [&](ValueRange values) -> Value {
        return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, values[1], zero);
      },
      [&](ValueRange values) {
        return Values{arith::SubIOp::create(b, values[0], one),
                      arith::AddIOp::create(b, values[1], divisor)};
      });
  state = b.repeatWhile(
      state,
      [&](ValueRange values) -> Value {
        return arith::CmpIOp::create(b, arith::CmpIPredicate::sge, values[1], divisor);
      },
      [&](ValueRange values) {
        return Values{arith::AddIOp::create(b, values[0], one),
                      arith::SubIOp::create(b, values[1], divisor)};
      });
  Value most = b.constant64((int64_t(1) << 31) - 1);
  return arith::TruncIOp::create(b, b.getI32Type(),
                                 arith::MinSIOp::create(b, state[0], most).getResult());
}

} // namespace

Value hexagon::emitReciprocal(VectorBuilder &b, Value divisor) {
  // D = divisor / 2^31 in [1/2, 1); y = 1 / D in Q30. The guess 48/17 - 32/17 D
  // is off by 1/17 at most.
  Value guess = arith::SubIOp::create(
      b, b.constant(static_cast<int64_t>(48.0 / 17 * (1 << 30))),
      multiplyWords(b, divisor, b.constant(static_cast<int64_t>(32.0 / 17 * (1 << 30))), 31));
  for (int step = 0; step < 3; ++step) {
    Value near = multiplyWords(b, divisor, guess, 31);
    Value factor = arith::SubIOp::create(b, b.constant(int64_t(1) << 31), near);
    guess = multiplyWords(b, guess, factor, 30);
  }
  Type i64 = b.getI64Type();
  return correctQuotient(b, arith::ExtUIOp::create(b, i64, guess),
                         arith::ExtUIOp::create(b, i64, divisor));
}

Value hexagon::emitReciprocalRoot(VectorBuilder &b, Value wanted) {
  // V = wanted / 2^62 in [1/4, 1); y = 1 / sqrt(V) in Q30. The guess 2.13 -
  // 1.19 V is off by a tenth at most.
  Type i32 = b.getI32Type(), i64 = b.getI64Type();
  Value v = arith::TruncIOp::create(
      b, i32, arith::ShRUIOp::create(b, wanted, b.constant64(30)).getResult());
  Value guess = arith::SubIOp::create(
      b, b.constant(static_cast<int64_t>(2.13 * (1 << 30))),
      multiplyWords(b, v, b.constant(static_cast<int64_t>(1.19 * (1 << 30))), 32));
  for (int step = 0; step < 4; ++step) {
    // y (3 - V y^2) / 2.
    Value near = multiplyWords(b, v, multiplyWords(b, guess, guess, 31), 31);
    Value factor = arith::SubIOp::create(b, b.constant(int64_t(3) << 30), near);
    guess = multiplyWords(b, guess, factor, 31);
  }
  Value root = arith::ExtUIOp::create(b, i64, multiplyWords(b, v, guess, 31));
  Value one = b.constant64(1);
  root = b.repeatWhile(
      root,
      [&](ValueRange values) -> Value {
        return arith::CmpIOp::create(b, arith::CmpIPredicate::sgt, square(b, values[0]), wanted);
      },
      [&](ValueRange values) { return Values{arith::SubIOp::create(b, values[0], one)}; })[0];
  root = b.repeatWhile(
      root,
      [&](ValueRange values) -> Value {
        Value next = arith::AddIOp::create(b, values[0], one);
        return arith::CmpIOp::create(b, arith::CmpIPredicate::sle, square(b, next), wanted);
      },
      [&](ValueRange values) { return Values{arith::AddIOp::create(b, values[0], one)}; })[0];
  return correctQuotient(b, arith::ExtUIOp::create(b, i64, guess), root);
}
