// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Keys are those of the libraries that write such checkpoints (AutoGPTQ and
// GPTQModel, AutoAWQ, compressed-tensors), under the names of any of their
// versions.

#include "compiler/import/safetensors/QuantizationConfig.h"

#include "compiler/import/QuotedName.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Regex.h"

using namespace llvm;
using namespace tercet;
using namespace tercet::safetensors;

namespace {

class Reader {
public:
  Reader(const json::Object &object, function_ref<void(const Twine &)> error)
      : object(object), report(error) {}

  std::optional<QuantizationConfig> read();

private:
  void error(const Twine &text) {
    failed = true;
    report("config.json: quantization_config: " + text);
  }
  static const json::Value *find(const json::Object &object, StringRef key) {
    const json::Value *value = object.get(key);
    return value && value->kind() != json::Value::Null ? value : nullptr;
  }
  int64_t integer(const json::Object &object, StringRef key, ArrayRef<int64_t> expected);
  /// -1 for a whole row, or a multiple of 8.
  int64_t group(const json::Object &object, StringRef key);
  std::optional<bool> boolean(const json::Object &object, StringRef key);
  /// One of some words; the first where there is no such key.
  std::string word(const json::Object &object, StringRef key, ArrayRef<StringRef> expected);
  std::vector<std::string> names(const json::Object &object, StringRef key);
  /// What would make other weights of those that are read.
  void refuse(const json::Object &object, ArrayRef<StringRef> keys);

  void readGptq();
  void readAwq();
  void readCompressed();
  void readCompressedWeights(const json::Object &weights);

  const json::Object &object;
  function_ref<void(const Twine &)> report;
  QuantizationConfig result;
  bool failed = false;
};

std::string textOf(const json::Value &value) {
  std::string text;
  raw_string_ostream(text) << value;
  return text.size() <= 80 ? text : text.substr(0, 80) + "...";
}

bool isEmpty(const json::Value &value) {
  if (const json::Object *object = value.getAsObject())
    return object->empty();
  if (const json::Array *array = value.getAsArray())
    return array->empty();
  return value.getAsBoolean() == false;
}

} // namespace

int64_t Reader::integer(const json::Object &from, StringRef key, ArrayRef<int64_t> expected) {
  const json::Value *value = find(from, key);
  std::optional<int64_t> got = value ? value->getAsInteger() : std::nullopt;
  if (got && is_contained(expected, *got))
    return *got;
  std::string list;
  for (auto [index, each] : enumerate(expected))
    list += (index == 0 ? "" : index + 1 == expected.size() ? " or " : ", ") + std::to_string(each);
  error("'" + key + "': expected " + list + ", got " + (value ? textOf(*value) : "no such key"));
  return expected[0];
}

int64_t Reader::group(const json::Object &from, StringRef key) {
  const json::Value *value = find(from, key);
  std::optional<int64_t> got = value ? value->getAsInteger() : std::nullopt;
  if (got == -1)
    return 0;
  if (got && *got >= 8 && *got <= 1 << 20 && *got % 8 == 0)
    return *got;
  error("'" + key + "': expected a multiple of 8, or -1 for a whole row, got " +
        (value ? textOf(*value) : "no such key"));
  return 0;
}

std::optional<bool> Reader::boolean(const json::Object &from, StringRef key) {
  const json::Value *value = find(from, key);
  if (!value)
    return std::nullopt;
  if (std::optional<bool> got = value->getAsBoolean())
    return got;
  error("'" + key + "': expected true or false, got " + textOf(*value));
  return std::nullopt;
}

std::string Reader::word(const json::Object &from, StringRef key, ArrayRef<StringRef> expected) {
  const json::Value *value = find(from, key);
  if (!value)
    return expected[0].str();
  std::optional<StringRef> got = value->getAsString();
  std::string lower = got ? got->lower() : "";
  if (got && is_contained(expected, StringRef(lower)))
    return lower;
  error("'" + key + "': expected " + join(expected, " or ") + ", got " + textOf(*value));
  return expected[0].str();
}

std::vector<std::string> Reader::names(const json::Object &from, StringRef key) {
  std::vector<std::string> result;
  const json::Value *value = find(from, key);
  // GPTQ's list has lists of what is quantised at once.
  auto add = [&](const json::Value &each, auto &&self) -> void {
    if (std::optional<StringRef> name = each.getAsString())
      return result.push_back(name->str());
    if (const json::Array *list = each.getAsArray()) {
      for (const json::Value &inner : *list)
        self(inner, self);
      return;
    }
    error("'" + key + "': expected names of modules, got " + textOf(each));
  };
  if (value)
    add(*value, add);
  return result;
}

void Reader::refuse(const json::Object &from, ArrayRef<StringRef> keys) {
  for (StringRef key : keys)
    if (const json::Value *value = find(from, key))
      if (!isEmpty(*value))
        error("'" + key + "': such weights are not supported, got " + textOf(*value));
}

void Reader::readGptq() {
  result.method = QuantizationMethod::Gptq;
  result.bits = integer(object, "bits", {2, 3, 4, 8});
  result.group = group(object, "group_size");
  result.ordered = boolean(object, "desc_act").value_or(false);
  StringRef key = find(object, "checkpoint_format") ? "checkpoint_format" : "format";
  result.zeroOffset = word(object, key, {"gptq", "gptq_v2"}) == "gptq" ? 1 : 0;
  word(object, "pack_dtype", {"int32"});
  refuse(object, {"dynamic", "is_marlin_format"});
  result.only = names(object, "modules_in_block_to_quantize");
}

void Reader::readAwq() {
  result.method = QuantizationMethod::Awq;
  result.bits = integer(object, "bits", {4});
  result.group = group(object, "group_size");
  word(object, "version", {"gemm"});
  if (!boolean(object, "zero_point").value_or(true))
    error("'zero_point': expected true, got false");
  result.excluded = names(object, "modules_to_not_convert");
}

void Reader::readCompressedWeights(const json::Object &weights) {
  result.bits = integer(weights, "num_bits", {4, 8});
  word(weights, "type", {"int"});
  result.symmetric = boolean(weights, "symmetric").value_or(true);
  if (boolean(weights, "dynamic").value_or(false))
    error("'dynamic': expected false for weights, got true");
  const json::Value *strategy = find(weights, "strategy");
  if (!strategy)
    error("'strategy': expected group or channel, got no such key");
  else if (word(weights, "strategy", {"group", "channel"}) == "group")
    result.group = group(weights, "group_size");
  if (strategy && strategy->getAsString() == "group" && result.group == 0 && !failed)
    error("'group_size': expected a multiple of 8 for the strategy group, got -1");
  const json::Value *order = find(weights, "actorder");
  if (order && order->getAsBoolean() != false)
    result.ordered = word(weights, "actorder", {"weight", "static", "group"}) == "group";
  if (order && order->getAsBoolean() == true)
    error("'actorder': expected weight, static or group, got true");
}

void Reader::readCompressed() {
  result.method = QuantizationMethod::CompressedTensors;
  word(object, "format", {"pack-quantized"});
  word(object, "quantization_status", {"compressed", "frozen"});
  refuse(object, {"kv_cache_scheme", "transform_config"});
  if (const json::Object *sparsity = object.getObject("sparsity_config"))
    word(*sparsity, "format", {"dense"});
  result.excluded = names(object, "ignore");
  const json::Object *groups = object.getObject("config_groups");
  if (!groups || groups->size() != 1 || !groups->begin()->second.getAsObject())
    return error("'config_groups': expected one group of modules, got " +
                 (groups ? std::to_string(groups->size()) : "no such key"));
  const json::Object &group = *groups->begin()->second.getAsObject();
  std::vector<std::string> targets = names(group, "targets");
  if (targets != std::vector<std::string>{"Linear"})
    error("'targets': expected [\"Linear\"], got another list");
  refuse(group, {"input_activations", "output_activations"});
  word(group, "format", {"pack-quantized"});
  const json::Object *weights = group.getObject("weights");
  if (!weights)
    return error("'weights': expected an object, got none");
  readCompressedWeights(*weights);
}

std::optional<QuantizationConfig> Reader::read() {
  const json::Value *method = find(object, "quant_method");
  std::string name = method ? method->getAsString().value_or("").str() : "";
  if (name == "gptq")
    readGptq();
  else if (name == "awq")
    readAwq();
  else if (name == "compressed-tensors")
    readCompressed();
  else
    error("'quant_method': expected gptq, awq or compressed-tensors, got " +
          (method ? textOf(*method) : "no such key") + "; try the model in floats and --quantize");
  return failed ? std::nullopt : std::optional(result);
}

std::optional<QuantizationConfig>
tercet::safetensors::readQuantization(const json::Object &config,
                                      function_ref<void(const Twine &)> error) {
  const json::Value *value = config.get("quantization_config");
  if (!value || value->kind() == json::Value::Null)
    return std::nullopt;
  if (const json::Object *object = value->getAsObject())
    return Reader(*object, error).read();
  error("config.json: 'quantization_config': expected an object, got something else");
  return std::nullopt;
}

const char *QuantizationConfig::getName() const {
  switch (method) {
  case QuantizationMethod::Gptq:
    return "gptq";
  case QuantizationMethod::Awq:
    return "awq";
  case QuantizationMethod::CompressedTensors:
    return "compressed-tensors";
  }
  llvm_unreachable("an unknown method");
}

bool QuantizationConfig::covers(StringRef module) const {
  for (StringRef name : excluded) {
    StringRef expression = name;
    if (method == QuantizationMethod::Awq ? module.contains(name) : module == name)
      return false;
    if (expression.consume_front("re:") && Regex(("^(" + expression + ")").str()).match(module))
      return false;
  }
  if (only.empty())
    return true;
  return any_of(only, [&](StringRef name) { return module.ends_with(name); });
}
