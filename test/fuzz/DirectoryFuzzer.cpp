// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The import of directories with packed weights under libFuzzer, from config.json
// and the header of model.safetensors to module: whatever these say of each
// other, it is a module that verifies, or an error. Inputs are variations of
// models as GPTQ, AWQ and compressed-tensors write them, mostly of one number or
// word; the data of tensors is a pattern.

#include "compiler/import/Import.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>
#include <cstring>
#include <random>

/// Between config.json and the header.
static constexpr char kSeparator = '\n';
static constexpr int64_t kWidth = 32;

namespace {
/// A model of one layer, whose weights are all [32, 32].
struct Model {
  std::string config, tensors;
  uint64_t bytes = 0;

  void tensor(const std::string &name, const char *type, std::vector<int64_t> shape,
              uint64_t size) {
    std::string dims;
    for (int64_t dim : shape) {
      dims += (dims.empty() ? "" : ",") + std::to_string(dim);
      size *= dim;
    }
    tensors += (tensors.empty() ? "\"" : ",\"") + name + "\":{\"dtype\":\"" + type +
               "\",\"shape\":[" + dims + "],\"data_offsets\":[" + std::to_string(bytes) + "," +
               std::to_string(bytes + size) + "]}";
    bytes += size;
  }
  void linear(const std::string &name, int method) {
    if (method == 0) {
      tensor(name + ".qweight", "I32", {kWidth / 8, kWidth}, 4);
      tensor(name + ".qzeros", "I32", {1, kWidth / 8}, 4);
      tensor(name + ".scales", "F16", {1, kWidth}, 2);
      tensor(name + ".g_idx", "I32", {kWidth}, 4);
    } else if (method == 1) {
      tensor(name + ".qweight", "I32", {kWidth, kWidth / 8}, 4);
      tensor(name + ".qzeros", "I32", {1, kWidth / 8}, 4);
      tensor(name + ".scales", "F16", {1, kWidth}, 2);
    } else {
      tensor(name + ".weight_packed", "I32", {kWidth, kWidth / 8}, 4);
      tensor(name + ".weight_scale", "BF16", {kWidth, 1}, 2);
      tensor(name + ".weight_zero_point", "I32", {kWidth / 8, 1}, 4);
      tensor(name + ".weight_shape", "I64", {2}, 8);
    }
  }
  std::string text() const { return config + kSeparator + "{" + tensors + "}"; }
};
} // namespace

static std::string makeModel(int method) {
  static const char *const kConfigs[] = {
      R"({"quant_method":"gptq","bits":4,"group_size":32,"desc_act":false,"sym":true})",
      R"({"quant_method":"awq","bits":4,"group_size":32,"version":"gemm","zero_point":true})",
      R"({"quant_method":"compressed-tensors","format":"pack-quantized","config_groups":{"g":)"
      R"({"targets":["Linear"],"weights":{"num_bits":4,"type":"int","symmetric":false,)"
      R"("strategy":"group","group_size":32}}},"ignore":["lm_head"]})"};
  Model model;
  model.config = std::string(R"({"model_type":"llama","hidden_size":32,"num_hidden_layers":1,)"
                             R"("num_attention_heads":2,"num_key_value_heads":2,)"
                             R"("intermediate_size":32,"vocab_size":4,)"
                             R"("max_position_embeddings":8,"tie_word_embeddings":true,)"
                             R"("quantization_config":)") +
                 kConfigs[method] + "}";
  model.tensor("model.embed_tokens.weight", "F32", {4, kWidth}, 4);
  model.tensor("model.norm.weight", "F32", {kWidth}, 4);
  std::string layer = "model.layers.0.";
  for (const char *norm : {"input_layernorm", "post_attention_layernorm"})
    model.tensor(layer + norm + ".weight", "F32", {kWidth}, 4);
  for (const char *name : {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
                           "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"})
    model.linear(layer + name, method);
  return model.text();
}

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

/// Replaces a number or a quoted word by another one.
static std::string changeWord(std::string text, std::minstd_rand &random) {
  static const char *const kWords[] = {"0",        "1",       "-1",          "2",
                                       "3",        "4",       "5",           "7",
                                       "8",        "16",      "31",          "32",
                                       "33",       "64",      "128",         "512",
                                       "65536",    "65537",   "2147483648",  "null",
                                       "true",     "false",   "[]",          "{}",
                                       "\"I32\"",  "\"I8\"",  "\"F16\"",     "\"BF16\"",
                                       "\"gptq\"", "\"awq\"", "\"channel\"", "4611686018427387904"};
  std::vector<std::pair<size_t, size_t>> words;
  for (size_t at = 0; at < text.size();) {
    size_t end = at + 1;
    if (text[at] == '"') {
      end = text.find('"', at + 1);
      end = end == std::string::npos ? text.size() : end + 1;
      words.push_back({at, end - at});
    } else if (llvm::isDigit(text[at])) {
      while (end < text.size() && llvm::isDigit(text[end]))
        ++end;
      words.push_back({at, end - at});
    }
    at = end;
  }
  if (words.empty())
    return text;
  auto [at, length] = words[random() % words.size()];
  return text.replace(at, length, kWords[random() % std::size(kWords)]);
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned int seed) {
  static const std::string models[] = {makeModel(0), makeModel(1), makeModel(2)};
  std::minstd_rand random(seed);
  std::string text(reinterpret_cast<char *>(data), size);
  if (size < 200 || random() % 8 == 0)
    text = models[random() % 3];
  for (unsigned changes = 1 + random() % 2; changes > 0; --changes)
    text = changeWord(text, random);
  size = std::min(text.size(), maxSize);
  std::memcpy(data, text.data(), size);
  return random() % 8 == 0 ? LLVMFuzzerMutate(data, size, maxSize) : size;
}

static void expect(bool holds) {
  if (!holds)
    std::abort();
}

static void write(const std::string &path, llvm::StringRef text) {
  std::error_code error;
  llvm::raw_fd_ostream file(path, error);
  expect(!error);
  file << text;
}

/// Whether a module came of it; aborts where that and errors disagree.
static bool import(llvm::StringRef input) {
  static const std::string folder = [] {
    llvm::SmallString<128> name;
    expect(!llvm::sys::fs::createUniqueDirectory("fuzz-directory", name));
    return name.str().str();
  }();
  // Attributes are kept as long as their context, so it is not kept for ever.
  static std::unique_ptr<mlir::MLIRContext> context;
  static unsigned runs = 0;
  if (runs++ % 256 == 0)
    context = std::make_unique<mlir::MLIRContext>(mlir::MLIRContext::Threading::DISABLED);
  auto [config, header] = input.split(kSeparator);
  uint64_t length = header.size();
  std::string file(reinterpret_cast<const char *>(&length), 8);
  file += header.str();
  // As many bytes of data as the last offset says: sizes of [32, 32], or groups of 0.
  uint64_t wanted = 0, value = config.contains("compressed") ? kWidth : 0;
  size_t at = header.rfind("data_offsets");
  if (at != llvm::StringRef::npos) {
    llvm::StringRef tail = header.drop_front(at).take_until([](char c) { return c == ']'; });
    (void)tail.rsplit(',').second.getAsInteger(10, wanted);
  }
  wanted = std::min<uint64_t>(wanted, 64 * 1024);
  for (uint64_t i = 0; i < wanted; ++i)
    file += static_cast<char>(i % 8 == 0 ? value : 0);
  write(folder + "/config.json", config);
  write(folder + "/model.safetensors", file);
  tercet::ImportOptions options;
  options.decoder.prefill = llvm::SmallVector<int64_t>{2};
  llvm::SmallVector<tercet::ImportError> errors;
  auto module = tercet::importDirectory(*context, folder, options, errors);
  expect(bool(module) == errors.empty());
  expect(!module || succeeded(mlir::verify(*module)));
  return bool(module);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  // What is varied is in order itself.
  static const bool good = import(makeModel(0)) && import(makeModel(1)) && import(makeModel(2));
  expect(good);
  import({reinterpret_cast<const char *>(data), size});
  return 0;
}
