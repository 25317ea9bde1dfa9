// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Byte-pair merging. The symbols of a piece are a linked list; a queue holds the
// neighbours that can merge, the best first, then the leftmost. An entry whose
// symbols have changed since is dropped when it comes up, so a piece of n
// characters costs O(n log n). Ranks and scores differ only in how a pair is
// looked up.

#include "compiler/tokenizer/Merges.h"
#include "compiler/tokenizer/Utf8.h"

#include "llvm/ADT/DenseMap.h"

#include <queue>

using namespace tercet::tokenizer;

namespace {
struct Symbol {
  llvm::StringRef text;
  int32_t token;
  int previous, next;
};

struct Merged {
  double order; // the lowest first
  int32_t token;
};

struct Candidate {
  double order;
  int left, right;
  int32_t leftToken, rightToken, token;
  size_t bytes; // of both
  bool operator<(const Candidate &other) const {
    return order != other.order ? order > other.order : left > other.left;
  }
};

/// lookup(left, right) gives what the two become, if anything; note(left, right,
/// token) is told of each merge.
template <typename Lookup, typename Note>
std::vector<Symbol> merge(llvm::StringRef piece, const TokenIndex &index, Lookup lookup,
                          Note note) {
  std::vector<Symbol> symbols;
  for (size_t at = 0; at < piece.size();) {
    llvm::StringRef text = piece.substr(at, std::max(1, measureCharacter(piece.drop_front(at))));
    auto found = index.find(text);
    int number = int(symbols.size());
    symbols.push_back(
        {text, found == index.end() ? kNoToken : found->second, number - 1, number + 1});
    at += text.size();
  }
  if (symbols.empty())
    return symbols;
  symbols.back().next = -1;
  std::priority_queue<Candidate> queue;
  auto consider = [&](int left, int right) {
    if (left < 0 || right < 0)
      return;
    const Symbol &a = symbols[left], &b = symbols[right];
    if (std::optional<Merged> found = lookup(a, b))
      queue.push({found->order, left, right, a.token, b.token, found->token,
                  a.text.size() + b.text.size()});
  };
  for (int i = 0; i + 1 < int(symbols.size()); ++i)
    consider(i, i + 1);
  while (!queue.empty()) {
    Candidate best = queue.top();
    queue.pop();
    Symbol &a = symbols[best.left], &b = symbols[best.right];
    if (a.text.empty() || b.text.empty() || a.next != best.right || a.token != best.leftToken ||
        b.token != best.rightToken || a.text.size() + b.text.size() != best.bytes)
      continue;
    note(a, b, best.token);
    a.text = llvm::StringRef(a.text.data(), best.bytes);
    a.token = best.token;
    a.next = b.next;
    if (b.next >= 0)
      symbols[b.next].previous = best.left;
    b.text = {};
    consider(a.previous, best.left);
    consider(best.left, a.next);
  }
  return symbols;
}

class RankedMerges : public PieceEncoder {
public:
  RankedMerges(const Vocabulary &vocabulary, const TokenIndex &index)
      : index(index), whole(vocabulary.wholePieces) {}

  llvm::Error addMerges(const Vocabulary &vocabulary) {
    for (auto [rank, pair] : llvm::enumerate(vocabulary.merges)) {
      auto left = index.find(pair.first), right = index.find(pair.second),
           both = index.find(pair.first + pair.second);
      if (left == index.end() || right == index.end() || both == index.end())
        return llvm::createStringError(
            llvm::inconvertibleErrorCode(),
            "the tokenizer's merge " + llvm::Twine(rank) + " ('" + pair.first + "' and '" +
                pair.second +
                "') expects both and what they become among the tokens; the "
                "vocabulary and its merges do not belong together");
      ranks.try_emplace({left->second, right->second}, Merged{double(rank), both->second});
    }
    return llvm::Error::success();
  }

  void encode(llvm::StringRef piece, EmitSymbol emit) const override {
    if (whole)
      if (auto found = index.find(piece); found != index.end())
        return emit(found->second, piece);
    auto lookup = [&](const Symbol &a, const Symbol &b) -> std::optional<Merged> {
      auto found = ranks.find({a.token, b.token});
      if (a.token < 0 || b.token < 0 || found == ranks.end())
        return std::nullopt;
      return found->second;
    };
    for (const Symbol &symbol :
         merge(piece, index, lookup, [](const Symbol &, const Symbol &, int32_t) {}))
      if (!symbol.text.empty())
        emit(symbol.token, symbol.text);
  }

private:
  const TokenIndex &index;
  bool whole;
  llvm::DenseMap<std::pair<int32_t, int32_t>, Merged> ranks;
};

class ScoredMerges : public PieceEncoder {
public:
  ScoredMerges(const Vocabulary &vocabulary, const TokenIndex &index)
      : vocabulary(vocabulary), index(index) {}

  void encode(llvm::StringRef piece, EmitSymbol emit) const override {
    auto lookup = [&](const Symbol &a, const Symbol &b) -> std::optional<Merged> {
      auto found = index.find(llvm::StringRef(a.text.data(), a.text.size() + b.text.size()));
      if (found == index.end())
        return std::nullopt;
      return Merged{-double(vocabulary.scores[found->second]), found->second};
    };
    // Unused tokens take part in merging, and are taken apart in the end.
    llvm::DenseMap<int32_t, std::pair<llvm::StringRef, llvm::StringRef>> parts;
    auto note = [&](const Symbol &a, const Symbol &b, int32_t token) {
      if (vocabulary.kinds[token] == TokenKind::Unused)
        parts.try_emplace(token, a.text, b.text);
    };
    std::function<void(llvm::StringRef)> put = [&](llvm::StringRef text) {
      auto found = index.find(text);
      if (found == index.end())
        return emit(kNoToken, text);
      auto split = parts.find(found->second);
      if (split == parts.end())
        return emit(found->second, text);
      put(split->second.first);
      put(split->second.second);
    };
    for (const Symbol &symbol : merge(piece, index, lookup, note))
      if (!symbol.text.empty())
        put(symbol.text);
  }

private:
  const Vocabulary &vocabulary;
  const TokenIndex &index;
};
} // namespace

llvm::Expected<std::unique_ptr<PieceEncoder>>
tercet::tokenizer::createRankedMerges(const Vocabulary &vocabulary, const TokenIndex &index) {
  auto encoder = std::make_unique<RankedMerges>(vocabulary, index);
  if (llvm::Error error = encoder->addMerges(vocabulary))
    return error;
  return encoder;
}

std::unique_ptr<PieceEncoder> tercet::tokenizer::createScoredMerges(const Vocabulary &vocabulary,
                                                                    const TokenIndex &index) {
  return std::make_unique<ScoredMerges>(vocabulary, index);
}
