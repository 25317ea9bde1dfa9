// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// UTF-8, strictly: no surrogates, no overlong forms, nothing above U+10FFFF.
// Text that comes in is checked once; text that goes out is assembled from
// tokens that may end in the middle of a character.

#ifndef TERCET_COMPILER_TOKENIZER_UTF8_H
#define TERCET_COMPILER_TOKENIZER_UTF8_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace tercet::tokenizer {

/// Bytes of the character at the text's beginning. 0: no character can begin
/// so. Negative: as many bytes as there are begin one, but more are needed.
int measureCharacter(llvm::StringRef text);

/// An error that names the first byte that belongs to no character.
llvm::Error checkUtf8(llvm::StringRef text);

/// Appends a character below U+110000.
void appendUtf8(std::string &text, char32_t character);

/// The character at the beginning of valid text.
char32_t decodeCharacter(llvm::StringRef text);

/// Bytes in, whole characters out. Bytes that can belong to no character come
/// out as U+FFFD, one for each maximal part of a character, as Unicode
/// recommends and Python does.
class CharacterStream {
public:
  /// The characters that are whole now.
  std::string push(llvm::StringRef bytes);
  /// The end: what is left of a character comes out as U+FFFD.
  std::string finish();

private:
  std::string pending;
};

} // namespace tercet::tokenizer

#endif // TERCET_COMPILER_TOKENIZER_UTF8_H
