// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The reader of GGUF files under libFuzzer: whatever the bytes are, they are
// decoded or refused, and what is decoded can be looked at from end to end.

#include "test/unit/import/GgufFile.h"

#include "compiler/import/gguf/File.h"

#include <cstdlib>
#include <cstring>
#include <memory>

using namespace tercet::gguf;

static uint64_t lookAt(const Value &value) {
  uint64_t sum = value.describe().size();
  if (value.isArray() && value.getElementType() != ValueType::String)
    for (uint64_t i = 0; i < value.size(); ++i)
      sum += lookAt(value.at(i));
  value.forEachString([&](llvm::StringRef text) {
    for (char c : text)
      sum += c;
  });
  return sum + value.getInteger().value_or(0) + value.getBool().value_or(false) +
         (value.getNumber().value_or(0) > 0) + value.getString().value_or("").size();
}

static void expect(bool holds) {
  if (!holds)
    std::abort();
}

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

/// Starts from a file that is in order.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned int) {
  if (size < 24) {
    std::string sample = tercet::gguf_test::makeSample().bytes();
    if (sample.size() <= maxSize) {
      std::memcpy(data, sample.data(), sample.size());
      size = sample.size();
    }
  }
  return LLVMFuzzerMutate(data, size, maxSize);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  // A block of its own, so that the sanitizer sees a read beyond its end.
  std::unique_ptr<char[]> copy(new char[size]);
  std::memcpy(copy.get(), data, size);
  llvm::Expected<File> file = readFile({copy.get(), size});
  if (!file) {
    std::string text = llvm::toString(file.takeError());
    expect(!text.empty() && text.size() < 1000);
    return 0;
  }
  uint64_t sum = 0;
  for (const auto &[key, value] : file->metadata.pairs()) {
    sum += lookAt(value);
    expect(file->metadata.lookup(key) != nullptr);
  }
  for (const Tensor &tensor : file->tensors) {
    expect(tensor.offset <= size && tensor.bytes <= size - tensor.offset);
    int64_t elements = 1;
    for (int64_t extent : tensor.shape)
      elements *= extent;
    expect(uint64_t(elements) / tensor.type->elements * tensor.type->bytes == tensor.bytes);
    sum += copy[tensor.offset] + copy[tensor.offset + tensor.bytes - 1];
  }
  // Sanitizers see a use of everything that was looked at.
  static volatile uint64_t seen;
  seen = sum;
  (void)seen;
  return 0;
}
