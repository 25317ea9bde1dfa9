// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loops over rows, and rows in registers.

#include "targets/hexagon/RowLoops.h"
#include "targets/hexagon/Emitters.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::hexagon;

namespace {
constexpr int64_t kElements = hvx::kRegisterBytes;
}

int64_t hexagon::elementBytes(Value memory) {
  return cast<ShapedType>(memory.getType()).getElementTypeBitWidth() / 8;
}

/// Rows of the dimensions from `first` on, `count` elements together.
static void nestLoops(VectorBuilder &b, ArrayRef<Value> memories, int64_t first, Value count,
                      function_ref<void(Values, Value)> body) {
  Values start;
  for (Value memory : memories)
    start.push_back(b.addressOf(memory));
  auto nest = [&](auto &self, int64_t dim, Values addresses) -> void {
    if (dim == first) {
      body(addresses, count);
      return;
    }
    b.loop(b.constant(0), b.sizeOf(memories[0], dim), 1, [&](Value position) {
      Values inner;
      for (auto [memory, address] : llvm::zip(memories, addresses))
        inner.push_back(
            b.at(address, b.mul(position, strideOf(memory, dim) * elementBytes(memory))));
      self(self, dim + 1, inner);
    });
  };
  nest(nest, 0, start);
}

void hexagon::forEachRow(VectorBuilder &b, ArrayRef<Value> memories,
                         function_ref<void(Values, Value)> body) {
  int64_t rank = cast<MemRefType>(memories[0].getType()).getRank();
  Value count = b.constant(1);
  // Dimensions from here on make up one row.
  int64_t first = rank;
  while (first > 0) {
    std::optional<int64_t> length = VectorBuilder::known(count);
    bool joins = llvm::all_of(memories, [&](Value memory) {
      return first == rank || (length && strideOf(memory, first - 1) == *length);
    });
    if (!joins)
      break;
    --first;
    count = b.mul(count, b.sizeOf(memories[0], first));
  }
  nestLoops(b, memories, first, count, body);
}

void hexagon::forEachLine(VectorBuilder &b, ArrayRef<Value> memories,
                          function_ref<void(Values, Value)> body) {
  int64_t last = cast<MemRefType>(memories[0].getType()).getRank() - 1;
  nestLoops(b, memories, last, b.sizeOf(memories[0], last), body);
}

void hexagon::forEachPartOf(VectorBuilder &b, Value count, function_ref<void(Value, Value)> body) {
  Value whole = b.mul(b.div(count, kElements), kElements);
  b.loop(b.constant(0), whole, kElements,
         [&](Value element) { body(element, b.constant(kElements)); });
  Value rest = b.sub(count, whole);
  b.when(b.compare(arith::CmpIPredicate::sgt, rest, b.constant(0)), [&] { body(whole, rest); });
}

void hexagon::forEachPart(VectorBuilder &b, ArrayRef<Value> memories,
                          function_ref<void(Values, Value)> body) {
  forEachRow(b, memories, [&](Values addresses, Value count) {
    forEachPartOf(b, count, [&](Value element, Value size) {
      Values parts;
      for (auto [memory, address] : llvm::zip(memories, addresses))
        parts.push_back(b.at(address, b.mul(element, elementBytes(memory))));
      body(parts, size);
    });
  });
}

Values hexagon::loadElements(VectorBuilder &b, Value address, Value count, int64_t bytes) {
  Values registers;
  Value size = b.mul(count, bytes);
  for (int64_t part = 0; part < bytes; ++part) {
    Value source = b.at(address, part * kElements);
    Value left = b.add(size, -part * kElements);
    std::optional<int64_t> known = VectorBuilder::known(left);
    if (known && *known <= 0) {
      registers.push_back(b.splat(0));
      continue;
    }
    left = b.min(left, b.constant(kElements));
    if (known || part == 0) {
      registers.push_back(b.loadPart(source, left));
      continue;
    }
    registers.push_back(b.choose(
        b.compare(arith::CmpIPredicate::sgt, left, b.constant(0)),
        [&] { return Values{b.loadPart(source, left)}; }, [&] { return Values{b.splat(0)}; })[0]);
  }
  return registers;
}

void hexagon::storeElements(VectorBuilder &b, ValueRange registers, Value address, Value count,
                            int64_t bytes) {
  Value size = b.mul(count, bytes);
  for (int64_t part = 0; part < bytes; ++part) {
    Value left = b.add(size, -part * kElements);
    Value most = b.min(left, b.constant(kElements));
    auto store = [&] { b.storePart(registers[part], b.at(address, part * kElements), most); };
    if (part == 0)
      store();
    else
      b.when(b.compare(arith::CmpIPredicate::sgt, left, b.constant(0)), store);
  }
}

Values hexagon::loadHalves(VectorBuilder &b, Value address, Value count, int64_t bytes) {
  Values registers = loadElements(b, address, count, bytes);
  if (bytes == 2)
    return registers;
  Value halves = hvx::VunpackbOp::create(b, registers[0]);
  return {b.low(halves), b.high(halves)};
}

void hexagon::storeHalves(VectorBuilder &b, ValueRange halves, int64_t zero, Value address,
                          Value count, int64_t bytes) {
  if (bytes == 2)
    storeElements(b, halves, address, count, bytes);
  else
    storeElements(b, b.narrowToBytes(halves[0], halves[1], zero), address, count, bytes);
}
