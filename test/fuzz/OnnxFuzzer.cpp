// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The import of ONNX files under libFuzzer, from bytes to module: whatever a
// file says, it becomes a module that verifies, or an error. Inputs are
// variations of a small decoder with a past, products in groups and rotary
// embedding, written field by field as onnx.proto has them.

#include "compiler/import/Import.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>
#include <cstring>

namespace {
/// A message of protobuf.
struct Message {
  std::string bytes;

  Message &number(unsigned field, uint64_t value) {
    varint(field << 3);
    varint(value);
    return *this;
  }
  Message &text(unsigned field, llvm::StringRef value) {
    varint(field << 3 | 2);
    varint(value.size());
    bytes += value.str();
    return *this;
  }
  Message &message(unsigned field, const Message &value) { return text(field, value.bytes); }

private:
  void varint(uint64_t value) {
    for (; value > 127; value >>= 7)
      bytes += static_cast<char>(value | 128);
    bytes += static_cast<char>(value);
  }
};

constexpr unsigned kFloat = 1, kUint8 = 2, kInt32 = 6, kInt64 = 7;
using Names = std::vector<const char *>;
using Attributes = std::vector<std::pair<const char *, uint64_t>>;

Message node(const char *op, const Names &inputs, const Names &outputs,
             const Attributes &attributes = {}, const char *domain = "") {
  Message result;
  for (const char *input : inputs)
    result.text(1, input);
  for (const char *output : outputs)
    result.text(2, output);
  result.text(3, std::string("/") + outputs[0]).text(4, op);
  for (auto [name, value] : attributes)
    result.message(5, Message().text(1, name).number(3, value).number(20, 2));
  return result.text(7, domain);
}

Message tensor(const char *name, unsigned type, const std::vector<uint64_t> &dims,
               unsigned elementBytes) {
  Message result;
  uint64_t size = elementBytes;
  for (uint64_t dim : dims) {
    result.number(1, dim);
    size *= dim;
  }
  // Varied bytes: a tensor of one value is no weight.
  std::string data;
  for (uint64_t i = 0; i < size; ++i)
    data += static_cast<char>(elementBytes == 1 ? i * 37 : i % elementBytes == 3 ? 0x3d : i % 7);
  if (type == kInt64)
    data.assign(size, '\0')[0] = 1;
  return result.number(2, type).text(8, name).text(9, data);
}

/// Dimensions above 0 are numbers; the others have names.
Message value(const char *name, unsigned type, const std::vector<int> &dims) {
  static const char *const kNames[] = {"batch", "sequence", "past", "total"};
  Message shape;
  for (int dim : dims)
    shape.message(1, dim > 0 ? Message().number(1, dim) : Message().text(2, kNames[-dim]));
  return Message().text(1, name).message(
      2, Message().message(1, Message().number(1, type).message(2, shape)));
}
} // namespace

static std::string makeModel() {
  const char *microsoft = "com.microsoft";
  Message graph;
  graph.message(1, node("ReduceSum", {"attention_mask", "one"}, {"sum"}, {{"keepdims", 0}}))
      .message(1, node("Sub", {"sum", "one"}, {"less"}))
      .message(1, node("Cast", {"less"}, {"lengths"}, {{"to", kInt32}}))
      .message(1, node("Shape", {"attention_mask"}, {"shape"}))
      .message(1, node("Gather", {"shape", "index"}, {"last"}, {{"axis", 0}}))
      .message(1, node("Cast", {"last"}, {"total"}, {{"to", kInt32}}))
      .message(1, node("Gather", {"embedding", "input_ids"}, {"x"}))
      .message(1, node("MatMulNBits", {"x", "qkv.b", "qkv.s"}, {"qkv"},
                       {{"K", 32}, {"N", 64}, {"bits", 4}, {"block_size", 32}}, microsoft))
      .message(1, node("GroupQueryAttention",
                       {"qkv", "", "", "past.k", "past.v", "lengths", "total", "cos", "sin"},
                       {"a", "present.k", "present.v"},
                       {{"num_heads", 2}, {"kv_num_heads", 1}, {"do_rotary", 1}}, microsoft))
      .message(1, node("SkipSimplifiedLayerNormalization", {"a", "x", "gain"}, {"n", "", "", "y"},
                       {}, microsoft))
      .message(1, node("RotaryEmbedding", {"n", "position_ids", "cos", "sin"}, {"r"},
                       {{"num_heads", 2}}, microsoft))
      .message(1, node("MatMulNBits", {"r", "head.b", "head.s", "head.z"}, {"logits"},
                       {{"K", 32}, {"N", 8}, {"bits", 8}, {"block_size", 16}}, microsoft));
  graph.text(2, "g")
      .message(5, tensor("one", kInt64, {1}, 8))
      .message(5, tensor("index", kInt64, {}, 8))
      .message(5, tensor("embedding", kFloat, {8, 32}, 4))
      .message(5, tensor("qkv.b", kUint8, {64, 1, 16}, 1))
      .message(5, tensor("qkv.s", kFloat, {64, 1}, 4))
      .message(5, tensor("cos", kFloat, {16, 8}, 4))
      .message(5, tensor("sin", kFloat, {16, 8}, 4))
      .message(5, tensor("gain", kFloat, {32}, 4))
      .message(5, tensor("head.b", kUint8, {8, 2, 16}, 1))
      .message(5, tensor("head.s", kFloat, {8, 2}, 4))
      .message(5, tensor("head.z", kUint8, {8, 2}, 1));
  graph.message(11, value("input_ids", kInt64, {0, -1}))
      .message(11, value("attention_mask", kInt64, {0, -3}))
      .message(11, value("position_ids", kInt64, {0, -1}))
      .message(11, value("past.k", kFloat, {0, 1, -2, 16}))
      .message(11, value("past.v", kFloat, {0, 1, -2, 16}))
      .message(12, value("logits", kFloat, {0, -1, 8}))
      .message(12, value("present.k", kFloat, {0, 1, -3, 16}))
      .message(12, value("present.v", kFloat, {0, 1, -3, 16}));
  return Message()
      .number(1, 9)
      .message(7, graph)
      .message(8, Message().text(1, "").number(2, 20))
      .message(8, Message().text(1, microsoft).number(2, 1))
      .bytes;
}

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned int seed) {
  static const std::string model = makeModel();
  if (size < model.size() / 2 || seed % 4 == 0) {
    size = std::min(model.size(), maxSize);
    std::memcpy(data, model.data(), size);
  }
  if (seed % 8 == 1)
    return LLVMFuzzerMutate(data, size, maxSize);
  // In place, so that lengths stay what they are.
  size_t at = seed / 8 % size, length = std::min<size_t>(size - at, 1 + seed / 64 % 4);
  std::string part(reinterpret_cast<char *>(data) + at, length);
  LLVMFuzzerMutate(reinterpret_cast<uint8_t *>(part.data()), length, length);
  std::memcpy(data + at, part.data(), length);
  return size;
}

static void expect(bool holds) {
  if (!holds)
    std::abort();
}

/// Whether a module came of it; aborts where that and errors disagree.
static bool import(llvm::StringRef bytes) {
  static const std::string path = [] {
    llvm::SmallString<128> name;
    expect(!llvm::sys::fs::createTemporaryFile("fuzz", "onnx", name));
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
    file << bytes;
  }
  tercet::ImportOptions options;
  options.decoder.prefill = llvm::SmallVector<int64_t>{2};
  llvm::SmallVector<tercet::ImportError> errors;
  auto module = tercet::importOnnx(*context, path, options, errors);
  expect(bool(module) == errors.empty());
  expect(!module || succeeded(mlir::verify(*module)));
  return bool(module);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  // What is varied is in order itself.
  static const bool good = import(makeModel());
  expect(good);
  import({reinterpret_cast<const char *>(data), size});
  return 0;
}
