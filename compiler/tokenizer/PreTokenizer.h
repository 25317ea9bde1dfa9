// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cuts text into the pieces within which tokens are formed, by regular
// expressions with Unicode's classes, and puts text into normal form C. Both
// are ICU's work; its types stay in the source file.

#ifndef TERCET_COMPILER_TOKENIZER_PRETOKENIZER_H
#define TERCET_COMPILER_TOKENIZER_PRETOKENIZER_H

#include "compiler/tokenizer/Vocabulary.h"

#include "llvm/ADT/ArrayRef.h"

#include <memory>

namespace tercet::tokenizer {

class PreTokenizer {
public:
  /// An error names the pattern that ICU does not take, and where.
  static llvm::Expected<PreTokenizer> create(llvm::ArrayRef<SplitRule> rules);
  PreTokenizer(PreTokenizer &&);
  PreTokenizer &operator=(PreTokenizer &&);
  ~PreTokenizer();

  /// The pieces of valid UTF-8, in order; without rules the text itself.
  llvm::Expected<std::vector<std::string>> split(llvm::StringRef text) const;

private:
  struct Impl;
  explicit PreTokenizer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

/// Valid UTF-8 in Unicode's normal form C.
llvm::Expected<std::string> compose(llvm::StringRef text);

} // namespace tercet::tokenizer

#endif // TERCET_COMPILER_TOKENIZER_PRETOKENIZER_H
