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

void emitRescale(VectorBuilder &b, nn::RescaleOp op) {
  int64_t inBytes = elementBytes(op.getInput()), outBytes = elementBytes(op.getInit());
  forEachPart(b, {op.getInput(), op.getInit()}, [&](Values addresses, Value count) {
    Values input = loadHalves(b, addresses[0], count, inBytes);
    Values halves = combine(b, {input}, {static_cast<int32_t>(op.getMultiplier())},
                            static_cast<int32_t>(op.getOffset()), op.getShift());
    storeHalves(b, halves, static_cast<int32_t>(op.getZero()), addresses[1], count, outBytes);
  });
}

/// With a multiplier for each element of the last dimension.
void emitRescaleColumns(VectorBuilder &b, nn::RescaleOp op) {
  int64_t inBytes = elementBytes(op.getInput()), outBytes = elementBytes(op.getInit());
  Value columns = b.addressOf(op.getColumns());
  Value amount = b.constant(op.getColumnShift()), shift = b.constant(op.getShift());
  forEachLine(b, {op.getInput(), op.getInit()}, [&](Values rows, Value length) {
    forEachPartOf(b, length, [&](Value element, Value count) {
      Values input = loadHalves(b, b.at(rows[0], b.mul(element, inBytes)), count, inBytes);
      Values multipliers = loadElements(b, b.at(columns, b.mul(element, 4)), count, 4);
      Values halves;
      for (int64_t half = 0; half < 2; ++half) {
        Value words = hvx::VunpackhOp::create(b, input[half]);
        Values products;
        for (int64_t part = 0; part < 2; ++part) {
          Value word = hvx::VaslwOp::create(b, part ? b.high(words) : b.low(words), amount);
          products.push_back(b.multiplyHigh(word, multipliers[2 * half + part]));
        }
        halves.push_back(
            hvx::VdealhOp::create(b, b.roundToHalves(products[0], products[1], shift)));
      }
      storeHalves(b, halves, op.getZero(), b.at(rows[1], b.mul(element, outBytes)), count,
                  outBytes);
    });
  });
}

/// A table in registers. The instruction finds entries 32 * i to 32 * i + 31
/// (of 16 bits: in sixteens) in every second place of a register that has its
/// halves interleaved. Bytes are looked up as they are: 0 to 127 are the second
/// half of the operation's table.
class Table {
public:
  Table(VectorBuilder &b, Value address, int64_t bytes) : bytes(bytes) {
    int64_t each = 2 / bytes * 64;
    for (int64_t entry = 0; entry < 256; entry += each) {
      Value values = b.load(b.at(address, (entry + 128) % 256 * bytes));
      parts.push_back(bytes == 1 ? hvx::VshuffbOp::create(b, values).getResult()
                                 : hvx::VshuffhOp::create(b, values).getResult());
    }
  }

  void apply(VectorBuilder &b, Value from, Value to, Value count) const {
    Value indices = loadElements(b, from, count, 1)[0];
    Value found;
    for (int64_t number = 0; number < 4 * static_cast<int64_t>(parts.size()); ++number) {
      Value part = parts[number / 4], selector = b.constant(number);
      if (bytes == 1)
        found = found ? hvx::VlutvvbOraccOp::create(b, found, indices, part, selector).getResult()
                      : hvx::VlutvvbOp::create(b, indices, part, selector).getResult();
      else
        found = found ? hvx::VlutvwhOraccOp::create(b, found, indices, part, selector).getResult()
                      : hvx::VlutvwhOp::create(b, indices, part, selector).getResult();
    }
    if (bytes == 1) {
      storeElements(b, found, to, count, 1);
      return;
    }
    // Even elements, then odd ones.
    Value ordered = hvx::VshuffvddOp::create(b, b.high(found), b.low(found), b.constant(-2));
    storeElements(b, {b.low(ordered), b.high(ordered)}, to, count, 2);
  }

private:
  int64_t bytes;
  Values parts;
};

void emitLookup(VectorBuilder &b, nn::LookupOp op) {
  int64_t bytes = elementBytes(op.getInit());
  Value address = b.addressOf(op.getTable());
  auto type = cast<MemRefType>(op.getTable().getType());
  int64_t blocks = type.getRank() == 2 ? type.getDimSize(0) : 1;
  if (blocks == 1) {
    Table table(b, address, bytes);
    forEachPart(b, {op.getInput(), op.getInit()}, [&](Values addresses, Value count) {
      table.apply(b, addresses[0], addresses[1], count);
    });
    return;
  }
  // Blocks are whole registers of elements.
  int64_t width = op.getBlock();
  b.loop(b.constant(0), b.constant(blocks), 1, [&](Value block) {
    Table table(b, b.at(address, b.mul(block, strideOf(op.getTable(), 0) * bytes)), bytes);
    Value first = b.mul(block, width);
    forEachLine(b, {op.getInput(), op.getInit()}, [&](Values rows, Value) {
      Value from = b.at(rows[0], first), to = b.at(rows[1], b.mul(first, bytes));
      forEachPartOf(b, b.constant(width), [&](Value element, Value count) {
        table.apply(b, b.at(from, element), b.at(to, b.mul(element, bytes)), count);
      });
    });
  });
}

} // namespace

void hexagon::emitElementwise(VectorBuilder &b, Operation *op) {
  llvm::TypeSwitch<Operation *>(op)
      .Case<nn::QuantizedAddOp>([&](auto add) { emitAdd(b, add); })
      .Case<nn::RescaleOp>([&](auto rescale) {
        if (rescale.getColumns())
          emitRescaleColumns(b, rescale);
        else
          emitRescale(b, rescale);
      })
      .Case<nn::LookupOp>([&](auto lookup) { emitLookup(b, lookup); });
}
