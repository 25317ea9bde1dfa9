// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The words of a chat template: text outside of tags, and within tags names,
// numbers, strings and operators. White space around tags is dealt with here:
// one line end after a tag {% %} or {# #} goes, and so do blanks before one that
// begins its line; a minus in a tag takes all white space on its side.

#ifndef TERCET_COMPILER_GENERATE_TEMPLATELEXER_H
#define TERCET_COMPILER_GENERATE_TEMPLATELEXER_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace tercet::generate {

struct TemplateWord {
  enum Kind {
    Text,
    OutputBegin,
    OutputEnd,
    BlockBegin,
    BlockEnd,
    Name,
    Integer,
    String,
    Operator,
    End
  };
  Kind kind;
  /// Of a string without quotes and escapes.
  std::string text;
  unsigned line;
};

/// The last word is End.
llvm::Expected<std::vector<TemplateWord>> readTemplateWords(llvm::StringRef text);

llvm::Error templateError(unsigned line, const llvm::Twine &text);

} // namespace tercet::generate

#endif // TERCET_COMPILER_GENERATE_TEMPLATELEXER_H
