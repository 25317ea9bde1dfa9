// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The import of language models in GGUF under libFuzzer, from bytes to module:
// whatever a file that can be read says of itself, it becomes a module that
// verifies, or an error. Inputs are variations of a small model that is in order.

#include "test/unit/import/GgufFile.h"

#include "compiler/import/Import.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>
#include <cstring>

using namespace tercet::gguf_test;

/// A llama of one layer, with Q4_0, Q8_0 and F16 among its weights.
static std::string makeModel() {
  GgufFile file;
  auto number = [&](const char *key, uint32_t value) {
    file.pairs.push_back({std::string("llama.") + key, 4, raw(value)});
  };
  file.pairs.push_back({"general.architecture", 8, text("llama")});
  number("context_length", 16);
  number("embedding_length", 32);
  number("block_count", 1);
  number("feed_forward_length", 32);
  number("attention.head_count", 2);
  number("attention.head_count_kv", 1);
  number("rope.dimension_count", 8);
  number("attention.sliding_window", 4);
  file.pairs.push_back({"llama.attention.layer_norm_rms_epsilon", 6, raw<float>(1e-5f)});
  file.pairs.push_back({"llama.rope.freq_base", 6, raw<float>(1e4f)});
  file.pairs.push_back({"llama.rope.scaling.type", 8, text("yarn")});
  file.pairs.push_back({"llama.rope.scaling.factor", 6, raw<float>(4)});
  auto tensor = [&](const char *name, std::vector<uint64_t> dims, uint32_t type) {
    uint64_t rows = dims.size() == 2 ? dims[1] : 1;
    uint64_t bytes = rows * (type == 2 ? 18 : type == 8 ? 34 : type == 1 ? 64 : 128);
    file.tensors.push_back({name, dims, type, file.dataBytes});
    file.dataBytes += (bytes + 31) / 32 * 32;
  };
  tensor("token_embd.weight", {32, 3}, 8);
  tensor("output_norm.weight", {32}, 0);
  tensor("blk.0.attn_norm.weight", {32}, 0);
  tensor("blk.0.attn_q.weight", {32, 32}, 2);
  tensor("blk.0.attn_k.weight", {32, 16}, 2);
  tensor("blk.0.attn_v.weight", {32, 16}, 8);
  tensor("blk.0.attn_output.weight", {32, 32}, 1);
  tensor("blk.0.ffn_norm.weight", {32}, 0);
  tensor("blk.0.ffn_gate.weight", {32, 32}, 0);
  tensor("blk.0.ffn_up.weight", {32, 32}, 0);
  tensor("blk.0.ffn_down.weight", {32, 32}, 8);
  return file.bytes();
}

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

/// The data of tensors is not looked at, so only what is before it varies.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned int seed) {
  static const std::string model = makeModel();
  constexpr size_t kHead = 1400;
  if (maxSize < model.size() + 64)
    return LLVMFuzzerMutate(data, size, maxSize);
  if (size < model.size() / 2) {
    std::memcpy(data, model.data(), model.size());
    size = model.size();
  }
  size_t head = std::min(kHead, size);
  if (seed % 4 == 0)
    return LLVMFuzzerMutate(data, size, maxSize);
  // In place: what follows stays where offsets expect it.
  std::string changed(reinterpret_cast<char *>(data), head);
  changed.resize(head);
  size_t length = LLVMFuzzerMutate(reinterpret_cast<uint8_t *>(changed.data()), head, head);
  std::memcpy(data, changed.data(), length);
  return size;
}

static void expect(bool holds) {
  if (!holds)
    std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const std::string path = [] {
    llvm::SmallString<128> name;
    expect(!llvm::sys::fs::createTemporaryFile("fuzz", "gguf", name));
    return name.str().str();
  }();
  // Attributes are kept as long as their context, so it is not kept for ever.
  static std::unique_ptr<mlir::MLIRContext> context;
  static unsigned runs = 0;
  if (runs++ % 256 == 0)
    context = std::make_unique<mlir::MLIRContext>(mlir::MLIRContext::Threading::DISABLED);
  {
    std::error_code error;
    llvm::raw_fd_ostream file(path, error);
    expect(!error);
    file << llvm::StringRef(reinterpret_cast<const char *>(data), size);
  }
  tercet::ImportOptions options;
  options.decoder.prefill = llvm::SmallVector<int64_t>{2};
  llvm::SmallVector<tercet::ImportError> errors;
  auto module = tercet::importGguf(*context, path, options, errors);
  expect(bool(module) == errors.empty());
  expect(!module || succeeded(mlir::verify(*module)));
  return 0;
}
