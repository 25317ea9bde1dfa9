// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the operations on integers mean that need whole rows: the norms and
// attention (docs/quantisation.md). What there is one of for each row may be
// slow; what is done for each element vectorises.

#include "dialects/nn/IntegerArithmetic.h"
#include "dialects/nn/StructuredOps.h"

using namespace mlir;
using namespace tercet::nn;
using utils::IteratorType;

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

namespace {

/// What a row is normalised with: the reciprocal of its deviation, and the
/// shift that gives an element its scale.
struct RowScale {
  Value reciprocal, shift;
};

/// From N = C^2 times the variance: the greatest even h with N << h < 2^62
/// makes a square root of 31 bits, whose reciprocal is exact to as many.
/// `constantShift` is the shift without the part of h.
RowScale scaleOfRow(OpBuilder &b, Location loc, Value variance, int64_t constantShift) {
  IntegerArithmetic a{b, loc};
  Type i64 = b.getI64Type();
  Value zeros = math::CountLeadingZerosOp::create(b, loc, variance);
  Value even = a.bitAnd(a.sub(zeros, a.c(i64, 2)), a.c(i64, -2));
  Value deviation = a.squareRoot(a.shl(variance, even));
  Value quotient = arith::DivUIOp::create(b, loc, a.c(i64, int64_t(1) << 61), deviation);
  Value reciprocal = a.toI32(a.min(quotient, a.c(i64, INT32_MAX)));
  Value half = a.toI32(a.shr(even, a.c(i64, 1)));
  return {reciprocal, a.sub(a.c(constantShift), half)};
}

/// R8: a rounding shift to the right, or one to the left that saturates at
/// +-2^30. All but the last line is the same for a row.
Value shiftEitherWay(const IntegerArithmetic &a, Value x, Value shift) {
  OpBuilder &b = a.b;
  Value left = a.min(a.max(a.sub(a.c(0), shift), a.c(0)), a.c(30));
  Value right = a.min(a.max(shift, a.c(0)), a.c(31));
  Value isLeft = arith::CmpIOp::create(b, a.loc, arith::CmpIPredicate::slt, shift, a.c(0));
  Value bound = a.shr(a.c(1 << 30), left);
  Value least = arith::SelectOp::create(b, a.loc, isLeft, a.sub(a.c(0), bound), a.c(INT32_MIN));
  Value greatest = arith::SelectOp::create(b, a.loc, isLeft, bound, a.c(INT32_MAX));
  Value shifted = a.shl(a.min(a.max(x, least), greatest), left);
  return a.roundingShift(shifted, right);
}

/// The sum of squares of each row, in i64. Products of i8 have 14 bits, of
/// which 2^14 fit in 32.
Value squaresOfRows(OpBuilder &b, Location loc, const RowMaps &maps, Value x) {
  Type sums = elementType(x).isInteger(8) ? b.getI32Type() : b.getI64Type();
  return sumRows(b, loc, maps, x, {}, sums, [&](OpBuilder &n, Location at, ValueRange args) {
    IntegerArithmetic a{n, at};
    Value wide = a.toI32(args[0]);
    return a.cast(a.mul(wide, wide), sums);
  });
}

/// The greatest a with magnitude << a <= 2^31.
int64_t headroom(int64_t magnitude) {
  int64_t shift = 0;
  while (magnitude << (shift + 1) <= int64_t(1) << 31)
    ++shift;
  return shift;
}

/// The normalised rows of `x`: `centred` is the distance from the mean times
/// the number of columns, for a sum of the row (absent: x itself).
Value normalise(OpBuilder &b, Location loc, const RowMaps &maps, Value x, Value sums, Value gain,
                Value offset, Value init, int64_t columns, int64_t epsilon, int64_t gainShift,
                int64_t zero) {
  int64_t bits = elementType(x).getIntOrFloatBitWidth();
  int64_t magnitude = int64_t(1) << (bits - 1);
  int64_t shift = headroom(sums ? 2 * columns * magnitude : magnitude);
  Value squares = squaresOfRows(b, loc, maps, x);
  SmallVector<Value> inputs{x, squares};
  SmallVector<AffineMap> indexing{maps.all, maps.row};
  if (sums) {
    inputs.push_back(sums);
    indexing.push_back(maps.row);
  }
  unsigned firstColumn = inputs.size();
  inputs.push_back(gain);
  indexing.push_back(maps.last);
  if (offset) {
    inputs.push_back(offset);
    indexing.push_back(maps.last);
  }
  indexing.push_back(maps.all);
  Type storage = elementType(init);
  return generic(b, loc, inputs, init, indexing, maps.parallel,
                 [&](OpBuilder &n, Location at, ValueRange args) -> Value {
                   IntegerArithmetic a{n, at};
                   Type i64 = n.getI64Type();
                   // For the row.
                   Value variance = a.toI64(args[1]);
                   if (sums) {
                     Value sum = a.toI64(args[2]);
                     variance = a.sub(a.mul(variance, a.c(i64, columns)), a.mul(sum, sum));
                   }
                   variance = a.add(variance, a.c(i64, epsilon));
                   RowScale row = scaleOfRow(n, at, variance, 22 + shift - gainShift);
                   // For the element.
                   Value distance = a.toI32(args[0]);
                   if (sums)
                     distance = a.sub(a.mul(distance, a.c(columns)), args[2]);
                   Value unit = a.multiplyHigh(a.shl(distance, a.c(shift)), row.reciprocal);
                   Value scaled = a.multiplyHigh(unit, args[firstColumn]);
                   Value result = shiftEitherWay(a, scaled, row.shift);
                   if (offset)
                     result = a.saturatingAdd(result, args[firstColumn + 1]);
                   return a.store(a.roundingShift(result, 8), zero, storage);
                 });
}

} // namespace

FailureOr<SmallVector<Value>> QuantizedLayerNormOp::decomposeOperation(OpBuilder &b) {
  if (!hasPureTensorSemantics())
    return failure();
  Location loc = getLoc();
  RowMaps maps(b, cast<ShapedType>(getInput().getType()).getRank());
  int64_t columns = cast<ShapedType>(getGain().getType()).getDimSize(0);
  if (ShapedType::isDynamic(columns))
    return emitOpError() << "the normalised dimension must be static";
  Value sums = sumRows(b, loc, maps, getInput(), {}, b.getI32Type(),
                       [](OpBuilder &n, Location at, ValueRange args) {
                         return IntegerArithmetic{n, at}.toI32(args[0]);
                       });
  return SmallVector<Value>{normalise(b, loc, maps, getInput(), sums, getGain(), getOffset(),
                                      getInit(), columns, getEpsilon(), getGainShift(), getZero())};
}

FailureOr<SmallVector<Value>> QuantizedRmsNormOp::decomposeOperation(OpBuilder &b) {
  if (!hasPureTensorSemantics())
    return failure();
  RowMaps maps(b, cast<ShapedType>(getInput().getType()).getRank());
  int64_t columns = cast<ShapedType>(getGain().getType()).getDimSize(0);
  if (ShapedType::isDynamic(columns))
    return emitOpError() << "the normalised dimension must be static";
  return SmallVector<Value>{normalise(b, getLoc(), maps, getInput(), Value(), getGain(), Value(),
                                      getInit(), columns, getEpsilon(), getGainShift(), getZero())};
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// floor(round(2^(15 + f / 256)) / 2^6) for f in [0, 256): 512 to 1021, exact
/// for each f (test/e2e/quantized_ops_test.py has all of them). A polynomial,
/// because reading a table would not vectorise.
static Value powerOfTwo(const IntegerArithmetic &a, Value f) {
  Value sum = a.c(57395);
  for (int64_t coefficient : {216920, 1013433, 2906525, 4194319 + 76})
    sum = a.add(a.shr(a.mul(sum, f), a.c(8)), a.c(coefficient));
  return a.shr(sum, a.c(13));
}

FailureOr<SmallVector<Value>> QuantizedAttentionOp::decomposeOperation(OpBuilder &b) {
  if (!hasPureTensorSemantics())
    return failure();
  Location loc = getLoc();
  if (cast<RankedTensorType>(getQuery().getType()).isDynamicDim(2) ||
      cast<RankedTensorType>(getKey().getType()).isDynamicDim(2))
    return emitOpError() << "the number of heads must be static";
  Type i8 = b.getI8Type(), i16 = b.getI16Type(), i32 = b.getI32Type(), i64 = b.getI64Type();
  AttentionLoops loops(b, loc, getQuery(), getKey(), getValue());
  Value products = loops.scores(b, i32, [](OpBuilder &n, Location at, ValueRange args) -> Value {
    IntegerArithmetic a{n, at};
    return a.add(args[2], a.mul(a.toI32(args[0]), a.toI32(args[1])));
  });

  // Scores in base 2 with 8 fraction bits.
  RowMaps rows(b, 5);
  SmallVector<Value> inputs{products};
  SmallVector<AffineMap> maps{rows.all};
  if (getMask())
    inputs.push_back(loops.splitMask(b, getMask(), maps));
  maps.push_back(rows.all);
  Value scores =
      generic(b, loc, inputs, tensor::EmptyOp::create(b, loc, loops.scoreSizes, i16), maps,
              rows.parallel, [&](OpBuilder &n, Location at, ValueRange args) -> Value {
                IntegerArithmetic a{n, at};
                Value scaled = a.multiplyHigh(args[0], a.c(getScoreMultiplier()));
                Value score = a.store(a.roundingShift(scaled, getScoreShift()), 0, i16);
                return getMask() ? a.store(a.add(a.toI32(score), a.toI32(args[1])), 0, i16) : score;
              });
  Value maximum =
      generic(b, loc, scores, filled(b, loc, loops.rowSizes, i16, INT16_MIN), {rows.all, rows.row},
              rows.reduce, [](OpBuilder &n, Location at, ValueRange args) {
                return IntegerArithmetic{n, at}.max(args[0], args[1]);
              });
  // Their powers, as unsigned bytes.
  Value weights =
      generic(b, loc, {scores, maximum}, tensor::EmptyOp::create(b, loc, loops.scoreSizes, i8),
              {rows.all, rows.row, rows.all}, rows.parallel,
              [&](OpBuilder &n, Location at, ValueRange args) -> Value {
                IntegerArithmetic a{n, at};
                Value distance = a.sub(a.toI32(args[0]), a.toI32(args[1]));
                Value whole = a.min(a.sub(a.c(0), a.shr(distance, a.c(8))), a.c(31));
                // One bit more than is kept, to round by.
                Value power = a.shr(powerOfTwo(a, a.bitAnd(distance, a.c(255))), whole);
                return a.cast(a.min(a.shr(a.add(power, a.c(1)), a.c(1)), a.c(255)), i8);
              });
  auto unsignedByte = [](OpBuilder &n, Location at, Value byte) -> Value {
    return arith::ExtUIOp::create(n, at, n.getI32Type(), byte);
  };
  Value sum =
      sumRows(b, loc, rows, weights, {}, i32, [&](OpBuilder &n, Location at, ValueRange args) {
        return unsignedByte(n, at, args[0]);
      });
  Value weighted =
      loops.products(b, weights, i32, [&](OpBuilder &n, Location at, ValueRange args) -> Value {
        IntegerArithmetic a{n, at};
        return a.add(args[2], a.mul(unsignedByte(n, at, args[0]), a.toI32(args[1])));
      });
  Value result = generic(b, loc, {weighted, sum}, loops.split(b, getInit(), loops.v[3]),
                         {rows.all, loops.rowOfResult(b), rows.all}, rows.parallel,
                         [&](OpBuilder &n, Location at, ValueRange args) -> Value {
                           IntegerArithmetic a{n, at};
                           // For the row: the reciprocal of the sum, and its exponent.
                           Value exponent =
                               a.sub(a.c(31), math::CountLeadingZerosOp::create(n, at, args[1]));
                           Value one = a.shl(a.c(i64, int64_t(1) << 31), a.toI64(exponent));
                           Value quotient = arith::DivUIOp::create(n, at, one, a.toI64(args[1]));
                           Value reciprocal = a.toI32(a.min(quotient, a.c(i64, INT32_MAX)));
                           Value shift = a.min(a.add(exponent, a.c(getShift())), a.c(31));
                           // For the element.
                           Value mean = a.multiplyHigh(args[0], reciprocal);
                           Value scaled = a.multiplyHigh(mean, a.c(getMultiplier()));
                           return a.store(a.roundingShift(scaled, shift), getZero(), i8);
                         });
  return SmallVector<Value>{
      tensor::CollapseShapeOp::create(b, loc, getInit().getType(), result, loops.splitHeads)};
}
