// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The primitives of integer programs (docs/quantisation.md) as arith operations
// on scalars of a body: M, R, the requantisation Q, and integer square roots.
// Where a step could leave 32 bits it is written so that the result is that of
// unbounded integers.

#ifndef TERCET_DIALECTS_NN_INTEGERARITHMETIC_H
#define TERCET_DIALECTS_NN_INTEGERARITHMETIC_H

#include "dialects/nn/NN.h"

namespace tercet::nn {

/// Short names for building arithmetic at one place of a body.
struct IntegerArithmetic {
  mlir::OpBuilder &b;
  mlir::Location loc;

  mlir::Type i32() const { return b.getI32Type(); }
  mlir::Type i64() const { return b.getI64Type(); }

  mlir::Value c(int64_t value) const { return c(i32(), value); }
  mlir::Value c(mlir::Type type, int64_t value) const;

  mlir::Value add(mlir::Value l, mlir::Value r) const;
  mlir::Value sub(mlir::Value l, mlir::Value r) const;
  mlir::Value mul(mlir::Value l, mlir::Value r) const;
  mlir::Value bitAnd(mlir::Value l, mlir::Value r) const;
  mlir::Value shl(mlir::Value l, mlir::Value r) const;
  mlir::Value shr(mlir::Value l, mlir::Value r) const;
  mlir::Value min(mlir::Value l, mlir::Value r) const;
  mlir::Value max(mlir::Value l, mlir::Value r) const;
  /// Sign-extends or truncates to `type`.
  mlir::Value cast(mlir::Value value, mlir::Type type) const;
  mlir::Value toI32(mlir::Value value) const { return cast(value, i32()); }
  mlir::Value toI64(mlir::Value value) const { return cast(value, i64()); }

  /// M(l, r) = (l * r + 2^30) >> 31 of i32; only -2^31 times itself overflows.
  mlir::Value multiplyHigh(mlir::Value l, mlir::Value r) const;
  /// R(x, shift) of i32, 0 <= shift <= 31.
  mlir::Value roundingShift(mlir::Value x, int64_t shift) const;
  /// The same by a shift that is computed.
  mlir::Value roundingShift(mlir::Value x, mlir::Value shift) const;
  /// x + y of i32, kept within them.
  mlir::Value saturatingAdd(mlir::Value x, mlir::Value y) const;
  /// clamp(x + zero) to the range of `storage`, and as that.
  mlir::Value store(mlir::Value x, int64_t zero, mlir::Type storage) const;
  /// floor(sqrt(x)) of an i64 in [2^60, 2^62).
  mlir::Value squareRoot(mlir::Value x) const;
};

} // namespace tercet::nn

#endif // TERCET_DIALECTS_NN_INTEGERARITHMETIC_H
