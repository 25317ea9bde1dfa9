// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Text to token ids and back. Encoding checks that the text is UTF-8, cuts it
// at special tokens, prepares what lies between as the vocabulary says, and
// makes tokens of each piece. Decoding is a stream, since a character may be
// spelled by several tokens. A Tokenizer is immutable after create.

#ifndef TERCET_COMPILER_TOKENIZER_TOKENIZER_H
#define TERCET_COMPILER_TOKENIZER_TOKENIZER_H

#include "compiler/tokenizer/Merges.h"
#include "compiler/tokenizer/PreTokenizer.h"
#include "compiler/tokenizer/Utf8.h"
#include "compiler/tokenizer/Vocabulary.h"

#include <array>

namespace tercet::tokenizer {

/// What the spelling of a control token in a text means.
enum class ControlText {
  /// The token.
  Token,
  /// Itself: the text comes from outside and must not control anything.
  Plain
};

class Tokenizer {
public:
  /// Takes a vocabulary that may come from any file: an error says what is
  /// wrong with it.
  static llvm::Expected<std::unique_ptr<Tokenizer>> create(Vocabulary vocabulary);

  /// Ids of a text; `continued`: the text follows another that was encoded
  /// before, so that nothing is put before it.
  llvm::Expected<std::vector<int32_t>> encode(llvm::StringRef text, ControlText control,
                                              bool continued = false) const;

  /// The bytes that a token spells; nothing for control tokens and for ids that
  /// there are none of.
  std::string getBytes(int32_t token) const;
  /// The token whose spelling in the vocabulary is `text`, or kNoToken.
  int32_t find(llvm::StringRef text) const;
  bool isEnd(int32_t token) const;

  const Vocabulary &getVocabulary() const { return vocabulary; }
  int32_t size() const { return int32_t(vocabulary.tokens.size()); }

private:
  explicit Tokenizer(Vocabulary vocabulary) : vocabulary(std::move(vocabulary)) {}
  llvm::Error check() const;
  void indexTokens();
  struct SpelledToken {
    SpecialToken token;
    /// As it is in a text.
    std::string text;
  };
  const SpelledToken *matchSpecial(llvm::StringRef text, ControlText control) const;
  llvm::Error encodePlain(llvm::StringRef text, bool spacePrefix,
                          std::vector<int32_t> &result) const;
  llvm::Error encodePiece(llvm::StringRef piece, std::vector<int32_t> &result) const;

  Vocabulary vocabulary;
  std::optional<PreTokenizer> preTokenizer;
  std::unique_ptr<PieceEncoder> encoder;
  /// Tokens that text can become, and all tokens.
  TokenIndex index, all;
  std::array<int32_t, 256> byteTokens;
  /// By first byte, the longest first.
  std::array<std::vector<SpelledToken>, 256> specials;
};

/// Text of a run of tokens, whole characters at a time.
class TextStream {
public:
  /// `fresh`: the tokens begin a text, whose added space is taken off.
  explicit TextStream(const Tokenizer &tokenizer, bool fresh = false);
  std::string push(int32_t token);
  std::string finish() { return characters.finish(); }

private:
  const Tokenizer &tokenizer;
  CharacterStream characters;
  bool dropSpace;
};

} // namespace tercet::tokenizer

#endif // TERCET_COMPILER_TOKENIZER_TOKENIZER_H
