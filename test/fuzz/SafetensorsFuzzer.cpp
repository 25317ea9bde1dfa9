// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The reader of safetensors files under libFuzzer, with a file that is in order
// to start from.

#include "compiler/import/safetensors/File.h"

#include <cstdlib>
#include <cstring>
#include <memory>

using namespace tercet::safetensors;

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned int) {
  static const char kHeader[] =
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
      "\"b\":{\"dtype\":\"BF16\",\"shape\":[5],\"data_offsets\":[24,34]}}";
  constexpr size_t kLength = sizeof kHeader - 1;
  if (size < 16 && maxSize >= 8 + kLength + 34) {
    uint64_t length = kLength;
    std::memcpy(data, &length, 8);
    std::memcpy(data + 8, kHeader, kLength);
    std::memset(data + 8 + kLength, 1, 34);
    size = 8 + kLength + 34;
  }
  size = LLVMFuzzerMutate(data, size, maxSize);
  // Most lengths are refused at once, so every other input gets the right one.
  if (size >= 9 && data[size - 1] % 2 == 0) {
    uint64_t length = size - 8 < 34 ? size - 8 : size - 8 - 34;
    std::memcpy(data, &length, 8);
  }
  return size;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::unique_ptr<char[]> copy(new char[size]);
  std::memcpy(copy.get(), data, size);
  auto tensors = readFile({copy.get(), size});
  if (!tensors) {
    std::string text = llvm::toString(tensors.takeError());
    if (text.empty() || text.size() > 1000)
      std::abort();
    return 0;
  }
  for (const Tensor &tensor : *tensors)
    if (tensor.offset > size || tensor.bytes > size - tensor.offset)
      std::abort();
  return 0;
}
