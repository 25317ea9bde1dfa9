// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tokenizer as data: the tokens, how text is prepared, and how pieces of text
// become tokens. Files of each format are read into this one struct
// (GgufVocabulary, JsonVocabulary); Tokenizer checks it and does the work.

#ifndef TERCET_COMPILER_TOKENIZER_VOCABULARY_H
#define TERCET_COMPILER_TOKENIZER_VOCABULARY_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tercet::tokenizer {

/// How a piece becomes tokens.
enum class Algorithm {
  /// Byte-pair encoding: neighbours are merged by the rank of their pair.
  RankedMerges,
  /// As SentencePiece's BPE: neighbours are merged whose joint token has the
  /// highest score.
  ScoredMerges,
  /// SentencePiece's unigram: the tokens of the greatest sum of scores.
  Unigram
};

/// As GGUF numbers them.
enum class TokenKind : uint8_t { Normal = 1, Unknown, Control, UserDefined, Unused, Byte };

/// One pass over the pieces so far. A piece is cut at the matches of a pattern.
struct SplitRule {
  /// A regular expression of ICU; \s is Unicode's white space.
  std::string pattern;
  /// What lies between matches is no piece of its own, but dropped.
  bool matchesOnly = false;
};

/// When the text gets a space in front.
enum class SpacePrefix {
  Never,
  /// Only the text's beginning.
  First,
  /// The text's beginning, and what follows a special token.
  Always
};

/// White space beside a special token that belongs to it.
struct SpecialToken {
  int32_t id;
  bool stripLeft = false, stripRight = false;
};

struct Vocabulary {
  Algorithm algorithm = Algorithm::RankedMerges;
  /// As in the file: with GPT-2's letters for bytes, or with U+2581 for spaces.
  std::vector<std::string> tokens;
  /// As many as tokens, or none.
  std::vector<float> scores;
  /// As many as tokens.
  std::vector<TokenKind> kinds;
  /// RankedMerges: pairs of tokens, the first to merge first.
  std::vector<std::pair<std::string, std::string>> merges;
  /// Tokens that are found in the text before all else, where it is not theirs
  /// by kind (Control, UserDefined) already: with what they strip.
  std::vector<SpecialToken> specials;

  /// Text is put into Unicode's normal form C.
  bool composed = false;
  SpacePrefix spacePrefix = SpacePrefix::Never;
  /// A text that begins with a space gets no other.
  bool existingSpaceCounts = false;
  /// Spaces are U+2581 in tokens.
  bool escapedSpaces = false;
  /// Runs of spaces are one, and none is at the ends.
  bool collapsedSpaces = false;
  std::vector<SplitRule> splits;
  /// Each byte is a letter of GPT-2's table of 256.
  bool byteLetters = false;
  /// A piece that is a token is that token, whatever the merges say.
  bool wholePieces = false;
  /// What is no token is spelled in tokens <0xNN>.
  bool byteFallback = false;
  /// Neighbours without a token are one unknown token.
  bool fusedUnknown = false;

  std::optional<int32_t> unknown;
  /// Put around a whole text.
  std::vector<int32_t> prefix, suffix;
  /// After these a generated text is over.
  std::vector<int32_t> ends;
  /// Jinja text; empty if the file has none.
  std::string chatTemplate;
  /// Texts that the chat template may ask for.
  std::string beginText, endText;
};

/// Splits of the pre-tokenizer with that name of GGUF's tokenizer.ggml.pre, or
/// null.
const std::vector<SplitRule> *findSplits(llvm::StringRef name);
/// All names that findSplits knows, for a message.
std::string listSplits();

/// The splits of GPT-2, which have no name in a tokenizer.json.
extern const char *const kGpt2Pattern;

} // namespace tercet::tokenizer

#endif // TERCET_COMPILER_TOKENIZER_VOCABULARY_H
