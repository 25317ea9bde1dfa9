// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// GPT-2's letters for bytes: printable bytes of Latin-1 stand for themselves,
// the other 68 for U+0100 and on, in order. So every text is a text of letters,
// and every token has a spelling.

#ifndef TERCET_COMPILER_TOKENIZER_BYTELETTERS_H
#define TERCET_COMPILER_TOKENIZER_BYTELETTERS_H

#include "llvm/ADT/StringRef.h"

#include <optional>
#include <string>

namespace tercet::tokenizer {

std::string toByteLetters(llvm::StringRef bytes);

/// The bytes that valid UTF-8 spells; none if a character is no such letter.
std::optional<std::string> fromByteLetters(llvm::StringRef letters);

} // namespace tercet::tokenizer

#endif // TERCET_COMPILER_TOKENIZER_BYTELETTERS_H
