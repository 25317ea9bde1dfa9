// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The three algorithms that make tokens of one piece of text. Each is an object
// over a vocabulary that outlives it; pieces are whole characters of UTF-8.
// A symbol for which there is no token is reported as such, with its bytes:
// what becomes of it is the same for all three.

#ifndef TERCET_COMPILER_TOKENIZER_MERGES_H
#define TERCET_COMPILER_TOKENIZER_MERGES_H

#include "compiler/tokenizer/Vocabulary.h"

#include "llvm/ADT/StringMap.h"

#include <functional>
#include <memory>

namespace tercet::tokenizer {

constexpr int32_t kNoToken = -1;

/// Called for the symbols of a piece in order; `text` is what the symbol covers.
using EmitSymbol = std::function<void(int32_t token, llvm::StringRef text)>;

using TokenIndex = llvm::StringMap<int32_t>;

class PieceEncoder {
public:
  virtual ~PieceEncoder() = default;
  virtual void encode(llvm::StringRef piece, EmitSymbol emit) const = 0;
};

/// An error names a merge whose parts or result are no tokens.
llvm::Expected<std::unique_ptr<PieceEncoder>> createRankedMerges(const Vocabulary &vocabulary,
                                                                 const TokenIndex &index);
std::unique_ptr<PieceEncoder> createScoredMerges(const Vocabulary &vocabulary,
                                                 const TokenIndex &index);
std::unique_ptr<PieceEncoder> createUnigram(const Vocabulary &vocabulary, const TokenIndex &index);

} // namespace tercet::tokenizer

#endif // TERCET_COMPILER_TOKENIZER_MERGES_H
