// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two tables, made once: letter by byte, byte by letter.

#include "compiler/tokenizer/ByteLetters.h"
#include "compiler/tokenizer/Utf8.h"

using namespace tercet::tokenizer;

namespace {
constexpr int kLetters = 0x144; // one above the highest

struct Letters {
  std::string ofByte[256];
  int byte[kLetters];

  Letters() {
    std::fill(std::begin(byte), std::end(byte), -1);
    char32_t next = 0x100;
    for (int i = 0; i < 256; ++i) {
      bool printable = (i >= '!' && i <= '~') || (i >= 0xA1 && i <= 0xAC) || i >= 0xAE;
      char32_t letter = printable ? char32_t(i) : next++;
      appendUtf8(ofByte[i], letter);
      byte[letter] = i;
    }
  }
};
} // namespace

static const Letters &getLetters() {
  static const Letters letters;
  return letters;
}

std::string tercet::tokenizer::toByteLetters(llvm::StringRef bytes) {
  std::string result;
  for (char byte : bytes)
    result += getLetters().ofByte[uint8_t(byte)];
  return result;
}

std::optional<std::string> tercet::tokenizer::fromByteLetters(llvm::StringRef letters) {
  std::string result;
  while (!letters.empty()) {
    int length = measureCharacter(letters);
    if (length <= 0)
      return std::nullopt;
    char32_t letter = decodeCharacter(letters);
    if (letter >= kLetters || getLetters().byte[letter] < 0)
      return std::nullopt;
    result += char(getLetters().byte[letter]);
    letters = letters.drop_front(length);
  }
  return result;
}
