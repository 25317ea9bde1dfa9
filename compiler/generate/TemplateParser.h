// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A chat template as a tree.

#ifndef TERCET_COMPILER_GENERATE_TEMPLATEPARSER_H
#define TERCET_COMPILER_GENERATE_TEMPLATEPARSER_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>
#include <vector>

namespace tercet::generate {

struct TemplateNode {
  enum Kind {
    // Statements. `children` of a sequence are done in order.
    Sequence,
    Text,   // text
    Output, // 0
    If,     // 0: condition, 1: then, 2: else (maybe absent)
    For,    // text: variable; 0: list, 1: body, 2: condition or null, 3: else or null
    Set,    // text: name, attribute: of a namespace or empty; 0: value
    // Expressions.
    Literal,   // text: string
    Number,    // number
    Name,      // text
    List,      // children
    Attribute, // text: name; 0: object
    Item,      // 0: object, 1: key
    Slice,     // 0: object, 1: begin or null, 2: end or null, 3: step or null
    Call,      // 0: what is called, then arguments; `names` of the last ones
    Filter,    // text: name; 0: value, then arguments
    Test,      // text: name; 0: value, then arguments
    Unary,     // text: operator; 0
    Binary,    // text: operator; 0, 1
    Choice     // 0: condition, 1: then, 2: else or null
  };
  Kind kind;
  unsigned line = 0;
  /// Of the tree below, this node included.
  unsigned depth = 1;
  std::string text, attribute;
  int64_t number = 0;
  std::vector<std::shared_ptr<const TemplateNode>> children;
  /// Of a call's keyword arguments, which are the last children.
  std::vector<std::string> names;
};

llvm::Expected<std::shared_ptr<const TemplateNode>> parseTemplate(llvm::StringRef text);

} // namespace tercet::generate

#endif // TERCET_COMPILER_GENERATE_TEMPLATEPARSER_H
