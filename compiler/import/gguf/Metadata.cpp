// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Values are little-endian wherever they lie; no alignment is assumed.

#include "compiler/import/gguf/Metadata.h"

#include "llvm/ADT/bit.h"
#include "llvm/Support/Endian.h"

#include <string>

using namespace llvm;
using namespace tercet::gguf;

static constexpr struct {
  const char *name;
  unsigned bytes;
} kKinds[kValueTypes] = {{"u8", 1},  {"i8", 1},  {"u16", 2},  {"i16", 2},    {"u32", 4},
                         {"i32", 4}, {"f32", 4}, {"bool", 1}, {"string", 0}, {"array", 0},
                         {"u64", 8}, {"i64", 8}, {"f64", 8}};

unsigned tercet::gguf::bytesOf(ValueType type) { return kKinds[uint32_t(type)].bytes; }
StringRef tercet::gguf::nameOf(ValueType type) { return kKinds[uint32_t(type)].name; }

std::string Value::describe() const {
  if (type == ValueType::Array)
    return "array of " + std::to_string(count) + " " + nameOf(element).str();
  return nameOf(type).str();
}

template <class T> static T load(StringRef bytes) {
  return support::endian::read<T>(bytes.data(), endianness::little);
}

std::optional<int64_t> Value::getInteger() const {
  switch (type) {
  case ValueType::U8:
    return load<uint8_t>(bytes);
  case ValueType::I8:
    return load<int8_t>(bytes);
  case ValueType::U16:
    return load<uint16_t>(bytes);
  case ValueType::I16:
    return load<int16_t>(bytes);
  case ValueType::U32:
    return load<uint32_t>(bytes);
  case ValueType::I32:
    return load<int32_t>(bytes);
  case ValueType::U64:
    if (uint64_t value = load<uint64_t>(bytes); value <= uint64_t(INT64_MAX))
      return value;
    return std::nullopt;
  case ValueType::I64:
    return load<int64_t>(bytes);
  default:
    return std::nullopt;
  }
}

std::optional<double> Value::getNumber() const {
  if (type == ValueType::F32)
    return bit_cast<float>(load<uint32_t>(bytes));
  if (type == ValueType::F64)
    return bit_cast<double>(load<uint64_t>(bytes));
  if (std::optional<int64_t> integer = getInteger())
    return double(*integer);
  return std::nullopt;
}

std::optional<bool> Value::getBool() const {
  return type == ValueType::Bool ? std::optional<bool>(bytes.front() != 0) : std::nullopt;
}

std::optional<StringRef> Value::getString() const {
  return type == ValueType::String ? std::optional<StringRef>(bytes) : std::nullopt;
}

Value Value::at(uint64_t position) const {
  unsigned size = bytesOf(element);
  return Value(element, bytes.substr(position * size, size));
}

bool Value::forEachString(function_ref<void(StringRef)> callback) const {
  if (type != ValueType::Array || element != ValueType::String)
    return false;
  StringRef rest = bytes;
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t length = load<uint64_t>(rest);
    callback(rest.substr(8, length));
    rest = rest.drop_front(8 + length);
  }
  return true;
}

bool Metadata::insert(StringRef key, Value value) {
  if (!index.try_emplace(key, entries.size()).second)
    return false;
  entries.emplace_back(key, value);
  return true;
}

const Value *Metadata::lookup(StringRef key) const {
  auto found = index.find(key);
  return found == index.end() ? nullptr : &entries[found->second].second;
}
