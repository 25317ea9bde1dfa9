// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The operators, filters, tests, methods and functions of chat templates, each as
// Jinja and Python define it. Errors have no line; the evaluator adds it.

#ifndef TERCET_COMPILER_GENERATE_TEMPLATEFUNCTIONS_H
#define TERCET_COMPILER_GENERATE_TEMPLATEFUNCTIONS_H

#include "compiler/generate/TemplateValue.h"

#include <optional>

namespace tercet::generate {

/// Bytes of the longest text, and elements of the longest list, that operations
/// make; more is an error.
constexpr size_t kLongestText = size_t(16) << 20;
constexpr size_t kLongestList = 100000;

struct CallArguments {
  std::vector<Value> plain;
  std::map<std::string, Value> named;
};

/// As output shows a value.
llvm::Expected<MarkedText> toText(const Value &value);

llvm::Expected<Value> getAttribute(const Value &object, const std::string &name);
llvm::Expected<Value> getItem(const Value &object, const Value &key);
llvm::Expected<Value> getSlice(const Value &object, std::optional<Value> begin,
                               std::optional<Value> end, std::optional<Value> step);
llvm::Expected<Value> applyUnary(llvm::StringRef symbol, const Value &value);
llvm::Expected<Value> applyBinary(llvm::StringRef symbol, const Value &left, const Value &right);
llvm::Expected<Value> applyFilter(llvm::StringRef name, const Value &value,
                                  const CallArguments &arguments);
llvm::Expected<Value> applyTest(llvm::StringRef name, const Value &value,
                                const CallArguments &arguments);
llvm::Expected<Value> callMethod(const Value &object, llvm::StringRef name,
                                 const CallArguments &arguments);
llvm::Expected<Value> callFunction(llvm::StringRef name, const CallArguments &arguments);

} // namespace tercet::generate

#endif // TERCET_COMPILER_GENERATE_TEMPLATEFUNCTIONS_H
