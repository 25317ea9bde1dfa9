// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Defaults where a key is absent are those of the format's reference: a space
// and a token in front for llama, neither for gpt2.

#include "compiler/tokenizer/GgufVocabulary.h"
#include "compiler/import/gguf/Metadata.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

using namespace tercet;
using namespace tercet::tokenizer;

static constexpr llvm::StringLiteral kPrefix = "tokenizer.ggml.";

static llvm::Error failure(const llvm::Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

namespace {
class Reader {
public:
  explicit Reader(const gguf::Metadata &metadata) : metadata(metadata) {}

  const gguf::Value *lookup(llvm::StringRef key) const {
    return metadata.lookup((kPrefix + key).str());
  }

  llvm::Error expected(llvm::StringRef key, llvm::StringRef what) const {
    const gguf::Value *value = lookup(key);
    return failure("'" + kPrefix + key + "': expected " + what + ", got " +
                   (value ? value->describe() : "no such key"));
  }

  llvm::Error readStrings(llvm::StringRef key, std::vector<std::string> &result) const {
    const gguf::Value *value = lookup(key);
    if (!value || !value->forEachString([&](llvm::StringRef s) { result.push_back(s.str()); }))
      return expected(key, "an array of strings");
    return llvm::Error::success();
  }

  /// `result` stays as it is where the key is absent.
  llvm::Error readBool(llvm::StringRef key, bool &result) const {
    const gguf::Value *value = lookup(key);
    if (!value)
      return llvm::Error::success();
    std::optional<bool> got = value->getBool();
    if (!got)
      return expected(key, "a bool");
    result = *got;
    return llvm::Error::success();
  }

  llvm::Error readId(llvm::StringRef key, std::optional<int32_t> &result) const {
    const gguf::Value *value = lookup(key);
    if (!value)
      return llvm::Error::success();
    std::optional<int64_t> got = value->getInteger();
    if (!got || *got < 0 || *got > INT32_MAX)
      return expected(key, "a token's id");
    result = int32_t(*got);
    return llvm::Error::success();
  }

  llvm::Error readText(llvm::StringRef key, std::string &result) const {
    const gguf::Value *value = lookup(key);
    if (!value)
      return llvm::Error::success();
    std::optional<llvm::StringRef> got = value->getString();
    if (!got)
      return expected(key, "a string");
    result = got->str();
    return llvm::Error::success();
  }

private:
  const gguf::Metadata &metadata;
};

/// What the reader fills.
struct Ids {
  std::optional<int32_t> begin, end, endOfTurn, endOfMessage;
  bool addBegin = false, addEnd = false;
};
} // namespace

static llvm::Error readTokens(const Reader &reader, Vocabulary &vocabulary) {
  if (llvm::Error error = reader.readStrings("tokens", vocabulary.tokens))
    return error;
  size_t count = vocabulary.tokens.size();
  vocabulary.kinds.assign(count, TokenKind::Normal);
  if (const gguf::Value *kinds = reader.lookup("token_type")) {
    if (!kinds->isArray() || kinds->size() != count)
      return reader.expected("token_type", "an array of " + std::to_string(count) + " integers");
    for (size_t i = 0; i < count; ++i) {
      std::optional<int64_t> kind = kinds->at(i).getInteger();
      if (!kind || *kind < 1 || *kind > 6)
        return failure("'tokenizer.ggml.token_type': expected 1 to 6 for token " + llvm::Twine(i) +
                       ", got " + (kind ? std::to_string(*kind) : kinds->at(i).describe()));
      vocabulary.kinds[i] = TokenKind(*kind);
    }
  }
  if (const gguf::Value *scores = reader.lookup("scores")) {
    if (!scores->isArray() || scores->size() != count)
      return reader.expected("scores", "an array of " + std::to_string(count) + " floats");
    for (size_t i = 0; i < count; ++i) {
      std::optional<double> score = scores->at(i).getNumber();
      if (!score)
        return reader.expected("scores", "an array of floats");
      vocabulary.scores.push_back(float(*score));
    }
  }
  return llvm::Error::success();
}

static llvm::Error readPairs(const Reader &reader, Vocabulary &vocabulary) {
  std::vector<std::string> merges;
  if (llvm::Error error = reader.readStrings("merges", merges))
    return error;
  for (const std::string &merge : merges) {
    // The blank between the two; a part is never empty, and has no blanks.
    auto [left, right] = llvm::StringRef(merge).split(' ');
    if (left.empty() || right.empty() || right.contains(' '))
      return failure("'tokenizer.ggml.merges': expected two tokens with a blank between, got '" +
                     merge + "'");
    vocabulary.merges.push_back({left.str(), right.str()});
  }
  return llvm::Error::success();
}

/// What the tokenizer's name stands for.
static llvm::Error readModel(const Reader &reader, Vocabulary &vocabulary, Ids &ids) {
  std::string model, pre;
  if (llvm::Error error = reader.readText("model", model))
    return error;
  if (llvm::Error error = reader.readText("pre", pre))
    return error;
  bool spacePrefix = false;
  if (model == "gpt2") {
    vocabulary.algorithm = Algorithm::RankedMerges;
    vocabulary.byteLetters = true;
    const std::vector<SplitRule> *splits = findSplits(pre);
    if (!splits)
      return failure("'tokenizer.ggml.pre': expected one of " + listSplits() + ", got '" + pre +
                     "'; give the model's tokenizer.json with --tokenizer instead");
    vocabulary.splits = *splits;
    vocabulary.wholePieces = pre == "llama-bpe" || pre == "llama3" || pre == "llama-v3";
    ids.addBegin = vocabulary.wholePieces;
    return readPairs(reader, vocabulary);
  }
  if (model == "llama" || model == "t5") {
    bool unigram = model == "t5";
    vocabulary.algorithm = unigram ? Algorithm::Unigram : Algorithm::ScoredMerges;
    vocabulary.escapedSpaces = vocabulary.fusedUnknown = true;
    vocabulary.byteFallback = llvm::is_contained(vocabulary.kinds, TokenKind::Byte);
    if (reader.lookup("precompiled_charsmap"))
      return failure("'tokenizer.ggml.precompiled_charsmap': a character map of SentencePiece is "
                     "not supported; expected a model without");
    spacePrefix = true;
    vocabulary.collapsedSpaces = unigram;
    ids.addBegin = !unigram, ids.addEnd = unigram;
    if (llvm::Error error = reader.readBool("add_space_prefix", spacePrefix))
      return error;
    vocabulary.spacePrefix = spacePrefix ? SpacePrefix::Always : SpacePrefix::Never;
    return reader.readBool("remove_extra_whitespaces", vocabulary.collapsedSpaces);
  }
  return failure("'tokenizer.ggml.model': expected gpt2, llama or t5, got '" + model + "'" +
                 (model.empty() ? "; the file has no vocabulary: give one with --tokenizer" : ""));
}

static std::string textOf(const Vocabulary &vocabulary, std::optional<int32_t> id) {
  return id && size_t(*id) < vocabulary.tokens.size() ? vocabulary.tokens[*id] : "";
}

llvm::Expected<Vocabulary> tercet::tokenizer::readGgufVocabulary(const gguf::Metadata &metadata) {
  Reader reader(metadata);
  Vocabulary vocabulary;
  Ids ids;
  if (llvm::Error error = readTokens(reader, vocabulary))
    return error;
  if (llvm::Error error = readModel(reader, vocabulary, ids))
    return error;
  const std::pair<llvm::StringRef, std::optional<int32_t> *> numbers[] = {
      {"bos_token_id", &ids.begin},
      {"eos_token_id", &ids.end},
      {"eot_token_id", &ids.endOfTurn},
      {"eom_token_id", &ids.endOfMessage},
      {"unknown_token_id", &vocabulary.unknown}};
  for (auto [key, id] : numbers)
    if (llvm::Error error = reader.readId(key, *id))
      return error;
  if (llvm::Error error = reader.readBool("add_bos_token", ids.addBegin))
    return error;
  if (llvm::Error error = reader.readBool("add_eos_token", ids.addEnd))
    return error;
  if (const gguf::Value *chat = metadata.lookup("tokenizer.chat_template"))
    vocabulary.chatTemplate = chat->getString().value_or("").str();
  if (ids.addBegin && ids.begin)
    vocabulary.prefix = {*ids.begin};
  if (ids.addEnd && ids.end)
    vocabulary.suffix = {*ids.end};
  for (std::optional<int32_t> id : {ids.end, ids.endOfTurn, ids.endOfMessage})
    if (id && !llvm::is_contained(vocabulary.ends, *id))
      vocabulary.ends.push_back(*id);
  vocabulary.beginText = textOf(vocabulary, ids.begin);
  vocabulary.endText = textOf(vocabulary, ids.end);
  return vocabulary;
}
