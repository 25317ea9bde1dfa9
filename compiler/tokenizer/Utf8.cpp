// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of well-formed sequences is that of the Unicode standard (3-7): the
// second byte's range depends on the first.

#include "compiler/tokenizer/Utf8.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"

using namespace tercet::tokenizer;

static constexpr llvm::StringLiteral kReplacement = "\xEF\xBF\xBD";

int tercet::tokenizer::measureCharacter(llvm::StringRef text) {
  if (text.empty())
    return 0;
  uint8_t first = text[0];
  if (first < 0x80)
    return 1;
  if (first < 0xC2 || first > 0xF4)
    return 0;
  int length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  uint8_t low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  uint8_t high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  for (int i = 1; i < length; ++i) {
    if (text.size() == size_t(i))
      return -i;
    uint8_t next = text[i];
    if (next < low || next > high)
      return 0;
    low = 0x80, high = 0xBF;
  }
  return length;
}

llvm::Error tercet::tokenizer::checkUtf8(llvm::StringRef text) {
  for (size_t at = 0; at < text.size();) {
    int length = measureCharacter(text.drop_front(at));
    if (length <= 0)
      return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                     "expected UTF-8, got byte 0x" +
                                         llvm::utohexstr(uint8_t(text[at])) + " at offset " +
                                         llvm::Twine(at) + ", which begins no character");
    at += length;
  }
  return llvm::Error::success();
}

void tercet::tokenizer::appendUtf8(std::string &text, char32_t character) {
  if (character < 0x80) {
    text += char(character);
  } else if (character < 0x800) {
    text += char(0xC0 | character >> 6);
    text += char(0x80 | (character & 0x3F));
  } else if (character < 0x10000) {
    text += char(0xE0 | character >> 12);
    text += char(0x80 | (character >> 6 & 0x3F));
    text += char(0x80 | (character & 0x3F));
  } else {
    text += char(0xF0 | character >> 18);
    text += char(0x80 | (character >> 12 & 0x3F));
    text += char(0x80 | (character >> 6 & 0x3F));
    text += char(0x80 | (character & 0x3F));
  }
}

char32_t tercet::tokenizer::decodeCharacter(llvm::StringRef text) {
  uint8_t first = text[0];
  if (first < 0x80)
    return first;
  int length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  char32_t character = first & (0x7F >> length);
  for (int i = 1; i < length; ++i)
    character = character << 6 | (uint8_t(text[i]) & 0x3F);
  return character;
}

/// Bytes at the beginning that could have begun a character: at least 1.
static size_t measureBroken(llvm::StringRef text) {
  size_t length = 1;
  while (length < text.size() && measureCharacter(text.take_front(length + 1)) < 0)
    ++length;
  return length;
}

std::string CharacterStream::push(llvm::StringRef bytes) {
  pending += bytes;
  llvm::StringRef rest = pending;
  std::string result;
  while (!rest.empty()) {
    int length = measureCharacter(rest);
    if (length < 0)
      break;
    if (length == 0) {
      result += kReplacement;
      rest = rest.drop_front(measureBroken(rest));
    } else {
      result += rest.take_front(length);
      rest = rest.drop_front(length);
    }
  }
  pending = rest.str();
  return result;
}

std::string CharacterStream::finish() {
  bool broken = !pending.empty();
  pending.clear();
  return broken ? kReplacement.str() : "";
}
