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

/// The instruction finds entries 32 * i to 32 * i + 31 (of 16 bits: in
/// sixteens) in every second place of a register that has its halves
/// interleaved. Bytes are looked up as they are: 0 to 127 are the second half
/// of the operation's table.
void emitLookup(VectorBuilder &b, nn::LookupOp op) {
  int64_t outBytes = elementBytes(op.getInit());
  int64_t each = 2 / outBytes * 64;
  Value table = b.addressOf(op.getTable());
  Values parts;
  for (int64_t entry = 0; entry < 256; entry += each) {
    Value values = b.load(b.at(table, (entry + 128) % 256 * outBytes));
    parts.push_back(outBytes == 1 ? hvx::VshuffbOp::create(b, values).getResult()
                                  : hvx::VshuffhOp::create(b, values).getResult());
  }
  forEachPart(b, {op.getInput(), op.getInit()}, [&](Values addresses, Value count) {
    Value indices = loadElements(b, addresses[0], count, 1)[0];
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
      storeElements(b, found, addresses[1], count, 1);
      return;
    }
    // Even elements, then odd ones.
    Value ordered = hvx::VshuffvddOp::create(b, b.high(found), b.low(found), b.constant(-2));
    storeElements(b, {b.low(ordered), b.high(ordered)}, addresses[1], count, 2);
  });
}

} // namespace

void hexagon::emitElementwise(VectorBuilder &b, Operation *op) {
  llvm::TypeSwitch<Operation *>(op)
      .Case<nn::QuantizedAddOp>([&](auto add) { emitAdd(b, add); })
      .Case<nn::RescaleOp>([&](auto rescale) { emitRescale(b, rescale); })
      .Case<nn::LookupOp>([&](auto lookup) { emitLookup(b, lookup); });
}
