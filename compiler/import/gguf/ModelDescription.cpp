// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Keys are those of the format's specification. What older files leave out has
// the value that the architecture's first converter took for granted.

#include "compiler/import/gguf/ModelDescription.h"

#include "compiler/import/QuotedName.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace llvm;
using namespace tercet;
using namespace tercet::gguf;
using namespace tercet::decoder;

namespace {

// No model is larger; products of any three of them fit 64 bits.
constexpr int64_t kMaxSize = 1 << 20;
constexpr int64_t kMaxLayers = 1000;

class DescriptionReader {
public:
  DescriptionReader(const Model &model, function_ref<void(const Twine &)> error)
      : model(model), metadata(model.getMetadata()), report(error) {}

  Description read();

private:
  void error(const Twine &text) {
    failed = true;
    report(text);
  }
  const Value *find(StringRef key);
  std::string name(StringRef key) const { return "metadata '" + prefix + key.str() + "'"; }

  int64_t integer(StringRef key, int64_t least, int64_t most,
                  std::optional<int64_t> absent = std::nullopt);
  double number(StringRef key, std::optional<double> absent = std::nullopt);
  bool boolean(StringRef key, std::optional<bool> absent = std::nullopt);
  StringRef text(StringRef key, StringRef absent);

  void readSizes();
  void readHeads();
  void readPositions();
  void readScaling();
  void readFactorTensors();
  void readScales();
  void readVocabulary();
  void refuseUnknown();

  const Model &model;
  const Metadata &metadata;
  function_ref<void(const Twine &)> report;
  Description result;
  /// "llama."
  std::string prefix;
  StringSet<> known;
  bool failed = false;
};

} // namespace

const Value *DescriptionReader::find(StringRef key) {
  std::string full = prefix + key.str();
  known.insert(full);
  return metadata.lookup(full);
}

int64_t DescriptionReader::integer(StringRef key, int64_t least, int64_t most,
                                   std::optional<int64_t> absent) {
  const Value *value = find(key);
  if (!value) {
    if (!absent)
      error(name(key) + ": expected an integer, got no such key");
    return absent.value_or(least);
  }
  std::optional<int64_t> got = value->getInteger();
  // Some files have a value for each layer.
  if (value->isArray() && value->size() > 0 && bytesOf(value->getElementType())) {
    got = value->at(0).getInteger();
    for (uint64_t i = 1; got && i < value->size(); ++i)
      if (value->at(i).getInteger() != got) {
        error(name(key) + ": expected the same value for every layer, got " + Twine(*got) +
              " and another one; such models are not supported");
        return *got;
      }
  }
  if (!got || *got < least || *got > most) {
    error(name(key) + ": expected an integer from " + Twine(least) + " to " + Twine(most) +
          ", got " + (got ? std::to_string(*got) : value->describe()));
    return least;
  }
  return *got;
}

double DescriptionReader::number(StringRef key, std::optional<double> absent) {
  const Value *value = find(key);
  if (!value) {
    if (!absent)
      error(name(key) + ": expected a number, got no such key");
    return absent.value_or(1);
  }
  std::optional<double> got = value->getNumber();
  if (got && std::isfinite(*got))
    return *got;
  error(name(key) + ": expected a finite number, got " +
        (got ? std::to_string(*got) : value->describe()));
  return absent.value_or(1);
}

bool DescriptionReader::boolean(StringRef key, std::optional<bool> absent) {
  const Value *value = find(key);
  std::optional<bool> got = value ? value->getBool() : absent;
  if (!got)
    error(name(key) + ": expected a bool, got " + (value ? value->describe() : "no such key"));
  return got.value_or(false);
}

StringRef DescriptionReader::text(StringRef key, StringRef absent) {
  const Value *value = find(key);
  std::optional<StringRef> got = value ? value->getString() : absent;
  if (!got)
    error(name(key) + ": expected a string, got " + value->describe());
  return got.value_or(absent);
}

void DescriptionReader::readSizes() {
  result.positions = integer("context_length", 1, int64_t(1) << 24);
  result.width = integer("embedding_length", 1, kMaxSize);
  result.layers = integer("block_count", 1, kMaxLayers);
  result.feedForward = integer("feed_forward_length", 1, kMaxSize);
  bool isRms = result.architecture->norm == Norm::Rms;
  StringRef key = isRms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon";
  result.epsilon = number(key);
  // The norm's kind is the family's, whatever else a converter writes.
  (void)find(isRms ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon");
  if (result.epsilon <= 0 || result.epsilon > 1)
    error(name(key) + ": expected more than 0 and at most 1, got " +
          std::to_string(result.epsilon));
}

void DescriptionReader::readHeads() {
  result.heads = integer("attention.head_count", 1, kMaxSize);
  result.keyHeads = integer("attention.head_count_kv", 1, kMaxSize, result.heads);
  if (failed)
    return;
  if (result.heads % result.keyHeads != 0)
    error(name("attention.head_count_kv") + ": expected a divisor of the " + Twine(result.heads) +
          " heads of queries, got " + Twine(result.keyHeads));
  bool isStated = find("attention.key_length") != nullptr;
  if (!isStated && result.width % result.heads != 0)
    return error(name("attention.head_count") + ": expected a divisor of the width " +
                 Twine(result.width) + ", got " + Twine(result.heads));
  result.headSize =
      integer("attention.key_length", 2, 4096, isStated ? 0 : result.width / result.heads);
  int64_t valueSize = integer("attention.value_length", 2, 4096, result.headSize);
  if (valueSize != result.headSize)
    error(name("attention.value_length") + ": expected " + Twine(result.headSize) +
          ", the length of keys, got " + Twine(valueSize) + "; such models are not supported");
  if (result.headSize < 2 || result.headSize > 4096)
    error(name("attention.head_count") + ": expected heads of 2 to 4096 elements, got " +
          Twine(result.headSize));
  result.attentionScale =
      number("attention.scale", 1 / std::sqrt(double(std::max<int64_t>(result.headSize, 1))));
}

void DescriptionReader::readPositions() {
  const Architecture &family = *result.architecture;
  result.position = family.position;
  result.joinedQkv = family.joinedQkv;
  result.pairs = family.rearrangedInGguf ? Pairs::Neighbours : family.pairs;
  result.maxBias = number("attention.max_alibi_bias", 0);
  // Of Baichuan the larger model has ALiBi, and files do not say so.
  if (StringRef(family.name) == "baichuan" && result.maxBias == 0 && result.layers == 40)
    result.maxBias = 8;
  if (StringRef(family.name) == "baichuan" && result.maxBias > 0)
    result.position = Position::Linear;
  if ((result.position == Position::Linear) != (result.maxBias > 0))
    error(name("attention.max_alibi_bias") + ": expected " +
          (result.position == Position::Linear ? "more than 0" : "0") +
          " for this architecture, got " + std::to_string(result.maxBias));
  int64_t window = integer("attention.sliding_window", 0, int64_t(1) << 30, 0);
  if (window > 0)
    result.window = window;
  if (result.position == Position::Rotary)
    readScaling();
  else
    for (StringRef key : {"rope.dimension_count", "rope.freq_base"})
      (void)number(key, 0); // Converters write them for every family.
}

void DescriptionReader::readScaling() {
  Rotary &rotary = result.rotary;
  rotary.rotated = integer("rope.dimension_count", 2, 4096, result.headSize);
  if (rotary.rotated > result.headSize || rotary.rotated % 2 != 0 || result.headSize % 2 != 0)
    error(name("rope.dimension_count") + ": expected an even number of up to " +
          Twine(result.headSize) + " dimensions of a head, got " + Twine(rotary.rotated));
  rotary.theta = number("rope.freq_base", 10000);
  if (rotary.theta <= 0)
    error(name("rope.freq_base") + ": expected more than 0, got " + std::to_string(rotary.theta));
  double legacy = number("rope.scale_linear", 1);
  StringRef type = text("rope.scaling.type", legacy == 1 ? "none" : "linear");
  double factor = number("rope.scaling.factor", legacy);
  double attention = number("rope.scaling.attn_factor", 1);
  int64_t original =
      integer("rope.scaling.original_context_length", 1, int64_t(1) << 30, result.positions);
  (void)boolean("rope.scaling.finetuned", false);
  double fast = number("rope.scaling.yarn_beta_fast", 32),
         slow = number("rope.scaling.yarn_beta_slow", 1);
  if (failed)
    return;
  if (factor <= 0 || attention <= 0)
    return error(name("rope.scaling.factor") + ": expected factors of more than 0, got " +
                 std::to_string(factor) + " and for attention " + std::to_string(attention));
  rotary.attention = attention;
  if (type == "linear") {
    rotary.factors.assign(rotary.rotated / 2, factor);
  } else if (type == "yarn") {
    if (fast <= slow || slow <= 0 || rotary.theta <= 1)
      return error(name("rope.scaling.yarn_beta_fast") +
                   ": expected more than yarn_beta_slow, got " + std::to_string(fast) + " and " +
                   std::to_string(slow));
    rotary.factors = yarnFactors(rotary, factor, double(original), fast, slow);
    if (factor > 1)
      rotary.attention *= 0.1 * std::log(factor) + 1;
  } else if (type != "none" && type != "longrope") {
    error(name("rope.scaling.type") + ": expected none, linear, yarn or longrope, got " +
          quoted(type));
  }
  rotary.original = original;
  readFactorTensors();
}

/// Llama 3 and LongRoPE have their factors among the tensors.
void DescriptionReader::readFactorTensors() {
  Rotary &rotary = result.rotary;
  bool llama3 = model.lookup("rope_freqs.weight").tensor;
  bool isLong = model.lookup("rope_factors_long.weight").tensor;
  if (!isLong)
    rotary.original = 0;
  if (int(llama3) + int(isLong) + int(!rotary.factors.empty()) > 1)
    return error(name("rope.scaling.type") +
                 ": expected one kind of scaling, got several among it and the tensors "
                 "rope_freqs.weight and rope_factors_long.weight");
  if (llama3)
    rotary.factorsTensor = "rope_freqs.weight";
  if (isLong) {
    rotary.factorsTensor = "rope_factors_long.weight";
    rotary.shortFactorsTensor = "rope_factors_short.weight";
  }
}

void DescriptionReader::readScales() {
  const Architecture &family = *result.architecture;
  if (StringRef(family.name) == "minicpm") {
    result.embeddingScale = number("embedding_scale", 12);
    result.residualScale = number("residual_scale", 1.4 / std::sqrt(double(result.layers)));
    // The states before the head are divided by it.
    double divisor = number("logit_scale", double(result.width) / 256);
    result.logitScale = 1 / divisor;
    if (divisor == 0)
      error(name("logit_scale") + ": expected a number other than 0");
  }
  result.parallel = family.residual == Residual::ParallelNorm;
  if (family.residual == Residual::StatedByModel)
    result.parallel = boolean("use_parallel_residual");
  if (number("attention.clamp_kqv", 0) != 0)
    error(name("attention.clamp_kqv") + ": expected 0; queries and keys that are clamped are not "
                                        "supported");
  if (!boolean("attention.causal", true))
    error(name("attention.causal") + ": expected true, got false");
  for (StringRef key : {"expert_count", "expert_used_count"})
    if (integer(key, 0, kMaxSize, 0) != 0)
      error(name(key) + ": expected 0; mixtures of experts are not supported");
}

void DescriptionReader::readVocabulary() {
  const Tensor *embedding = model.lookup("token_embd.weight").tensor;
  if (!embedding || embedding->shape.size() != 2)
    return error("tensor 'token_embd.weight': expected a matrix of a row for each token, got " +
                 Twine(embedding ? "another shape" : "none"));
  result.vocabulary = embedding->shape[0];
  int64_t stated = integer("vocab_size", 1, kMaxSize * 16, result.vocabulary);
  if (stated != result.vocabulary)
    error(name("vocab_size") + ": expected " + Twine(result.vocabulary) +
          ", the rows of tensor 'token_embd.weight', got " + Twine(stated));
  const Value *tokens = metadata.lookup("tokenizer.ggml.tokens");
  if (tokens && tokens->isArray() && tokens->size() != uint64_t(result.vocabulary))
    error("metadata 'tokenizer.ggml.tokens': expected " + Twine(result.vocabulary) +
          " tokens, the rows of tensor 'token_embd.weight', got " + Twine(tokens->size()));
  if (result.vocabulary > kMaxSize * 16)
    error("tensor 'token_embd.weight': expected at most " + Twine(kMaxSize * 16) + " rows, got " +
          Twine(result.vocabulary));
}

void DescriptionReader::refuseUnknown() {
  StringRef layout = text("tensor_data_layout", "");
  if (!layout.empty() && layout != "Meta AI original pth" && layout != "jploski")
    error(name("tensor_data_layout") + ": expected a known order of rows, got " + quoted(layout));
  for (const auto &[key, value] : metadata.pairs())
    if (key.starts_with(prefix) && !known.contains(key))
      error("metadata " + quoted(key) + ": expected keys that are known for architecture '" +
            result.architecture->name + "'; what this one means is not supported");
}

Description DescriptionReader::read() {
  const Value *type = metadata.lookup("general.type");
  if (type && type->getString().value_or("") != "model") {
    error("metadata 'general.type': expected 'model', got " +
          quoted(type->getString().value_or(type->describe())));
    return result;
  }
  const Value *name = metadata.lookup("general.architecture");
  std::optional<StringRef> text = name ? name->getString() : std::nullopt;
  if (!text) {
    error("metadata 'general.architecture': expected a string, got " +
          (name ? name->describe() : "no such key"));
    return result;
  }
  result.architecture = lookupArchitecture(*text);
  if (!result.architecture) {
    error("metadata 'general.architecture': expected one of " + architectureNames() + ", got " +
          quoted(*text));
    return result;
  }
  prefix = text->str() + ".";
  readSizes();
  readHeads();
  if (failed)
    return result;
  readPositions();
  readScales();
  readVocabulary();
  refuseUnknown();
  return result;
}

Description tercet::gguf::describeModel(const Model &model,
                                        function_ref<void(const Twine &)> error) {
  return DescriptionReader(model, error).read();
}
