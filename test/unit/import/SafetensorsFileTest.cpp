// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The reader of safetensors files: what it decodes, and that each fault is one
// error.

#include "compiler/import/safetensors/File.h"

#include <gtest/gtest.h>

using namespace tercet;
using namespace tercet::safetensors;

namespace {

std::string withHeader(const std::string &header, size_t data) {
  uint64_t length = header.size();
  return std::string(reinterpret_cast<const char *>(&length), 8) + header + std::string(data, '\1');
}

/// What is wrong with the bytes, from a block of their own.
std::string complaintOf(const std::string &bytes) {
  std::unique_ptr<char[]> copy(new char[bytes.size()]);
  std::copy(bytes.begin(), bytes.end(), copy.get());
  auto tensors = readFile({copy.get(), bytes.size()});
  return tensors ? "" : llvm::toString(tensors.takeError());
}

void expectComplaint(const std::string &header, size_t data, const std::string &expected) {
  std::string complaint = complaintOf(withHeader(header, data));
  EXPECT_NE(complaint.find(expected), std::string::npos)
      << "no '" << expected << "' in: " << complaint;
}

std::string entry(const std::string &type, const std::string &shape, const std::string &offsets) {
  return "{\"dtype\":\"" + type + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
}

const std::string kSample =
    "{\"__metadata__\":{\"format\":\"pt\"},\"b\":" + entry("F32", "[2,3]", "[0,24]") +
    ",\"a\":" + entry("BF16", "[5]", "[24,34]") + "}  ";

TEST(SafetensorsFile, Tensors) {
  std::string bytes = withHeader(kSample, 34);
  auto tensors = readFile(bytes);
  ASSERT_TRUE(bool(tensors)) << llvm::toString(tensors.takeError());
  ASSERT_EQ(tensors->size(), 2u);
  EXPECT_EQ((*tensors)[0].name, "a");
  EXPECT_EQ((*tensors)[0].type, "BF16");
  EXPECT_EQ((*tensors)[0].offset, 8 + kSample.size() + 24);
  EXPECT_EQ((*tensors)[1].name, "b");
  EXPECT_EQ(llvm::ArrayRef<int64_t>((*tensors)[1].shape), llvm::ArrayRef<int64_t>({2, 3}));
  EXPECT_EQ((*tensors)[1].bytes, 24u);
}

TEST(SafetensorsFile, EveryLengthBelowTheWholeIsAnError) {
  std::string bytes = withHeader(kSample, 34);
  for (size_t length = 0; length < bytes.size(); ++length)
    EXPECT_NE(complaintOf(bytes.substr(0, length)), "") << length;
  EXPECT_EQ(complaintOf(bytes), "");
}

TEST(SafetensorsFile, Header) {
  EXPECT_NE(complaintOf(std::string(8, '\xff') + "{}").find("length"), std::string::npos);
  expectComplaint("[]", 0, "expected an object");
  expectComplaint("{\"a\":", 0, "header:");
  expectComplaint("{\"a", 0, "end of a string");
  expectComplaint(std::string(100000, '['), 0, "at most 16 levels");
  std::string one = entry("I8", "[1]", "[0,1]");
  expectComplaint("{\"a\":" + one + ",\"a\":" + one + "}", 1, "the name 'a' appears twice");
  expectComplaint("{\"a\":" + one + ",\"\\u0061\":" + one + "}", 1, "appears twice");
  // A name in a value is none.
  EXPECT_EQ(
      complaintOf(withHeader("{\"__metadata__\":{\"x\":\"a\",\"y\":\":\"},\"x\":" + one + "}", 1)),
      "");
}

TEST(SafetensorsFile, Entries) {
  auto with = [](const std::string &value, const std::string &expected) {
    expectComplaint("{\"t\":" + value + "}", 16, expected);
  };
  with("7", "tensor 't': expected dtype, shape and data_offsets");
  with("{\"dtype\":\"F32\",\"shape\":[1]}", "expected dtype, shape and data_offsets");
  with(entry("F4", "[1]", "[0,1]"), "tensor 't': expected a known dtype, got 'F4'");
  with(entry("F32", "[0]", "[0,0]"), "expected dimensions from 1 on");
  with(entry("F32", "[-4]", "[0,16]"), "expected dimensions from 1 on");
  with(entry("F32", "[4294967296,4294967296]", "[0,16]"), "expected dimensions from 1 on");
  with(entry("F32", "[1.5]", "[0,16]"), "expected dimensions from 1 on");
  with(entry("F32", "[4]", "[0,17]"), "expected data_offsets within the 16 bytes");
  with(entry("F32", "[4]", "[16,0]"), "expected data_offsets");
  with(entry("F32", "[4]", "[0]"), "expected data_offsets");
  with(entry("F32", "[4]", "[0,\"16\"]"), "expected data_offsets");
  with(entry("F32", "[3]", "[0,16]"), "expected 12 bytes for its shape, got 16");
  expectComplaint("{\"a\":" + entry("F32", "[4]", "[0,16]") +
                      ",\"b\":" + entry("F32", "[1]", "[12,16]") + "}",
                  16, "tensor 'b': expected bytes of its own, but 'a' lies over");
}

} // namespace
