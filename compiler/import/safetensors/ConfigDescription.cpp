// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The same quantity has several names among the families; each is looked for
// under all of them, in the order of the lists. Absent values are the defaults
// of the families' own code.

#include "compiler/import/safetensors/ConfigDescription.h"

#include "compiler/import/QuotedName.h"

#include <cmath>

using namespace llvm;
using namespace tercet;
using namespace tercet::safetensors;
using namespace tercet::decoder;

namespace {

constexpr int64_t kMaxSize = 1 << 20;
using Keys = ArrayRef<const char *>;

class ConfigReader {
public:
  ConfigReader(const json::Object &config, function_ref<void(const Twine &)> error)
      : config(config), report(error) {}

  ModelConfig read();

private:
  void error(const Twine &text) {
    failed = true;
    report("config.json: " + text);
  }
  static const json::Value *find(const json::Object &object, Keys keys, StringRef &found);
  const json::Value *find(Keys keys, StringRef &found) { return find(config, keys, found); }
  int64_t integer(Keys keys, int64_t least, int64_t most,
                  std::optional<int64_t> absent = std::nullopt);
  double number(const json::Object &object, Keys keys, std::optional<double> absent = std::nullopt);
  double number(Keys keys, std::optional<double> absent = std::nullopt) {
    return number(config, keys, absent);
  }
  /// A number that is computed, as a size; 0 where it cannot be one.
  static int64_t sizeOf(double value) {
    return value >= 1 && value <= double(1 << 30) ? int64_t(value) : 0;
  }
  std::optional<bool> boolean(const json::Object &object, StringRef key);
  std::optional<bool> boolean(StringRef key) { return boolean(config, key); }
  bool is(StringRef type) const { return type == result.architecture->modelType; }

  void refuseUnsupported();
  void readSizes();
  void readHeads();
  void readPositions();
  void readWindow();
  void readScaling();
  void readLongRope(const json::Object &scaling);
  void readActivation();
  void readFamily();
  void readMpt();

  const json::Object &config;
  function_ref<void(const Twine &)> report;
  ModelConfig model;
  Description &result = model.description;
  bool failed = false;
};

} // namespace

const json::Value *ConfigReader::find(const json::Object &object, Keys keys, StringRef &found) {
  for (StringRef key : keys) {
    const json::Value *value = object.get(key);
    found = key;
    if (value && value->kind() != json::Value::Null)
      return value;
  }
  found = keys[0];
  return nullptr;
}

int64_t ConfigReader::integer(Keys keys, int64_t least, int64_t most,
                              std::optional<int64_t> absent) {
  StringRef key;
  const json::Value *value = find(keys, key);
  if (!value && absent)
    return *absent;
  std::optional<int64_t> got = value ? value->getAsInteger() : std::nullopt;
  if (got && *got >= least && *got <= most)
    return *got;
  error("'" + key + "': expected an integer from " + Twine(least) + " to " + Twine(most) +
        ", got " +
        (got     ? std::to_string(*got)
         : value ? "something else"
                 : "no such key"));
  return least;
}

double ConfigReader::number(const json::Object &object, Keys keys, std::optional<double> absent) {
  StringRef key;
  const json::Value *value = find(object, keys, key);
  if (!value && absent)
    return *absent;
  std::optional<double> got = value ? value->getAsNumber() : std::nullopt;
  if (got && std::isfinite(*got))
    return *got;
  error("'" + key + "': expected a finite number, got " +
        (value ? "something else" : "no such key"));
  return absent.value_or(1);
}

std::optional<bool> ConfigReader::boolean(const json::Object &object, StringRef key) {
  const json::Value *value = object.get(key);
  if (!value || value->kind() == json::Value::Null)
    return std::nullopt;
  std::optional<bool> got = value->getAsBoolean();
  if (!got)
    error("'" + key + "': expected true or false");
  return got;
}

/// Keys that make a model another one than its family's row describes.
void ConfigReader::refuseUnsupported() {
  for (StringRef key :
       {"compression_config", "num_experts", "num_local_experts", "n_routed_experts",
        "attn_logit_softcapping", "final_logit_softcapping", "logits_soft_cap", "clip_qkv",
        "add_cross_attention", "scale_attn_by_inverse_layer_idx", "prefix_lm", "pre_seq_len",
        "apply_residual_connection_post_layernorm", "post_layer_norm", "is_encoder_decoder"}) {
    const json::Value *value = config.get(key);
    if (!value || value->kind() == json::Value::Null)
      continue;
    std::optional<bool> flag = value->getAsBoolean();
    std::optional<double> amount = value->getAsNumber();
    // The name means the opposite of the others.
    bool expected = key == "post_layer_norm";
    if ((flag && *flag == expected) || (!flag && amount && *amount == 0))
      continue;
    error("'" + key + "': such models are not supported");
  }
  if (!boolean("scale_attn_weights").value_or(true))
    error("'scale_attn_weights': expected true, got false");
}

void ConfigReader::readSizes() {
  result.layers = integer({"num_hidden_layers", "n_layer", "n_layers", "num_layers"}, 1, 1000);
  result.width = integer({"hidden_size", "n_embd", "d_model"}, 1, kMaxSize);
  result.vocabulary = integer({"padded_vocab_size", "vocab_size"}, 1, kMaxSize * 16);
  result.positions = integer(
      {"max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "model_max_length"},
      1, int64_t(1) << 24, is("falcon") ? std::optional<int64_t>(2048) : std::nullopt);
  // Where the inner size may be left out it is four times the width.
  bool hasDefault = is("gpt2") || is("gpt_bigcode") || is("falcon");
  if (is("mpt"))
    result.feedForward = sizeOf(number(Keys{"expansion_ratio"}, 4) * double(result.width));
  else
    result.feedForward =
        integer({"intermediate_size", "n_inner", "ffn_hidden_size"}, 1, kMaxSize * 4,
                hasDefault ? std::optional<int64_t>(4 * result.width) : std::nullopt);
  if (result.feedForward < 1)
    error("'expansion_ratio': expected an inner size from 1 on, got another one");
  bool isRms = result.architecture->norm == Norm::Rms;
  result.epsilon = isRms ? number({"rms_norm_eps", "layernorm_epsilon"}, 1e-5)
                         : number({"layer_norm_eps", "layer_norm_epsilon", "norm_epsilon"}, 1e-5);
  if (result.epsilon <= 0 || result.epsilon > 1)
    error("epsilon of the norms: expected more than 0 and at most 1, got " +
          std::to_string(result.epsilon));
}

void ConfigReader::readHeads() {
  result.heads = integer({"num_attention_heads", "n_head", "n_heads"}, 1, kMaxSize);
  std::optional<int64_t> keyHeads = result.heads;
  if (is("falcon")) {
    model.twoNorms = boolean("new_decoder_architecture").value_or(false);
    if (model.twoNorms)
      model.twoNorms = integer({"num_ln_in_parallel_attn"}, 1, 2, 2) == 2;
    if (!boolean("new_decoder_architecture").value_or(false) &&
        boolean("multi_query").value_or(true))
      keyHeads = 1;
  } else if (is("gpt_bigcode")) {
    if (!boolean("multi_query").value_or(true))
      error("'multi_query': expected true, got false; such models are not supported");
    keyHeads = 1;
  }
  bool isGrouped = !is("chatglm") || boolean("multi_query_attention").value_or(false);
  bool isFixed = is("gpt_bigcode") || (is("falcon") && keyHeads == 1) || !isGrouped;
  result.keyHeads = isFixed
                        ? *keyHeads
                        : integer({"num_key_value_heads", "num_kv_heads", "multi_query_group_num"},
                                  1, kMaxSize, keyHeads);
  if (failed)
    return;
  if (result.heads % result.keyHeads != 0)
    error("'num_key_value_heads': expected a divisor of the " + Twine(result.heads) +
          " heads of queries, got " + Twine(result.keyHeads));
  StringRef key;
  bool isStated = find({"head_dim", "kv_channels"}, key) != nullptr;
  if (!isStated && result.width % result.heads != 0)
    return error("number of heads: expected a divisor of the width " + Twine(result.width) +
                 ", got " + Twine(result.heads));
  result.headSize =
      integer({"head_dim", "kv_channels"}, 2, 4096, isStated ? 2 : result.width / result.heads);
  if (result.headSize < 2 || result.headSize > 4096)
    error("number of heads: expected heads of 2 to 4096 elements, got " + Twine(result.headSize));
  result.attentionScale = 1 / std::sqrt(double(result.headSize));
}

void ConfigReader::readWindow() {
  StringRef key;
  if (const json::Array *types = config.getArray("layer_types"))
    for (const json::Value &type : *types)
      if (type.getAsString() != types->front().getAsString() ||
          type.getAsString() != "full_attention")
        return error("'layer_types': expected 'full_attention' in every layer, got another type; "
                     "such models are not supported");
  if (!find({"sliding_window"}, key))
    return;
  std::optional<bool> isUsed = boolean("use_sliding_window");
  if (isUsed && !*isUsed)
    return;
  if (isUsed && *isUsed && (is("qwen2") || is("qwen3")))
    return error("'use_sliding_window': expected false for this type of model, got true");
  result.window = integer({"sliding_window"}, 1, int64_t(1) << 30);
}

void ConfigReader::readPositions() {
  const Architecture &family = *result.architecture;
  StringRef key;
  result.position = family.position;
  result.pairs = family.pairs;
  // Baichuan's larger model has ALiBi, and for that reason no greatest position.
  if (is("baichuan") && !find({"max_position_embeddings"}, key)) {
    result.position = Position::Linear;
    result.maxBias = 8;
  }
  if (is("baichuan") && result.vocabulary == 125696)
    error(
        "'vocab_size': this is Baichuan 2, which normalises the rows of its head; such models are "
        "not supported");
  readWindow();
  if (result.position == Position::Rotary)
    readScaling();
}

void ConfigReader::readScaling() {
  Rotary &rotary = result.rotary;
  const json::Object *scaling = config.getObject("rope_scaling");
  if (!scaling)
    scaling = config.getObject("rope_parameters");
  json::Object none;
  const json::Object &given = scaling ? *scaling : none;
  rotary.theta = number(given, {"rope_theta"}, number({"rope_theta", "rotary_emb_base"}, 10000));
  double part = number({"partial_rotary_factor", "rotary_pct"},
                       number(given, {"partial_rotary_factor"}, is("gpt_neox") ? 0.25 : 1));
  if (is("chatglm")) {
    rotary.theta = 10000 * number(Keys{"rope_ratio"}, 1);
    part = 0.5;
  }
  rotary.rotated = sizeOf(double(result.headSize) * part);
  if (rotary.rotated < 2 || rotary.rotated % 2 != 0 || rotary.rotated > result.headSize ||
      result.headSize % 2 != 0)
    return error("rotary embedding: expected an even number of up to " + Twine(result.headSize) +
                 " dimensions of a head, got " + Twine(rotary.rotated));
  if (rotary.theta <= 1)
    return error("'rope_theta': expected more than 1, got " + std::to_string(rotary.theta));
  StringRef key;
  const json::Value *typeValue = find(given, {"rope_type", "type"}, key);
  StringRef type = typeValue ? typeValue->getAsString().value_or("") : "default";
  if (type == "default")
    return;
  double factor = type == "longrope" || type == "su" ? 1 : number(given, {"factor"});
  double original = number(given, {"original_max_position_embeddings"},
                           number({"original_max_position_embeddings"}, result.positions));
  if (failed)
    return;
  if (factor <= 0 || sizeOf(original) < 1)
    return error("rope scaling: expected a factor of more than 0 and positions from 1 on, got " +
                 std::to_string(factor) + " and " + std::to_string(original));
  if (type == "linear") {
    rotary.factors.assign(rotary.rotated / 2, factor);
  } else if (type == "llama3") {
    double low = number(given, {"low_freq_factor"}), high = number(given, {"high_freq_factor"});
    if (low >= high || low <= 0)
      return error("rope scaling: expected high_freq_factor above low_freq_factor above 0");
    rotary.factors = llama3Factors(rotary, factor, low, high, original);
  } else if (type == "yarn") {
    double fast = number(given, {"beta_fast"}, 32), slow = number(given, {"beta_slow"}, 1);
    if (fast <= slow || slow <= 0 || given.get("mscale") || given.get("mscale_all_dim"))
      return error("rope scaling: expected beta_fast above beta_slow above 0 and no mscale");
    rotary.factors = yarnFactors(rotary, factor, original, fast, slow);
    rotary.attention =
        number(given, {"attention_factor"}, factor > 1 ? 0.1 * std::log(factor) + 1 : 1);
  } else if (type == "longrope" || type == "su") {
    rotary.original = sizeOf(original);
    readLongRope(given);
  } else {
    error("rope scaling: expected default, linear, llama3, yarn or longrope, got " + quoted(type));
  }
}

void ConfigReader::readLongRope(const json::Object &scaling) {
  Rotary &rotary = result.rotary;
  auto factors = [&](StringRef key, std::vector<double> &into) {
    const json::Array *list = scaling.getArray(key);
    for (const json::Value &value : list ? *list : json::Array())
      into.push_back(value.getAsNumber().value_or(0));
    bool good = llvm::all_of(into, [](double f) { return f > 0 && std::isfinite(f); });
    if (!good || int64_t(into.size()) != rotary.rotated / 2)
      error("rope scaling: expected " + Twine(rotary.rotated / 2) + " numbers above 0 in '" + key +
            "', got " + Twine(into.size()) + (good ? "" : " of which not all are"));
  };
  factors("long_factor", rotary.factors);
  factors("short_factor", rotary.shortFactors);
  double stretch = double(result.positions) / double(rotary.original);
  double computed =
      stretch > 1 ? std::sqrt(1 + std::log(stretch) / std::log(double(rotary.original))) : 1;
  rotary.attention = number(scaling, {"attention_factor"}, computed);
}

void ConfigReader::readActivation() {
  // ChatGLM's code names none: it is SiLU with a gate.
  StringRef key;
  const json::Value *value =
      find({"hidden_act", "activation_function", "activation", "hidden_activation"}, key);
  if (!value)
    return;
  using Kind = nn::ActivationKind;
  StringRef name = value->getAsString().value_or("");
  std::optional<Kind> kind;
  if (name == "silu" || name == "swish")
    kind = Kind::Silu;
  else if (name == "gelu")
    kind = Kind::GeluErf;
  else if (name == "gelu_new" || name == "gelu_pytorch_tanh" || name == "gelu_fast")
    kind = Kind::GeluTanh;
  if (kind != result.architecture->activation)
    error("'" + key + "': expected " +
          nn::stringifyActivationKind(result.architecture->activation) +
          " for this type of model, got " + quoted(name));
}

void ConfigReader::readMpt() {
  if (!boolean("learned_pos_emb").value_or(true) && !config.getObject("attn_config"))
    error("'attn_config': expected ALiBi");
  json::Object none;
  const json::Object *given = config.getObject("attn_config");
  const json::Object &attention = given ? *given : none;
  if (!boolean(attention, "alibi").value_or(false))
    error("'attn_config.alibi': expected true; other positions are not supported for this type of "
          "model");
  for (StringRef key : {"qk_ln", "qk_gn", "prefix_lm", "attn_uses_sequence_id", "rope"})
    if (boolean(attention, key).value_or(false))
      error("'attn_config." + key + "': such models are not supported");
  StringRef key;
  if (find(attention, {"clip_qkv", "softmax_scale"}, key))
    error("'attn_config." + key + "': such models are not supported");
  result.maxBias = number(attention, {"alibi_bias_max"}, 8);
  result.keyHeads = sizeOf(number(attention, {"kv_n_heads"}, double(result.heads)));
  if (result.keyHeads < 1 || result.heads % result.keyHeads != 0)
    error("'attn_config.kv_n_heads': expected a divisor of the heads, got " +
          Twine(result.keyHeads));
}

void ConfigReader::readFamily() {
  const Architecture &family = *result.architecture;
  result.parallel = family.residual == Residual::ParallelNorm;
  if (family.residual == Residual::StatedByModel)
    result.parallel = boolean("use_parallel_residual").value_or(true);
  if (is("falcon") &&
      (!boolean("parallel_attn").value_or(true) || boolean("alibi").value_or(false)))
    error("expected 'parallel_attn' and no 'alibi' for this type of model");
  if (is("minicpm")) {
    result.embeddingScale = number(Keys{"scale_emb"}, 1);
    result.residualScale = number(Keys{"scale_depth"}, 1) / std::sqrt(double(result.layers));
    StringRef key;
    if (find({"dim_model_base"}, key))
      result.logitScale = number(Keys{"dim_model_base"}) / double(result.width);
  }
  if (is("mpt"))
    readMpt();
  model.tied = boolean("tie_word_embeddings");
}

ModelConfig ConfigReader::read() {
  StringRef key;
  const json::Value *type = find({"model_type"}, key);
  StringRef name = type ? type->getAsString().value_or("") : "";
  result.architecture = lookupModelType(name);
  if (!result.architecture) {
    error("'model_type': expected one of " + modelTypeNames() + ", got " + quoted(name));
    return model;
  }
  refuseUnsupported();
  model.quantization = readQuantization(config, [&](const Twine &text) {
    failed = true;
    report(text);
  });
  readSizes();
  readHeads();
  if (failed)
    return model;
  readPositions();
  readActivation();
  readFamily();
  return model;
}

ModelConfig tercet::safetensors::readConfig(const json::Object &config,
                                            function_ref<void(const Twine &)> error) {
  return ConfigReader(config, error).read();
}
