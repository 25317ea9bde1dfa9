// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// nn.quantized_add and nn.rescale, products of half words; nn.lookup, tables in
// registers. 128 elements at a time.

#include "targets/hexagon/Emitters.h"
#include "targets/hexagon/RowLoops.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::hexagon;

namespace {

/// Of a step: the bytes of a register.
constexpr int64_t kElements = hvx::kRegisterBytes;

Value bothHalves(VectorBuilder &b, int64_t value) {
  return b.constant((value & 0xffff) << 16 | (value & 0xffff));
}

/// clamp16(R(sum of input * multiplier + offset, shift)) of 128 elements.
Values combine(VectorBuilder &b, ArrayRef<Values> inputs, ArrayRef<int64_t> multipliers,
               int64_t offset, int64_t shift) {
  Values results;
  for (int64_t half = 0; half < 2; ++half) {
    // Even lanes, then odd ones: as the rounding shift takes them. Multipliers
    // of at most 2^14 keep the sum below 2^31.
    Value words = hvx::VmpyhOp::create(b, inputs[0][half], bothHalves(b, multipliers[0]));
    if (inputs.size() == 2)
      words = hvx::VmpyhsatAccOp::create(b, words, inputs[1][half], bothHalves(b, multipliers[1]));
    Value even = b.low(words), odd = b.high(words);
    if (offset != 0) {
      even = arith::AddIOp::create(b, even, b.splat(offset));
      odd = arith::AddIOp::create(b, odd, b.splat(offset));
    }
    results.push_back(b.roundToHalves(even, odd, b.constant(shift)));
  }
  return results;
}

void emitAdd(VectorBuilder &b, nn::QuantizedAddOp op) {
  ArrayRef<int32_t> multipliers = op.getMultipliers();
  int64_t lhsBytes = elementBytes(op.getLhs()), rhsBytes = elementBytes(op.getRhs()),
          outBytes = elementBytes(op.getInit());
  forEachPart(b, {op.getLhs(), op.getRhs(), op.getInit()}, [&](Values addresses, Value count) {
    Values lhs = loadHalves(b, addresses[0], count, lhsBytes);
    Values rhs = loadHalves(b, addresses[1], count, rhsBytes);
    Values halves = combine(b, {lhs, rhs}, {multipliers[0], multipliers[1]},
                            static_cast<int32_t>(op.getOffset()), op.getShift());
    storeHalves(b, halves, static_cast<int32_t>(op.getZero()), addresses[2], count, outBytes);
  });
}

/// A multiplier for each column: Q of the value shifted up, 128 columns at a time.
void emitRescaleColumns(VectorBuilder &b, nn::RescaleOp op) {
  int64_t inBytes = elementBytes(op.getInput()), outBytes = elementBytes(op.getInit());
  Value up = b.constant(inBytes == 2 ? 15 : 23), columns = b.addressOf(op.getColumns());
  forEachLine(b, {op.getInput(), op.getInit()}, [&](Values addresses, Value size) {
    b.loop(b.constant(0), size, kElements, [&](Value column) {
      Value count = b.min(b.sub(size, column), b.constant(kElements));
      Values input = loadHalves(b, b.at(addresses[0], b.mul(column, inBytes)), count, inBytes);
      Values multipliers = loadElements(b, b.at(columns, b.mul(column, 4)), count, 4);
      Values halves;
      for (int64_t half = 0; half < 2; ++half) {
        // Even columns, then odd ones.
        Value words = hvx::VmpyhOp::create(b, input[half], bothHalves(b, 1));
        Value dealt = hvx::VdealvddOp::create(b, multipliers[2 * half + 1], multipliers[2 * half],
                                              b.constant(-4));
        auto scaled = [&](Value word, Value multiplier) {
          return b.multiplyHigh(hvx::VaslwOp::create(b, word, up), multiplier);
        };
        halves.push_back(b.roundToHalves(scaled(b.low(words), b.low(dealt)),
                                         scaled(b.high(words), b.high(dealt)),
                                         b.constant(op.getShift())));
      }
      storeHalves(b, halves, static_cast<int32_t>(op.getZero()),
                  b.at(addresses[1], b.mul(column, outBytes)), count, outBytes);
    });
  });
}

void emitRescale(VectorBuilder &b, nn::RescaleOp op) {
  if (op.getColumns())
    return emitRescaleColumns(b, op);
  int64_t inBytes = elementBytes(op.getInput()), outBytes = elementBytes(op.getInit());
  forEachPart(b, {op.getInput(), op.getInit()}, [&](Values addresses, Value count) {
    Values input = loadHalves(b, addresses[0], count, inBytes);
    Values halves = combine(b, {input}, {static_cast<int32_t>(op.getMultiplier())},
                            static_cast<int32_t>(op.getOffset()), op.getShift());
    storeHalves(b, halves, static_cast<int32_t>(op.getZero()), addresses[1], count, outBytes);
  });
}

/// The instruction finds entries 32 * i to 32 * i + 31 (of 16 bits: in
/// sixteens) in every second place of a register that has its halves
/// interleaved. Bytes are looked up as they are: 0 to 127 are the second half
/// of the operation's table.
class LookupEmitter {
public:
  LookupEmitter(VectorBuilder &b, nn::LookupOp op)
      : b(b), op(op), outBytes(elementBytes(op.getInit())) {}

  void emit() {
    auto table = cast<ShapedType>(op.getTable().getType());
    Value address = b.addressOf(op.getTable());
    if (table.getRank() == 1) {
      Values parts = loadTable(address);
      forEachPart(b, {op.getInput(), op.getInit()}, [&](Values addresses, Value count) {
        lookUp(parts, addresses[0], addresses[1], count);
      });
      return;
    }
    // A table for each block of columns: one after the other, for all rows.
    auto input = cast<ShapedType>(op.getInput().getType());
    int64_t blocks = table.getDimSize(0);
    int64_t columns = input.getDimSize(input.getRank() - 1) / blocks;
    b.loop(b.constant(0), b.constant(blocks), 1, [&](Value block) {
      Values parts = loadTable(b.at(address, b.mul(block, 256 * outBytes)));
      Value first = b.mul(block, columns);
      forEachLine(b, {op.getInput(), op.getInit()}, [&](Values addresses, Value) {
        b.loop(b.constant(0), b.constant(columns), kElements, [&](Value column) {
          Value at = b.add(first, column);
          lookUp(parts, b.at(addresses[0], at), b.at(addresses[1], b.mul(at, outBytes)),
                 b.min(b.sub(b.constant(columns), column), b.constant(kElements)));
        });
      });
    });
  }

private:
  Values loadTable(Value table) {
    int64_t each = 2 / outBytes * 64;
    Values parts;
    for (int64_t entry = 0; entry < 256; entry += each) {
      Value values = b.load(b.at(table, (entry + 128) % 256 * outBytes));
      parts.push_back(outBytes == 1 ? hvx::VshuffbOp::create(b, values).getResult()
                                    : hvx::VshuffhOp::create(b, values).getResult());
    }
    return parts;
  }

  void lookUp(ArrayRef<Value> parts, Value from, Value to, Value count) {
    Value indices = loadElements(b, from, count, 1)[0];
    Value found;
    for (int64_t number = 0; number < 4 * static_cast<int64_t>(parts.size()); ++number) {
      Value part = parts[number / 4], selector = b.constant(number);
      if (outBytes == 1)
        found = found ? hvx::VlutvvbOraccOp::create(b, found, indices, part, selector).getResult()
                      : hvx::VlutvvbOp::create(b, indices, part, selector).getResult();
      else
        found = found ? hvx::VlutvwhOraccOp::create(b, found, indices, part, selector).getResult()
                      : hvx::VlutvwhOp::create(b, indices, part, selector).getResult();
    }
    if (outBytes == 1) {
      storeElements(b, found, to, count, 1);
      return;
    }
    // Even elements, then odd ones.
    Value ordered = hvx::VshuffvddOp::create(b, b.high(found), b.low(found), b.constant(-2));
    storeElements(b, {b.low(ordered), b.high(ordered)}, to, count, 2);
  }

  VectorBuilder &b;
  nn::LookupOp op;
  int64_t outBytes;
};

} // namespace

void hexagon::emitElementwise(VectorBuilder &b, Operation *op) {
  llvm::TypeSwitch<Operation *>(op)
      .Case<nn::QuantizedAddOp>([&](auto add) { emitAdd(b, add); })
      .Case<nn::RescaleOp>([&](auto rescale) { emitRescale(b, rescale); })
      .Case<nn::LookupOp>([&](auto lookup) { LookupEmitter(b, lookup).emit(); });
}
