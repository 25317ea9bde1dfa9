// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The order in which a text is taken apart is that of the reference packages:
// special tokens first, then the normaliser, then the pre-tokenizer, then the
// model. Spaces become U+2581 after the special tokens were found, so those are
// spelled with plain spaces.

#include "compiler/tokenizer/Tokenizer.h"
#include "compiler/tokenizer/ByteLetters.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"

using namespace tercet::tokenizer;

// U+2581, a lower one eighth block.
static constexpr llvm::StringLiteral kSpaceLetter = "\xE2\x96\x81";

static llvm::Error failure(const llvm::Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

static std::string replaceAll(llvm::StringRef text, llvm::StringRef from, llvm::StringRef to) {
  std::string result;
  for (size_t at; (at = text.find(from)) != llvm::StringRef::npos;) {
    result += text.take_front(at);
    result += to;
    text = text.drop_front(at + from.size());
  }
  return result += text;
}

// ---- Making -----------------------------------------------------------------

llvm::Error Tokenizer::check() const {
  const Vocabulary &v = vocabulary;
  size_t count = v.tokens.size();
  if (count == 0 || count > size_t(1) << 24)
    return failure("expected a vocabulary of 1 to 16777216 tokens, got " + llvm::Twine(count));
  if (v.kinds.size() != count)
    return failure("expected a type for each of " + llvm::Twine(count) + " tokens, got " +
                   llvm::Twine(v.kinds.size()));
  bool scored = v.algorithm != Algorithm::RankedMerges;
  if (scored ? v.scores.size() != count : !v.scores.empty() && v.scores.size() != count)
    return failure("expected a score for each of " + llvm::Twine(count) + " tokens, got " +
                   llvm::Twine(v.scores.size()));
  for (auto [id, token] : llvm::enumerate(v.tokens))
    if (llvm::Error error = checkUtf8(token))
      return failure("token " + llvm::Twine(id) + ": " + llvm::toString(std::move(error)));
  llvm::SmallVector<int32_t> ids(v.prefix.begin(), v.prefix.end());
  ids.append(v.suffix.begin(), v.suffix.end());
  ids.append(v.ends.begin(), v.ends.end());
  if (v.unknown)
    ids.push_back(*v.unknown);
  for (const SpecialToken &special : v.specials)
    ids.push_back(special.id);
  for (int32_t id : ids)
    if (id < 0 || size_t(id) >= count)
      return failure("special token " + llvm::Twine(id) + " is outside of the vocabulary of " +
                     llvm::Twine(count) + " tokens");
  return llvm::Error::success();
}

void Tokenizer::indexTokens() {
  byteTokens.fill(kNoToken);
  llvm::SmallVector<SpecialToken> special(vocabulary.specials.begin(), vocabulary.specials.end());
  std::vector<bool> listed(vocabulary.tokens.size());
  for (const SpecialToken &token : special)
    listed[token.id] = true;
  for (auto [id, token] : llvm::enumerate(vocabulary.tokens)) {
    all.try_emplace(token, int32_t(id));
    switch (vocabulary.kinds[id]) {
    case TokenKind::Control:
    case TokenKind::UserDefined:
      if (!listed[id])
        special.push_back({int32_t(id)});
      if (vocabulary.kinds[id] == TokenKind::UserDefined)
        index.try_emplace(token, int32_t(id));
      break;
    case TokenKind::Byte: {
      unsigned value;
      llvm::StringRef text = token;
      if (text.consume_front("<0x") && text.consume_back(">") && text.size() == 2 &&
          !text.getAsInteger(16, value))
        byteTokens[value] = int32_t(id);
      break;
    }
    case TokenKind::Unknown:
      break;
    default:
      index.try_emplace(token, int32_t(id));
    }
  }
  for (SpecialToken token : special) {
    std::string text = vocabulary.tokens[token.id];
    if (vocabulary.escapedSpaces)
      text = replaceAll(text, kSpaceLetter, " ");
    if (!text.empty())
      specials[uint8_t(text[0])].push_back({token, text});
  }
  for (std::vector<SpelledToken> &list : specials)
    llvm::sort(list, [](const SpelledToken &a, const SpelledToken &b) {
      return a.text.size() != b.text.size() ? a.text.size() > b.text.size()
                                            : a.token.id < b.token.id;
    });
}

llvm::Expected<std::unique_ptr<Tokenizer>> Tokenizer::create(Vocabulary vocabulary) {
  std::unique_ptr<Tokenizer> result(new Tokenizer(std::move(vocabulary)));
  if (llvm::Error error = result->check())
    return error;
  result->indexTokens();
  llvm::Expected<PreTokenizer> preTokenizer = PreTokenizer::create(result->vocabulary.splits);
  if (!preTokenizer)
    return preTokenizer.takeError();
  result->preTokenizer = std::move(*preTokenizer);
  switch (result->vocabulary.algorithm) {
  case Algorithm::RankedMerges: {
    auto merges = createRankedMerges(result->vocabulary, result->index);
    if (!merges)
      return merges.takeError();
    result->encoder = std::move(*merges);
    break;
  }
  case Algorithm::ScoredMerges:
    result->encoder = createScoredMerges(result->vocabulary, result->index);
    break;
  case Algorithm::Unigram:
    result->encoder = createUnigram(result->vocabulary, result->index);
    break;
  }
  return result;
}

// ---- Text to tokens ---------------------------------------------------------

const Tokenizer::SpelledToken *Tokenizer::matchSpecial(llvm::StringRef text,
                                                       ControlText control) const {
  for (const SpelledToken &special : specials[uint8_t(text[0])])
    if (text.starts_with(special.text) &&
        (control == ControlText::Token || vocabulary.kinds[special.token.id] != TokenKind::Control))
      return &special;
  return nullptr;
}

llvm::Error Tokenizer::encodePiece(llvm::StringRef piece, std::vector<int32_t> &result) const {
  llvm::Error error = llvm::Error::success();
  bool afterUnknown = false;
  encoder->encode(piece, [&](int32_t token, llvm::StringRef text) {
    bool unknown = token == kNoToken;
    if (unknown && vocabulary.byteFallback &&
        llvm::all_of(text, [&](char byte) { return byteTokens[uint8_t(byte)] != kNoToken; })) {
      for (char byte : text)
        result.push_back(byteTokens[uint8_t(byte)]);
      unknown = false;
    } else if (!unknown) {
      result.push_back(token);
    } else if (vocabulary.unknown) {
      if (!afterUnknown || !vocabulary.fusedUnknown)
        result.push_back(*vocabulary.unknown);
    } else if (!error) {
      error = failure("the vocabulary has no token for '" + text + "'");
    }
    afterUnknown = unknown;
  });
  return error;
}

/// As SentencePiece does: at the end the letter for a space counts as one.
static std::string collapseSpaces(llvm::StringRef text) {
  while (text.consume_back(" ") || text.consume_back(kSpaceLetter)) {
  }
  std::string result;
  for (char byte : text.ltrim(' '))
    if (byte != ' ' || result.back() != ' ')
      result += byte;
  return result;
}

llvm::Error Tokenizer::encodePlain(llvm::StringRef given, bool spacePrefix,
                                   std::vector<int32_t> &result) const {
  if (given.empty())
    return llvm::Error::success();
  std::string text = given.str();
  if (vocabulary.composed) {
    llvm::Expected<std::string> composed = compose(text);
    if (!composed)
      return composed.takeError();
    text = std::move(*composed);
  }
  if (vocabulary.collapsedSpaces)
    text = collapseSpaces(text);
  if (text.empty())
    return llvm::Error::success();
  bool spaced = text[0] == ' ' ||
                (vocabulary.escapedSpaces && llvm::StringRef(text).starts_with(kSpaceLetter));
  if (spacePrefix && !(vocabulary.existingSpaceCounts && spaced))
    text.insert(text.begin(), ' ');
  if (vocabulary.escapedSpaces)
    text = replaceAll(text, " ", kSpaceLetter);
  llvm::Expected<std::vector<std::string>> pieces = preTokenizer->split(text);
  if (!pieces)
    return pieces.takeError();
  for (const std::string &piece : *pieces)
    if (llvm::Error error =
            encodePiece(vocabulary.byteLetters ? toByteLetters(piece) : piece, result))
      return error;
  return llvm::Error::success();
}

llvm::Expected<std::vector<int32_t>> Tokenizer::encode(llvm::StringRef text, ControlText control,
                                                       bool continued) const {
  if (llvm::Error error = checkUtf8(text))
    return error;
  std::vector<int32_t> result;
  if (!continued)
    result = vocabulary.prefix;
  // Whether a plain text that comes next gets a space in front.
  bool prefix = vocabulary.spacePrefix == SpacePrefix::Always ||
                (vocabulary.spacePrefix == SpacePrefix::First && !continued);
  size_t begin = 0;
  for (size_t at = 0; at <= text.size();) {
    const SpelledToken *special =
        at < text.size() ? matchSpecial(text.drop_front(at), control) : nullptr;
    if (!special && at < text.size()) {
      ++at;
      continue;
    }
    llvm::StringRef plain = text.slice(begin, at);
    if (special && special->token.stripLeft)
      plain = plain.rtrim(" \t\n\v\f\r");
    if (llvm::Error error = encodePlain(plain, prefix, result))
      return error;
    if (!plain.empty())
      prefix = false;
    if (!special)
      break;
    result.push_back(special->token.id);
    prefix = vocabulary.spacePrefix == SpacePrefix::Always;
    begin = at + special->text.size();
    if (special->token.stripRight)
      begin = text.size() - text.drop_front(begin).ltrim(" \t\n\v\f\r").size();
    at = begin;
  }
  if (!continued)
    result.insert(result.end(), vocabulary.suffix.begin(), vocabulary.suffix.end());
  return result;
}

// ---- Tokens to text ---------------------------------------------------------

std::string Tokenizer::getBytes(int32_t token) const {
  if (token < 0 || token >= size())
    return "";
  const std::string &text = vocabulary.tokens[token];
  switch (vocabulary.kinds[token]) {
  case TokenKind::Control:
    return "";
  case TokenKind::UserDefined:
    return vocabulary.escapedSpaces ? replaceAll(text, kSpaceLetter, " ") : text;
  case TokenKind::Byte: {
    const auto *found = llvm::find(byteTokens, token);
    return found == byteTokens.end() ? text : std::string(1, char(found - byteTokens.begin()));
  }
  default:
    if (vocabulary.escapedSpaces)
      return replaceAll(text, kSpaceLetter, " ");
    if (vocabulary.byteLetters)
      return fromByteLetters(text).value_or(text);
    return text;
  }
}

int32_t Tokenizer::find(llvm::StringRef text) const {
  auto found = all.find(text);
  return found == all.end() ? kNoToken : found->second;
}

bool Tokenizer::isEnd(int32_t token) const { return llvm::is_contained(vocabulary.ends, token); }

TextStream::TextStream(const Tokenizer &tokenizer, bool fresh)
    : tokenizer(tokenizer),
      dropSpace(fresh && tokenizer.getVocabulary().spacePrefix != SpacePrefix::Never) {}

std::string TextStream::push(int32_t token) {
  std::string bytes = tokenizer.getBytes(token);
  if (dropSpace && !bytes.empty()) {
    dropSpace = false;
    if (bytes[0] == ' ')
      bytes.erase(0, 1);
  }
  return characters.push(bytes);
}
