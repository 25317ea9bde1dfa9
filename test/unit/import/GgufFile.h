// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes GGUF files in memory for tests, faulty ones too: each part can be
// given bytes that do not belong there.

#ifndef TERCET_TEST_UNIT_IMPORT_GGUFFILE_H
#define TERCET_TEST_UNIT_IMPORT_GGUFFILE_H

#include <cstdint>
#include <string>
#include <vector>

namespace tercet::gguf_test {

/// The little-endian bytes of an integer or float.
template <class T> std::string raw(T value) {
  return std::string(reinterpret_cast<const char *>(&value), sizeof value);
}
inline std::string text(const std::string &value) { return raw<uint64_t>(value.size()) + value; }

struct TensorEntry {
  std::string name;
  /// Innermost first.
  std::vector<uint64_t> dims;
  uint32_t type = 0;
  uint64_t offset = 0;
};

struct GgufFile {
  uint32_t version = 3;
  /// Key, type, and the value's bytes.
  struct Pair {
    std::string key;
    uint32_t type;
    std::string value;
  };
  std::vector<Pair> pairs;
  std::vector<TensorEntry> tensors;
  uint64_t dataBytes = 0, alignment = 32;

  std::string bytes() const {
    std::string file =
        "GGUF" + raw(version) + raw<uint64_t>(tensors.size()) + raw<uint64_t>(pairs.size());
    for (const Pair &pair : pairs)
      file += text(pair.key) + raw(pair.type) + pair.value;
    for (const TensorEntry &tensor : tensors) {
      file += text(tensor.name) + raw<uint32_t>(tensor.dims.size());
      for (uint64_t size : tensor.dims)
        file += raw(size);
      file += raw(tensor.type) + raw(tensor.offset);
    }
    file.append((alignment - file.size() % alignment) % alignment, '\0');
    file.append(dataBytes, '\1');
    return file;
  }
};

/// A pair of every type, an F32 matrix of 3 rows of 4, and two rows in Q8_0.
inline GgufFile makeSample() {
  GgufFile file;
  file.pairs = {
      {"u8", 0, raw<uint8_t>(200)},
      {"i8", 1, raw<int8_t>(-3)},
      {"u16", 2, raw<uint16_t>(60000)},
      {"i16", 3, raw<int16_t>(-300)},
      {"u32", 4, raw<uint32_t>(4000000000u)},
      {"i32", 5, raw<int32_t>(-7)},
      {"f32", 6, raw<float>(0.5f)},
      {"bool", 7, raw<uint8_t>(1)},
      {"string", 8, text("llama")},
      {"array", 9, raw<uint32_t>(5) + raw<uint64_t>(2) + raw<int32_t>(5) + raw<int32_t>(-6)},
      {"u64", 10, raw<uint64_t>(~uint64_t(0))},
      {"i64", 11, raw<int64_t>(-9)},
      {"f64", 12, raw<double>(0.25)},
      {"strings", 9, raw<uint32_t>(8) + raw<uint64_t>(3) + text("a") + text("") + text("bc")},
  };
  file.tensors = {{"w", {4, 3}, 0, 0}, {"blocks", {64, 2}, 8, 64}};
  file.dataBytes = 64 + 4 * 34;
  return file;
}

} // namespace tercet::gguf_test

#endif // TERCET_TEST_UNIT_IMPORT_GGUFFILE_H
