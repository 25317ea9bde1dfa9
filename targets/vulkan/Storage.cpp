// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fields of words.

#include "targets/vulkan/Storage.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::vulkan;

WordMemory::~WordMemory() = default;

unsigned vulkan::storageBits(Type element) {
  if (element.isInteger(1) || element.isInteger(8))
    return 8;
  if (element.isInteger(16) || element.isF16() || element.isBF16())
    return 16;
  if (element.isInteger(32) || element.isF32())
    return 32;
  return element.isInteger(64) ? 64 : 0;
}

static Value constant(ImplicitLocOpBuilder &b, int64_t value) {
  return arith::ConstantIntOp::create(b, value, 32);
}

/// The low bits of a word as an element.
static Value fromField(ImplicitLocOpBuilder &b, Type element, Value word) {
  unsigned bits = storageBits(element);
  if (element.isInteger(1)) {
    Value byte = arith::AndIOp::create(b, word, constant(b, 0xff));
    return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, byte, constant(b, 0));
  }
  Value field = arith::TruncIOp::create(b, b.getIntegerType(bits), word);
  return element.isInteger() ? field : arith::BitcastOp::create(b, element, field).getResult();
}

/// An element as the low bits of a word, zeros above.
static Value toField(ImplicitLocOpBuilder &b, Value value) {
  Type element = value.getType();
  if (!element.isInteger())
    value = arith::BitcastOp::create(b, b.getIntegerType(storageBits(element)), value);
  return arith::ExtUIOp::create(b, b.getI32Type(), value);
}

namespace {
/// The word that a narrow element lies in, and how far from its low end.
struct Field {
  Value word, shift;
  Field(ImplicitLocOpBuilder &b, unsigned bits, Value index) {
    unsigned perWord = 32 / bits;
    auto constantIndex = [&](int64_t value) -> Value {
      return arith::ConstantIndexOp::create(b, value);
    };
    word = arith::ShRUIOp::create(b, index, constantIndex(llvm::Log2_32(perWord)));
    Value position = arith::AndIOp::create(b, index, constantIndex(perWord - 1));
    position = arith::IndexCastUIOp::create(b, b.getI32Type(), position);
    shift = arith::ShLIOp::create(b, position, constant(b, llvm::Log2_32(bits)));
  }
};
} // namespace

static Value doubled(ImplicitLocOpBuilder &b, Value index) {
  return arith::ShLIOp::create(b, index, arith::ConstantIndexOp::create(b, 1));
}

static Value next(ImplicitLocOpBuilder &b, Value index) {
  return arith::AddIOp::create(b, index, arith::ConstantIndexOp::create(b, 1));
}

static Value joinWords(ImplicitLocOpBuilder &b, Value low, Value high) {
  Type i64 = b.getI64Type();
  high = arith::ShLIOp::create(b, arith::ExtUIOp::create(b, i64, high),
                               arith::ConstantIntOp::create(b, 32, 64));
  return arith::OrIOp::create(b, high, arith::ExtUIOp::create(b, i64, low));
}

static std::pair<Value, Value> splitWords(ImplicitLocOpBuilder &b, Value value) {
  Type i32 = b.getI32Type();
  Value high = arith::ShRUIOp::create(b, value, arith::ConstantIntOp::create(b, 32, 64));
  return {arith::TruncIOp::create(b, i32, value), arith::TruncIOp::create(b, i32, high)};
}

Value vulkan::loadElement(ImplicitLocOpBuilder &b, WordMemory &memory, Type element, Value index) {
  unsigned bits = storageBits(element);
  if (bits == 32)
    return memory.load(b, element, index);
  if (bits == 64) {
    Value word = doubled(b, index);
    Value low = memory.load(b, b.getI32Type(), word);
    return joinWords(b, low, memory.load(b, b.getI32Type(), next(b, word)));
  }
  Field field(b, bits, index);
  Value word = memory.load(b, b.getI32Type(), field.word);
  return fromField(b, element, arith::ShRUIOp::create(b, word, field.shift));
}

void vulkan::storeElement(ImplicitLocOpBuilder &b, WordMemory &memory, Value value, Value index) {
  unsigned bits = storageBits(value.getType());
  if (bits == 32)
    return memory.store(b, value, index);
  if (bits == 64) {
    auto [low, high] = splitWords(b, value);
    Value word = doubled(b, index);
    memory.store(b, low, word);
    return memory.store(b, high, next(b, word));
  }
  Field field(b, bits, index);
  Value mask = constant(b, (int64_t(1) << bits) - 1);
  Value keep =
      arith::XOrIOp::create(b, arith::ShLIOp::create(b, mask, field.shift), constant(b, -1));
  memory.change(b, keep, arith::ShLIOp::create(b, toField(b, value), field.shift), field.word);
}

SmallVector<Value> vulkan::unpack(ImplicitLocOpBuilder &b, Type element, ValueRange words) {
  unsigned bits = storageBits(element);
  SmallVector<Value> elements;
  for (unsigned word = 0; word < words.size(); ++word) {
    if (bits == 64) {
      elements.push_back(joinWords(b, words[word], words[word + 1]));
      ++word;
      continue;
    }
    if (bits == 32) {
      elements.push_back(element.isInteger()
                             ? words[word]
                             : arith::BitcastOp::create(b, element, words[word]).getResult());
      continue;
    }
    for (unsigned shift = 0; shift < 32; shift += bits) {
      Value field =
          shift == 0 ? words[word] : arith::ShRUIOp::create(b, words[word], constant(b, shift));
      elements.push_back(fromField(b, element, field));
    }
  }
  return elements;
}

SmallVector<Value> vulkan::pack(ImplicitLocOpBuilder &b, ValueRange elements) {
  SmallVector<Value> words;
  unsigned bits = storageBits(elements.front().getType()), filled = 0;
  for (Value element : elements) {
    if (bits == 64) {
      auto [low, high] = splitWords(b, element);
      words.append({low, high});
      continue;
    }
    if (bits == 32) {
      words.push_back(element.getType().isInteger()
                          ? element
                          : arith::BitcastOp::create(b, b.getI32Type(), element).getResult());
      continue;
    }
    Value field = toField(b, element);
    if (filled % 32 == 0)
      words.push_back(field);
    else
      words.back() = arith::OrIOp::create(
          b, words.back(), arith::ShLIOp::create(b, field, constant(b, filled % 32)));
    filled += bits;
  }
  return words;
}
