// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The key-value pairs at the head of a GGUF file. A value is a view of the
// file's bytes, which the reader has checked from end to end; nothing is
// copied, so the file must stay mapped. A value is asked for what the caller
// needs, and is absent where it is of another type.

#ifndef TERCET_COMPILER_IMPORT_GGUF_METADATA_H
#define TERCET_COMPILER_IMPORT_GGUF_METADATA_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace tercet::gguf {

/// As numbered in the file.
enum class ValueType : uint32_t {
  U8,
  I8,
  U16,
  I16,
  U32,
  I32,
  F32,
  Bool,
  String,
  Array,
  U64,
  I64,
  F64
};
constexpr uint32_t kValueTypes = 13;

/// Bytes of a scalar; 0 for strings and arrays.
unsigned bytesOf(ValueType type);
llvm::StringRef nameOf(ValueType type);

class Value {
public:
  Value() = default;
  /// A scalar's or string's bytes, or those of an array's elements.
  Value(ValueType type, llvm::StringRef bytes) : type(type), bytes(bytes) {}
  Value(ValueType element, uint64_t count, llvm::StringRef bytes)
      : type(ValueType::Array), element(element), count(count), bytes(bytes) {}

  ValueType getType() const { return type; }
  /// "u32", "string", "array of 12 f32": for messages.
  std::string describe() const;

  /// An integer of any width that 64 signed bits hold.
  std::optional<int64_t> getInteger() const;
  /// A float or an integer.
  std::optional<double> getNumber() const;
  std::optional<bool> getBool() const;
  std::optional<llvm::StringRef> getString() const;

  bool isArray() const { return type == ValueType::Array; }
  ValueType getElementType() const { return element; }
  uint64_t size() const { return count; }
  /// Element of an array of scalars, as a scalar.
  Value at(uint64_t index) const;
  /// The elements of an array of strings in order; false if it is none.
  bool forEachString(llvm::function_ref<void(llvm::StringRef)> callback) const;

private:
  ValueType type = ValueType::U8, element = ValueType::U8;
  uint64_t count = 0;
  llvm::StringRef bytes;
};

/// Pairs in the order of the file, found by key.
class Metadata {
public:
  /// False if the key is there already.
  bool insert(llvm::StringRef key, Value value);
  /// Null where there is no such key.
  const Value *lookup(llvm::StringRef key) const;
  const std::vector<std::pair<llvm::StringRef, Value>> &pairs() const { return entries; }

private:
  std::vector<std::pair<llvm::StringRef, Value>> entries;
  llvm::StringMap<size_t> index;
};

} // namespace tercet::gguf

#endif // TERCET_COMPILER_IMPORT_GGUF_METADATA_H
