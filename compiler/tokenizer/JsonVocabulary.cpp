// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The file is a tree of steps, each an object with a "type". A step is read
// into the fields of Vocabulary that mean the same, or refused by its name; a
// field that changes what a step does is looked at even where it is rare.

#include "compiler/tokenizer/JsonVocabulary.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/JSON.h"

using namespace tercet::tokenizer;
using llvm::json::Array;
using llvm::json::Object;

static constexpr llvm::StringLiteral kSpaceLetter = "\xE2\x96\x81";

static llvm::Error failure(const llvm::Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "tokenizer.json: " + text);
}

static bool getFlag(const Object &object, llvm::StringRef key, bool absent = false) {
  return object.getBoolean(key).value_or(absent);
}

static llvm::StringRef getText(const Object &object, llvm::StringRef key) {
  return object.getString(key).value_or("");
}

/// Calls `read` for a step, or for each of a sequence; nothing for null.
static llvm::Error forEachStep(const Object *step, llvm::StringRef list,
                               llvm::function_ref<llvm::Error(const Object &)> read) {
  if (!step)
    return llvm::Error::success();
  if (getText(*step, "type") != "Sequence")
    return read(*step);
  const Array *steps = step->getArray(list);
  if (!steps)
    return failure("expected '" + list + "' in a Sequence");
  for (const llvm::json::Value &each : *steps) {
    const Object *object = each.getAsObject();
    if (!object)
      return failure("expected an object in a Sequence");
    if (llvm::Error error = forEachStep(object, list, read))
      return error;
  }
  return llvm::Error::success();
}

// ---- Model ------------------------------------------------------------------

static void setToken(Vocabulary &vocabulary, size_t id, llvm::StringRef text) {
  if (vocabulary.tokens.size() <= id) {
    vocabulary.tokens.resize(id + 1);
    // Numbers without a token are no text's.
    vocabulary.kinds.resize(id + 1, TokenKind::Unused);
  }
  vocabulary.tokens[id] = text.str();
  vocabulary.kinds[id] = TokenKind::Normal;
}

static void readByteTokens(Vocabulary &vocabulary) {
  for (auto [id, token] : llvm::enumerate(vocabulary.tokens)) {
    llvm::StringRef text = token;
    unsigned value;
    if (text.size() == 6 && text.consume_front("<0x") && text.consume_back(">") &&
        !text.getAsInteger(16, value))
      vocabulary.kinds[id] = TokenKind::Byte;
  }
}

static llvm::Error readMerges(const Object &model, Vocabulary &vocabulary) {
  const Array *merges = model.getArray("merges");
  if (!merges)
    return failure("expected 'merges' in a model BPE");
  for (const llvm::json::Value &merge : *merges) {
    std::pair<std::string, std::string> pair;
    if (const Array *parts = merge.getAsArray(); parts && parts->size() == 2) {
      pair = {(*parts)[0].getAsString().value_or("").str(),
              (*parts)[1].getAsString().value_or("").str()};
    } else if (std::optional<llvm::StringRef> text = merge.getAsString()) {
      auto [left, right] = text->split(' ');
      pair = {left.str(), right.contains(' ') ? "" : right.str()};
    }
    if (pair.first.empty() || pair.second.empty())
      return failure("expected a merge of two tokens, got " + llvm::formatv("{0}", merge).str());
    vocabulary.merges.push_back(std::move(pair));
  }
  return llvm::Error::success();
}

static llvm::Error readPairEncoding(const Object &model, Vocabulary &vocabulary) {
  vocabulary.algorithm = Algorithm::RankedMerges;
  const Object *tokens = model.getObject("vocab");
  if (!tokens)
    return failure("expected 'vocab' in a model BPE");
  for (const auto &[text, value] : *tokens) {
    std::optional<int64_t> id = value.getAsInteger();
    if (!id || *id < 0 || *id >= 1 << 24)
      return failure("expected a number below 2^24 for token '" + llvm::StringRef(text) + "'");
    setToken(vocabulary, *id, text);
  }
  for (llvm::StringRef key : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (!getText(model, key).empty())
      return failure("a model BPE with '" + key + "' is not supported");
  if (std::optional<double> dropout = model.getNumber("dropout"); dropout && *dropout > 0)
    return failure("a model BPE with 'dropout' is not supported");
  vocabulary.wholePieces = getFlag(model, "ignore_merges");
  vocabulary.fusedUnknown = getFlag(model, "fuse_unk");
  if (std::optional<llvm::StringRef> unknown = model.getString("unk_token")) {
    auto found = llvm::find(vocabulary.tokens, unknown->str());
    if (found == vocabulary.tokens.end())
      return failure("'unk_token' is '" + *unknown + "', which is not in 'vocab'");
    vocabulary.unknown = int32_t(found - vocabulary.tokens.begin());
    vocabulary.kinds[*vocabulary.unknown] = TokenKind::Unknown;
  }
  return readMerges(model, vocabulary);
}

static llvm::Error readUnigram(const Object &model, Vocabulary &vocabulary) {
  vocabulary.algorithm = Algorithm::Unigram;
  vocabulary.fusedUnknown = true;
  const Array *tokens = model.getArray("vocab");
  if (!tokens)
    return failure("expected 'vocab' in a model Unigram");
  for (const llvm::json::Value &each : *tokens) {
    const Array *pair = each.getAsArray();
    std::optional<llvm::StringRef> text;
    std::optional<double> score;
    if (pair && pair->size() == 2)
      text = (*pair)[0].getAsString(), score = (*pair)[1].getAsNumber();
    if (!text || !score)
      return failure("expected [token, score] in 'vocab' of a model Unigram");
    setToken(vocabulary, vocabulary.tokens.size(), *text);
    vocabulary.scores.push_back(float(*score));
  }
  if (std::optional<int64_t> unknown = model.getInteger("unk_id")) {
    if (*unknown < 0 || *unknown >= int64_t(vocabulary.tokens.size()))
      return failure("'unk_id' " + llvm::Twine(*unknown) + " is outside of 'vocab'");
    vocabulary.unknown = int32_t(*unknown);
    vocabulary.kinds[*unknown] = TokenKind::Unknown;
  }
  return llvm::Error::success();
}

static llvm::Error readModel(const Object &model, Vocabulary &vocabulary) {
  llvm::StringRef type = getText(model, "type");
  llvm::Error error = type == "BPE" || (type.empty() && model.getArray("merges"))
                          ? readPairEncoding(model, vocabulary)
                      : type == "Unigram"
                          ? readUnigram(model, vocabulary)
                          : failure("expected a model BPE or Unigram, got '" + type + "'");
  if (error)
    return error;
  vocabulary.byteFallback = getFlag(model, "byte_fallback");
  if (vocabulary.byteFallback)
    readByteTokens(vocabulary);
  return llvm::Error::success();
}

// ---- Preparation ------------------------------------------------------------

static llvm::Error readNormalizer(const Object &step, Vocabulary &vocabulary) {
  llvm::StringRef type = getText(step, "type");
  if (type == "NFC") {
    vocabulary.composed = true;
    return llvm::Error::success();
  }
  const Object *pattern = step.getObject("pattern");
  if (type == "Prepend" && getText(step, "prepend") == kSpaceLetter) {
    vocabulary.spacePrefix = SpacePrefix::Always;
    return llvm::Error::success();
  }
  if (type == "Replace" && pattern && getText(*pattern, "String") == " " &&
      getText(step, "content") == kSpaceLetter) {
    vocabulary.escapedSpaces = true;
    return llvm::Error::success();
  }
  return failure("the normalizer " + llvm::formatv("{0}", llvm::json::Value(Object(step))).str() +
                 " is not supported; expected NFC, or spaces that become U+2581");
}

static llvm::Error readSplit(const Object &step, Vocabulary &vocabulary) {
  const Object *pattern = step.getObject("pattern");
  std::optional<llvm::StringRef> regex = pattern ? pattern->getString("Regex") : std::nullopt;
  std::optional<llvm::StringRef> text = pattern ? pattern->getString("String") : std::nullopt;
  llvm::StringRef behavior = getText(step, "behavior");
  bool removed = behavior == "Removed", inverted = getFlag(step, "invert");
  if ((!regex && !text) || (behavior != "Isolated" && !(removed && inverted)))
    return failure("a pre-tokenizer Split with behavior '" + behavior + "'" +
                   (inverted ? " and invert" : "") +
                   " is not supported; expected Isolated, or Removed with invert");
  vocabulary.splits.push_back({regex ? regex->str() : "\\Q" + text->str() + "\\E", removed});
  return llvm::Error::success();
}

static llvm::Error readPreTokenizer(const Object &step, Vocabulary &vocabulary) {
  llvm::StringRef type = getText(step, "type");
  if (type == "Split")
    return readSplit(step, vocabulary);
  if (type == "Digits") {
    vocabulary.splits.push_back({getFlag(step, "individual_digits") ? R"(\p{N})" : R"(\p{N}+)"});
    return llvm::Error::success();
  }
  if (type == "ByteLevel") {
    if (getFlag(step, "add_prefix_space")) {
      if (!vocabulary.splits.empty())
        return failure("a ByteLevel that adds a space to each piece is not supported; expected it "
                       "before all splits");
      vocabulary.spacePrefix = SpacePrefix::Always;
      vocabulary.existingSpaceCounts = true;
    }
    vocabulary.byteLetters = true;
    if (getFlag(step, "use_regex", true))
      vocabulary.splits.push_back({kGpt2Pattern});
    return llvm::Error::success();
  }
  if (type == "Metaspace" && getText(step, "replacement") == kSpaceLetter) {
    llvm::StringRef scheme = getText(step, "prepend_scheme");
    if (scheme.empty())
      scheme = getFlag(step, "add_prefix_space", true) ? "always" : "never";
    vocabulary.escapedSpaces = true;
    vocabulary.spacePrefix = scheme == "always"  ? SpacePrefix::Always
                             : scheme == "first" ? SpacePrefix::First
                                                 : SpacePrefix::Never;
    vocabulary.existingSpaceCounts = true;
    if (getFlag(step, "split", true))
      vocabulary.splits.push_back({"\\u2581?[^\\u2581]+|\\u2581"});
    return llvm::Error::success();
  }
  return failure("the pre-tokenizer '" + type +
                 "' is not supported; expected Split, Digits, ByteLevel or Metaspace");
}

// ---- Special tokens ---------------------------------------------------------

static llvm::Error readAddedToken(const Object &token, Vocabulary &vocabulary) {
  std::optional<int64_t> id = token.getInteger("id");
  llvm::StringRef text = getText(token, "content");
  if (!id || *id < 0 || *id >= 1 << 24 || text.empty())
    return failure("expected an id and a content for each added token");
  if (getFlag(token, "single_word"))
    return failure("the added token '" + text + "' is a single word, which is not supported");
  setToken(vocabulary, *id, text);
  vocabulary.kinds[*id] = getFlag(token, "special") ? TokenKind::Control : TokenKind::UserDefined;
  if (vocabulary.algorithm == Algorithm::Unigram)
    vocabulary.scores.resize(vocabulary.tokens.size());
  vocabulary.specials.push_back({int32_t(*id), getFlag(token, "lstrip"), getFlag(token, "rstrip")});
  return llvm::Error::success();
}

static llvm::Error readTemplate(const Object &step, Vocabulary &vocabulary) {
  const Array *single = step.getArray("single");
  const Object *specials = step.getObject("special_tokens");
  bool before = true;
  for (size_t i = 0; single && i < single->size(); ++i) {
    const Object *part = (*single)[i].getAsObject();
    if (part && part->getObject("Sequence")) {
      before = false;
      continue;
    }
    const Object *special = part ? part->getObject("SpecialToken") : nullptr;
    const Object *known =
        special && specials ? specials->getObject(getText(*special, "id")) : nullptr;
    const Array *ids = known ? known->getArray("ids") : nullptr;
    if (!ids)
      return failure("the post-processor's template names a token that it does not define");
    for (const llvm::json::Value &id : *ids)
      (before ? vocabulary.prefix : vocabulary.suffix)
          .push_back(int32_t(id.getAsInteger().value_or(-1)));
  }
  return llvm::Error::success();
}

static llvm::Error readPostProcessor(const Object &step, Vocabulary &vocabulary) {
  llvm::StringRef type = getText(step, "type");
  if (type == "ByteLevel") // offsets only
    return llvm::Error::success();
  if (type == "TemplateProcessing")
    return readTemplate(step, vocabulary);
  return failure("the post-processor '" + type +
                 "' is not supported; expected TemplateProcessing or ByteLevel");
}

// ---- tokenizer_config.json --------------------------------------------------

static std::string readTokenText(const Object &config, llvm::StringRef key) {
  if (const Object *token = config.getObject(key))
    return getText(*token, "content").str();
  return getText(config, key).str();
}

static llvm::Error readConfig(llvm::StringRef text, Vocabulary &vocabulary) {
  llvm::Expected<llvm::json::Value> parsed = llvm::json::parse(text);
  const Object *config = parsed ? parsed->getAsObject() : nullptr;
  if (!config)
    return failure("tokenizer_config.json: " +
                   (parsed ? "expected an object" : llvm::toString(parsed.takeError())));
  vocabulary.chatTemplate = getText(*config, "chat_template").str();
  vocabulary.beginText = readTokenText(*config, "bos_token");
  vocabulary.endText = readTokenText(*config, "eos_token");
  auto found = llvm::find(vocabulary.tokens, vocabulary.endText);
  if (!vocabulary.endText.empty() && found != vocabulary.tokens.end())
    vocabulary.ends.push_back(int32_t(found - vocabulary.tokens.begin()));
  return llvm::Error::success();
}

/// Where no file says what ends a text: the names that models use for it.
static void guessEnds(Vocabulary &vocabulary) {
  for (auto [id, token] : llvm::enumerate(vocabulary.tokens))
    if (vocabulary.kinds[id] == TokenKind::Control &&
        llvm::is_contained({"</s>", "<|endoftext|>", "<|im_end|>", "<|eot_id|>", "<|end_of_text|>",
                            "<|end|>", "<|eom_id|>"},
                           llvm::StringRef(token)) &&
        !llvm::is_contained(vocabulary.ends, int32_t(id)))
      vocabulary.ends.push_back(int32_t(id));
}

llvm::Expected<Vocabulary> tercet::tokenizer::readJsonVocabulary(llvm::StringRef text,
                                                                 llvm::StringRef config) {
  llvm::Expected<llvm::json::Value> parsed = llvm::json::parse(text);
  if (!parsed)
    return failure(llvm::toString(parsed.takeError()));
  const Object *root = parsed->getAsObject();
  const Object *model = root ? root->getObject("model") : nullptr;
  if (!model)
    return failure("expected an object with 'model'");
  Vocabulary vocabulary;
  if (llvm::Error error = readModel(*model, vocabulary))
    return error;
  auto with = [&](llvm::Error (*read)(const Object &, Vocabulary &)) {
    return [&vocabulary, read](const Object &step) { return read(step, vocabulary); };
  };
  if (llvm::Error error =
          forEachStep(root->getObject("normalizer"), "normalizers", with(readNormalizer)))
    return error;
  if (llvm::Error error =
          forEachStep(root->getObject("pre_tokenizer"), "pretokenizers", with(readPreTokenizer)))
    return error;
  if (const Array *added = root->getArray("added_tokens"))
    for (const llvm::json::Value &token : *added)
      if (const Object *object = token.getAsObject())
        if (llvm::Error error = readAddedToken(*object, vocabulary))
          return error;
  if (llvm::Error error =
          forEachStep(root->getObject("post_processor"), "processors", with(readPostProcessor)))
    return error;
  if (!config.empty())
    if (llvm::Error error = readConfig(config, vocabulary))
      return error;
  guessEnds(vocabulary);
  return vocabulary;
}
