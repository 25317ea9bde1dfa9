// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What expressions of a chat template are: nothing, truth, numbers, text, lists,
// and dictionaries (messages, loops, namespaces), which are shared, as in Jinja.

#ifndef TERCET_COMPILER_GENERATE_TEMPLATEVALUE_H
#define TERCET_COMPILER_GENERATE_TEMPLATEVALUE_H

#include "compiler/generate/ChatTemplate.h"

#include <map>
#include <variant>

namespace tercet::generate {

struct Undefined {
  std::string name;
};
struct None {};
struct Value;
using ValueList = std::shared_ptr<std::vector<Value>>;
using ValueMap = std::shared_ptr<std::map<std::string, Value>>;

struct Value {
  std::variant<Undefined, None, bool, int64_t, MarkedText, ValueList, ValueMap> is;

  Value() = default;
  template <typename T> Value(T value) : is(std::move(value)) {}
  template <typename T> const T *get() const { return std::get_if<T>(&is); }

  bool isTrue() const;
  bool equals(const Value &other) const;
  /// "a string" and so on, for messages.
  std::string describe() const;
};

} // namespace tercet::generate

#endif // TERCET_COMPILER_GENERATE_TEMPLATEVALUE_H
