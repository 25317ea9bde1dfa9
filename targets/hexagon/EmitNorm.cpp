// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// nn.quantized_layer_norm and nn.quantized_rms_norm. Gain and offset are put
// into staging once in the order in which products of half words come out:
// even elements, then odd ones. For each row: exact sums of elements and
// squares, 16-bit ones by the bytes that they consist of; the reciprocal of
// the root as scalars; then 128 elements at a time.

#include "targets/hexagon/Emitters.h"
#include "targets/hexagon/Reciprocal.h"
#include "targets/hexagon/RowLoops.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::hexagon;

namespace {

constexpr int64_t kElements = hvx::kRegisterBytes;
constexpr int64_t kWordsBytes = 4 * kElements;

/// What both operations say.
struct Norm {
  Value input, gain, offset, init;
  int64_t epsilon, gainShift, zero;
  int64_t size, bytes, normalise;

  explicit Norm(Operation *op) {
    if (auto layer = dyn_cast<nn::QuantizedLayerNormOp>(op)) {
      offset = layer.getOffset();
      take(layer);
    } else {
      take(cast<nn::QuantizedRmsNormOp>(op));
    }
    auto type = cast<MemRefType>(input.getType());
    size = type.getDimSize(type.getRank() - 1);
    bytes = elementBytes(input);
    // How far a difference to the mean, times the size, can be shifted.
    uint64_t reach = (hasMean() ? 2 * size : 1) << (8 * bytes - 1);
    for (normalise = 0; reach << (normalise + 1) <= uint64_t(1) << 31;)
      ++normalise;
  }

  bool hasMean() const { return static_cast<bool>(offset); }

private:
  template <typename OpTy> void take(OpTy op) {
    input = op.getInput();
    gain = op.getGain();
    init = op.getInit();
    epsilon = op.getEpsilon();
    gainShift = static_cast<int32_t>(op.getGainShift());
    zero = static_cast<int32_t>(op.getZero());
  }
};

class NormEmitter {
public:
  NormEmitter(VectorBuilder &b, Operation *op, Value staging) : b(b), norm(op) {
    stagedGain = staging;
    stagedOffset = b.at(staging, llvm::divideCeil(norm.size, kElements) * kWordsBytes);
  }

  void emit() {
    stageWords(norm.gain, stagedGain);
    if (norm.hasMean())
      stageWords(norm.offset, stagedOffset);
    forEachLine(b, {norm.input, norm.init}, [&](Values addresses, Value) {
      auto [sum, squares] = sums(addresses[0]);
      normaliseRow(addresses[0], addresses[1], sum, squares);
    });
  }

private:
  /// Calls `body` with the first element and how many of each part of a row.
  Values eachPart(Values carried, function_ref<Values(Value, Value, ValueRange)> body) {
    int64_t whole = norm.size / kElements * kElements;
    carried = b.loop(b.constant(0), b.constant(whole), kElements, carried,
                     [&](Value element, ValueRange before) {
                       return body(element, b.constant(kElements), before);
                     });
    if (whole < norm.size)
      carried = body(b.constant(whole), b.constant(norm.size - whole), carried);
    return carried;
  }

  void stageWords(Value memory, Value to) {
    Value from = b.addressOf(memory);
    eachPart({}, [&](Value element, Value count, ValueRange) {
      Values words = loadElements(b, b.at(from, b.mul(element, 4)), count, 4);
      for (int64_t half = 0; half < 2; ++half) {
        Value dealt =
            hvx::VdealvddOp::create(b, words[2 * half + 1], words[2 * half], b.constant(-4));
        Value place = b.at(b.at(to, b.mul(element, 4)), half * kWordsBytes / 2);
        b.store(b.low(dealt), place, /*aligned=*/true);
        b.store(b.high(dealt), b.at(place, kElements), /*aligned=*/true);
      }
      return Values{};
    });
  }

  /// Sum (i32) and sum of squares (i64) of a row.
  std::pair<Value, Value> sums(Value row) {
    Value ones = hvx::LvsplatbOp::create(b, b.constant(1));
    bool wide = norm.bytes == 2;
    Values totals(wide ? 5 : 2, b.splat(0));
    totals = eachPart(totals, [&](Value element, Value count, ValueRange before) -> Values {
      Values parts = loadElements(b, b.at(row, b.mul(element, norm.bytes)), count, norm.bytes);
      int64_t left = *VectorBuilder::known(count) * norm.bytes;
      for (Value &part : parts) {
        if (left > 0)
          part = b.keepBytes(part, b.constant(std::min(left, kElements)));
        left -= kElements;
      }
      if (!wide)
        return {hvx::VrmpybvAccOp::create(b, before[0], parts[0], ones),
                hvx::VrmpybvAccOp::create(b, before[1], parts[0], parts[0])};
      Value low = hvx::VpackebOp::create(b, parts[1], parts[0]);
      Value high = hvx::VpackobOp::create(b, parts[1], parts[0]);
      return {hvx::VrmpyubvAccOp::create(b, before[0], low, ones),
              hvx::VrmpybvAccOp::create(b, before[1], high, ones),
              hvx::VrmpyubvAccOp::create(b, before[2], low, low),
              hvx::VrmpybusvAccOp::create(b, before[3], low, high),
              hvx::VrmpybvAccOp::create(b, before[4], high, high)};
    });
    Values words;
    for (Value total : totals)
      words.push_back(b.firstWord(b.sumWords(total)));
    Type i64 = b.getI64Type();
    auto extended = [&](Value word, int64_t shift) -> Value {
      return arith::ShLIOp::create(b, arith::ExtSIOp::create(b, i64, word), b.constant64(shift));
    };
    if (!wide)
      return {words[0], extended(words[1], 0)};
    Value sum = b.add(words[0], b.mul(words[1], 256));
    Value squares = arith::AddIOp::create(b, extended(words[2], 0), extended(words[3], 9));
    return {sum, arith::AddIOp::create(b, squares, extended(words[4], 16))};
  }

  void normaliseRow(Value from, Value to, Value sum, Value squares) {
    Type i64 = b.getI64Type();
    Value variance = squares;
    if (norm.hasMean()) {
      Value mean = arith::ExtSIOp::create(b, i64, sum);
      variance =
          arith::SubIOp::create(b, arith::MulIOp::create(b, squares, b.constant64(norm.size)),
                                arith::MulIOp::create(b, mean, mean));
    }
    variance = arith::AddIOp::create(b, variance, b.constant64(norm.epsilon));
    // The greatest even shift that keeps it below 2^62.
    Value zeros = LLVM::CountLeadingZerosOp::create(b, i64, variance, /*is_zero_poison=*/false);
    Value shift = arith::AndIOp::create(b, arith::SubIOp::create(b, zeros, b.constant64(2)),
                                        b.constant64(-2));
    Value reciprocal = emitReciprocalRoot(b, arith::ShLIOp::create(b, variance, shift));
    Value half = b.div(arith::TruncIOp::create(b, b.getI32Type(), shift), 2);
    Value amount = b.sub(b.constant(22 + norm.normalise - norm.gainShift), half);
    // Rows that hardly vary make the shift negative; they are rare.
    b.choose(
        b.compare(arith::CmpIPredicate::sge, amount, b.constant(0)),
        [&] {
          writeRow(from, to, sum, reciprocal, amount, Value());
          return Values{};
        },
        [&] {
          Value left = b.min(b.sub(b.constant(0), amount), b.constant(30));
          writeRow(from, to, sum, reciprocal, Value(), left);
          return Values{};
        });
  }

  /// R8 by `amount`, or by `left` in the other direction.
  void writeRow(Value from, Value to, Value sum, Value reciprocal, Value amount, Value left) {
    Value divisor = b.splat(reciprocal), mean = norm.hasMean() ? b.splat(sum) : Value();
    Value before, bit, most, least;
    if (amount) {
      amount = b.min(amount, b.constant(31));
      before = b.max(b.add(amount, -1), b.constant(0));
      bit = b.splat(b.min(amount, b.constant(1)));
    } else {
      Value limit = arith::ShRUIOp::create(b, b.constant(1 << 30), left);
      most = b.splat(limit);
      least = b.splat(b.sub(b.constant(0), limit));
    }
    int64_t scale = norm.hasMean() ? norm.size : 1;
    Value factor = b.constant(scale << 16 | scale);
    int64_t outBytes = elementBytes(norm.init);
    eachPart({}, [&](Value element, Value count, ValueRange) {
      Values halves = loadHalves(b, b.at(from, b.mul(element, norm.bytes)), count, norm.bytes);
      Values results;
      for (int64_t half = 0; half < 2; ++half) {
        Value products = hvx::VmpyhOp::create(b, halves[half], factor);
        Values words{b.low(products), b.high(products)};
        for (int64_t odd = 0; odd < 2; ++odd) {
          Value &word = words[odd];
          int64_t place = (2 * half + odd) * kElements;
          if (mean)
            word = arith::SubIOp::create(b, word, mean);
          if (norm.normalise > 0)
            word = hvx::VaslwOp::create(b, word, b.constant(norm.normalise));
          word = b.multiplyHigh(word, divisor);
          Value gain = b.load(b.at(b.at(stagedGain, b.mul(element, 4)), place), true);
          word = b.multiplyHigh(word, gain);
          if (amount) {
            Value rounding = arith::AndIOp::create(b, hvx::VasrwOp::create(b, word, before), bit);
            word = arith::AddIOp::create(b, hvx::VasrwOp::create(b, word, amount), rounding);
          } else {
            word = arith::MinSIOp::create(b, arith::MaxSIOp::create(b, word, least), most);
            word = hvx::VaslwOp::create(b, word, left);
          }
          if (mean)
            word = hvx::VaddwsatOp::create(
                b, word, b.load(b.at(b.at(stagedOffset, b.mul(element, 4)), place), true));
        }
        results.push_back(b.roundToHalves(words[0], words[1], b.constant(8)));
      }
      storeHalves(b, results, norm.zero, b.at(to, b.mul(element, outBytes)), count, outBytes);
      return Values{};
    });
  }

  VectorBuilder &b;
  Norm norm;
  Value stagedGain, stagedOffset;
};

} // namespace

int64_t hexagon::stagingOfNorm(Operation *op) {
  Norm norm(op);
  return llvm::divideCeil(norm.size, kElements) * kWordsBytes * (norm.hasMean() ? 2 : 1);
}

void hexagon::emitNorm(VectorBuilder &b, Operation *op, Value staging) {
  NormEmitter(b, op, staging).emit();
}
