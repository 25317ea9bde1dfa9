// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The reader of GGUF files: what it decodes, and that each fault of a file is
// one error that names the pair or tensor.

#include "GgufFile.h"

#include "compiler/import/gguf/Model.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

using namespace tercet;
using namespace tercet::gguf;
using namespace tercet::gguf_test;

namespace {

/// What is wrong with the bytes, from a block of their own so that a sanitizer
/// sees a read beyond them; empty if nothing is.
std::string complaintOf(const std::string &bytes) {
  std::unique_ptr<char[]> copy(new char[bytes.size()]);
  std::copy(bytes.begin(), bytes.end(), copy.get());
  auto file = readFile({copy.get(), bytes.size()});
  return file ? "" : llvm::toString(file.takeError());
}
std::string complaintOf(const GgufFile &file) { return complaintOf(file.bytes()); }

/// The text that all of `expected` is a part of, so that a failure shows it.
void expectComplaint(const std::string &complaint, std::initializer_list<const char *> expected) {
  for (const char *part : expected)
    EXPECT_NE(complaint.find(part), std::string::npos) << "no '" << part << "' in: " << complaint;
}

TEST(GgufFile, Values) {
  std::string bytes = makeSample().bytes();
  auto file = readFile(bytes);
  ASSERT_TRUE(bool(file)) << llvm::toString(file.takeError());
  auto integer = [&](const char *key) { return file->metadata.lookup(key)->getInteger(); };
  EXPECT_EQ(integer("u8"), 200);
  EXPECT_EQ(integer("i8"), -3);
  EXPECT_EQ(integer("u16"), 60000);
  EXPECT_EQ(integer("i16"), -300);
  EXPECT_EQ(integer("u32"), 4000000000);
  EXPECT_EQ(integer("i32"), -7);
  EXPECT_EQ(integer("i64"), -9);
  EXPECT_EQ(integer("u64"), std::nullopt); // beyond 63 bits
  EXPECT_EQ(integer("string"), std::nullopt);
  EXPECT_EQ(file->metadata.lookup("f32")->getNumber(), 0.5);
  EXPECT_EQ(file->metadata.lookup("f64")->getNumber(), 0.25);
  EXPECT_EQ(file->metadata.lookup("i8")->getNumber(), -3.0);
  EXPECT_EQ(file->metadata.lookup("bool")->getBool(), true);
  EXPECT_EQ(file->metadata.lookup("string")->getString(), llvm::StringRef("llama"));
  EXPECT_EQ(file->metadata.lookup("missing"), nullptr);
  const Value *array = file->metadata.lookup("array");
  ASSERT_EQ(array->size(), 2u);
  EXPECT_EQ(array->at(1).getInteger(), -6);
  EXPECT_EQ(array->describe(), "array of 2 i32");
  std::vector<std::string> strings;
  EXPECT_TRUE(file->metadata.lookup("strings")->forEachString(
      [&](llvm::StringRef s) { strings.push_back(s.str()); }));
  EXPECT_EQ(strings, (std::vector<std::string>{"a", "", "bc"}));
  EXPECT_FALSE(array->forEachString([](llvm::StringRef) {}));
}

TEST(GgufFile, Tensors) {
  for (uint32_t version : {2u, 3u}) {
    GgufFile sample = makeSample();
    sample.version = version;
    std::string bytes = sample.bytes();
    auto file = readFile(bytes);
    ASSERT_TRUE(bool(file)) << llvm::toString(file.takeError());
    ASSERT_EQ(file->tensors.size(), 2u);
    const Tensor &matrix = file->tensors[0], &blocks = file->tensors[1];
    EXPECT_EQ(matrix.name, "w");
    EXPECT_STREQ(matrix.type->name, "F32");
    EXPECT_EQ(llvm::ArrayRef<int64_t>(matrix.shape), llvm::ArrayRef<int64_t>({3, 4}));
    EXPECT_EQ(matrix.bytes, 48u);
    EXPECT_EQ(matrix.offset, bytes.size() - sample.dataBytes);
    EXPECT_STREQ(blocks.type->name, "Q8_0");
    EXPECT_EQ(blocks.bytes, 4 * 34u);
    EXPECT_EQ(blocks.offset, matrix.offset + 64);
  }
}

TEST(GgufFile, EveryLengthBelowTheWholeIsAnError) {
  std::string bytes = makeSample().bytes();
  for (size_t length = 0; length < bytes.size(); ++length)
    EXPECT_NE(complaintOf(bytes.substr(0, length)), "") << length;
  EXPECT_EQ(complaintOf(bytes), "");
}

TEST(GgufFile, Header) {
  expectComplaint(complaintOf(std::string("GGML") + std::string(60, '\0')), {"'GGUF'"});
  GgufFile file = makeSample();
  file.version = 1;
  expectComplaint(complaintOf(file), {"expected GGUF version 2 or 3, got 1"});
  file.version = 0x03000000;
  expectComplaint(complaintOf(file), {"big-endian"});
  // Counts that no file has room for.
  for (size_t at : {8, 16}) {
    std::string bytes = makeSample().bytes();
    bytes.replace(at, 8, raw<uint64_t>(uint64_t(1) << 60));
    expectComplaint(complaintOf(bytes), {"as many tensors and metadata pairs"});
  }
}

TEST(GgufFile, Pairs) {
  auto with = [](GgufFile::Pair pair) {
    GgufFile file = makeSample();
    file.pairs.insert(file.pairs.begin(), std::move(pair));
    return complaintOf(file);
  };
  expectComplaint(with({"k", 13, raw<uint64_t>(0)}),
                  {"metadata 'k'", "value type from 0 to 12", "13"});
  expectComplaint(with({"u8", 0, raw<uint8_t>(1)}), {"metadata 'u8'", "appears twice"});
  expectComplaint(with({"", 0, raw<uint8_t>(1)}), {"got an empty one"});
  expectComplaint(with({"k", 7, raw<uint8_t>(2)}), {"bool of 0 or 1, got 2"});
  expectComplaint(with({"k", 8, raw<uint64_t>(~uint64_t(0))}), {"metadata 'k'", "beyond the end"});
  std::string huge = raw<uint64_t>(uint64_t(1) << 62);
  expectComplaint(with({"k", 9, raw<uint32_t>(4) + huge}), {"array that the file has room for"});
  expectComplaint(with({"k", 9, raw<uint32_t>(8) + huge}), {"array that the file has room for"});
  expectComplaint(with({"k", 9, raw<uint32_t>(8) + raw<uint64_t>(2) + text("a") + huge}),
                  {"string 1 of 2 goes beyond"});
  expectComplaint(with({"k", 9, raw<uint32_t>(9) + raw<uint64_t>(1)}), {"array of arrays"});
  expectComplaint(with({"k", 9, raw<uint32_t>(77) + raw<uint64_t>(1)}), {"element type"});
  expectComplaint(with({"general.alignment", 4, raw<uint32_t>(24)}), {"power of two", "24"});
  expectComplaint(with({"general.alignment", 8, text("32")}), {"power of two", "string"});
  std::string longName(1000, 'n');
  EXPECT_LT(with({longName, 13, ""}).size(), 300u);
}

TEST(GgufFile, TensorTable) {
  auto with = [](TensorEntry entry) {
    GgufFile file = makeSample();
    file.tensors.push_back(std::move(entry));
    return complaintOf(file);
  };
  expectComplaint(with({"t", {}, 0, 0}), {"tensor 't'", "1 to 4 dimensions, got 0"});
  expectComplaint(with({"t", {1, 1, 1, 1, 1}, 0, 0}), {"1 to 4 dimensions, got 5"});
  expectComplaint(with({"t", {0}, 0, 0}), {"tensor 't'", "dimension from 1", "got 0"});
  uint64_t big = uint64_t(1) << 32;
  expectComplaint(with({"t", {big, big}, 0, 0}), {"tensor 't'", "dimension from 1"});
  expectComplaint(with({"t", {uint64_t(1) << 61, 1}, 28, 0}), {"expected"});
  expectComplaint(with({"t", {32}, 4, 0}), {"tensor 't'", "known tensor type, got number 4"});
  expectComplaint(with({"t", {33, 1}, 8, 0}), {"whole blocks of 32 elements for Q8_0, got 33"});
  expectComplaint(with({"t", {4}, 0, 33}), {"multiple of 32, got 33"});
  expectComplaint(with({"t", {4}, 0, uint64_t(1) << 63}), {"tensor 't'", "cut off"});
  expectComplaint(with({"t", {60}, 0, 0}), {"tensor 't'", "240 bytes", "the data has"});
  expectComplaint(with({"t", {4}, 0, 0}), {"tensor 't'", "'w' lies over"});
  expectComplaint(with({"t", {4}, 0, 96}), {"tensor 't'", "'blocks' lies over"});
  expectComplaint(with({"w", {4}, 0, 224}), {"tensor 'w'"});
  GgufFile twice = makeSample();
  twice.dataBytes += 64;
  twice.tensors.push_back({"w", {4}, 0, 224});
  expectComplaint(complaintOf(twice), {"tensor 'w'", "appears twice"});
}

/// Files of a folder that is removed again.
class Parts : public ::testing::Test {
protected:
  void SetUp() override { ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("gguf", folder)); }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }

  std::string write(const std::string &name, const std::string &bytes) {
    llvm::SmallString<128> path(folder);
    llvm::sys::path::append(path, name);
    std::error_code error;
    llvm::raw_fd_ostream(path, error) << bytes;
    EXPECT_FALSE(error);
    return path.str().str();
  }
  /// Part `number` of `count`, with one tensor.
  static GgufFile part(uint16_t number, uint16_t count, const std::string &tensor) {
    GgufFile file;
    file.pairs = {{"split.no", 2, raw(number)}, {"split.count", 2, raw(count)}};
    if (number == 0)
      file.pairs.push_back({"split.tensors.count", 5, raw<int32_t>(count)});
    file.tensors = {{tensor, {4}, 0, 0}};
    file.dataBytes = 16;
    return file;
  }
  static std::string complaint(const std::string &path) {
    auto model = Model::open(path);
    return model ? "" : llvm::toString(model.takeError());
  }

  llvm::SmallString<128> folder;
};

TEST_F(Parts, AreOneModel) {
  std::string first = write("m-00001-of-00002.gguf", part(0, 2, "a").bytes());
  std::string second = write("m-00002-of-00002.gguf", part(1, 2, "b").bytes());
  auto model = Model::open(first);
  ASSERT_TRUE(bool(model)) << llvm::toString(model.takeError());
  EXPECT_EQ((*model)->getTensors().size(), 2u);
  EXPECT_EQ((*model)->lookup("a").path, first);
  EXPECT_EQ((*model)->lookup("b").path, second);
  EXPECT_EQ((*model)->lookup("c").tensor, nullptr);
  EXPECT_EQ((*model)->getBytes((*model)->lookup("b")), llvm::StringRef(std::string(16, '\1')));
}

TEST_F(Parts, ThatDoNotBelongTogether) {
  std::string first = write("m-00001-of-00002.gguf", part(0, 2, "a").bytes());
  expectComplaint(complaint(first), {"part 'm-00002-of-00002.gguf'", "cannot be read"});
  std::string second = write("m-00002-of-00002.gguf", part(1, 2, "a").bytes());
  expectComplaint(complaint(first), {"part 'm-00002-of-00002.gguf'", "tensor 'a'", "appears in"});
  write("m-00002-of-00002.gguf", part(1, 3, "b").bytes());
  expectComplaint(complaint(first), {"'split.count': expected 2, got 3"});
  write("m-00002-of-00002.gguf", part(0, 2, "b").bytes());
  expectComplaint(complaint(first), {"'split.no': expected 1, got 0"});
  expectComplaint(complaint(write("m-00002-of-00002.gguf", part(1, 2, "b").bytes())),
                  {"part 2 of 2", "give the first part"});
  expectComplaint(complaint(write("other.gguf", part(0, 2, "a").bytes())),
                  {"part 1 of 2", "-00001-of-00002.gguf"});
  GgufFile wrong = part(0, 2, "a");
  wrong.pairs.back().value = raw<int32_t>(5);
  write("m-00001-of-00002.gguf", wrong.bytes());
  expectComplaint(complaint(first), {"'split.tensors.count'", "2 tensors", "got 5"});
}

TEST_F(Parts, MustBeFiles) {
  expectComplaint(complaint(folder.str().str()), {"regular file"});
  expectComplaint(complaint(folder.str().str() + "/none.gguf"), {"cannot be read"});
  expectComplaint(complaint(write("empty.gguf", "")), {"cut off"});
}

} // namespace
