// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The segmentation of a piece with the greatest sum of scores (Viterbi). A
// character for which there is no token counts as one of a score below all
// others; neighbours of that kind are one symbol, as SentencePiece has it.

#include "compiler/tokenizer/Merges.h"
#include "compiler/tokenizer/Utf8.h"

#include <limits>

using namespace tercet::tokenizer;

// What SentencePiece takes off the lowest score for a character without token.
static constexpr float kUnknownPenalty = 10.0f;

namespace {
struct Step {
  float score = -std::numeric_limits<float>::infinity();
  size_t begin = 0;
  int32_t token = kNoToken;
};

class Unigram : public PieceEncoder {
public:
  Unigram(const Vocabulary &vocabulary, const TokenIndex &index)
      : vocabulary(vocabulary), index(index) {
    float lowest = std::numeric_limits<float>::max();
    for (size_t i = 0; i < vocabulary.tokens.size(); ++i) {
      if (!takesPart(i))
        continue;
      longest = std::max(longest, vocabulary.tokens[i].size());
      if (vocabulary.kinds[i] == TokenKind::Normal)
        lowest = std::min(lowest, vocabulary.scores[i]);
    }
    unknownScore = lowest - kUnknownPenalty;
  }

  void encode(llvm::StringRef piece, EmitSymbol emit) const override {
    std::vector<Step> best(piece.size() + 1);
    best[0].score = 0;
    for (size_t at = 0; at < piece.size();) {
      size_t character = std::max(1, measureCharacter(piece.drop_front(at)));
      bool single = false;
      for (size_t length = character; length <= longest && at + length <= piece.size();) {
        auto found = index.find(piece.substr(at, length));
        if (found != index.end() && takesPart(found->second)) {
          improve(best[at + length], best[at].score + vocabulary.scores[found->second], at,
                  found->second);
          single |= length == character;
        }
        length += std::max(1, measureCharacter(piece.drop_front(at + length)));
      }
      if (!single)
        improve(best[at + character], best[at].score + unknownScore, at, kNoToken);
      at += character;
    }
    std::vector<std::pair<int32_t, llvm::StringRef>> symbols;
    for (size_t end = piece.size(); end > 0; end = best[end].begin) {
      llvm::StringRef text = piece.slice(best[end].begin, end);
      if (best[end].token == kNoToken && !symbols.empty() && symbols.back().first == kNoToken)
        text = piece.slice(best[end].begin, end + symbols.back().second.size()), symbols.pop_back();
      symbols.push_back({best[end].token, text});
    }
    for (auto [token, text] : llvm::reverse(symbols))
      emit(token, text);
  }

private:
  bool takesPart(size_t token) const {
    TokenKind kind = vocabulary.kinds[token];
    return kind == TokenKind::Normal || kind == TokenKind::UserDefined;
  }

  static void improve(Step &step, float score, size_t begin, int32_t token) {
    if (score > step.score)
      step = {score, begin, token};
  }

  const Vocabulary &vocabulary;
  const TokenIndex &index;
  size_t longest = 0;
  float unknownScore = 0;
};
} // namespace

std::unique_ptr<PieceEncoder> tercet::tokenizer::createUnigram(const Vocabulary &vocabulary,
                                                               const TokenIndex &index) {
  return std::make_unique<Unigram>(vocabulary, index);
}
