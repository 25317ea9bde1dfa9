// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// .npy files: what is written is read back, what is malformed is refused.

#include "compiler/support/Npy.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "gtest/gtest.h"

#include <fstream>

using namespace tercet;

namespace {

class NpyTest : public testing::Test {
protected:
  NpyTest() { EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("tercet-npy", directory)); }
  ~NpyTest() override { llvm::sys::fs::remove_directories(directory); }
  std::string path() { return (directory + "/a.npy").str(); }
  std::string errorOf(const std::string &header, const std::string &data, char version = 1) {
    std::ofstream out(path(), std::ios::binary);
    out << "\x93NUMPY" << version << '\0' << char(header.size()) << '\0' << header << data;
    out.close();
    auto array = readNpy(path());
    return array ? "" : llvm::toString(array.takeError());
  }
  llvm::SmallString<128> directory;
};

TEST_F(NpyTest, RoundTrips) {
  for (auto shape : {std::vector<int64_t>{}, {3}, {2, 3}, {0, 4}, {1, 1, 1}})
    for (const char *type : {"f4", "f8", "f2", "i1", "i2", "i4", "i8", "u1", "b1"}) {
      int64_t bytes = getNpyElementBytes(type);
      for (int64_t size : shape)
        bytes *= size;
      std::vector<char> data(bytes, 7);
      ASSERT_FALSE(bool(writeNpy(path(), type, shape, data)));
      auto array = readNpy(path());
      ASSERT_TRUE(bool(array)) << llvm::toString(array.takeError());
      EXPECT_EQ(array->dtype, type);
      EXPECT_EQ(llvm::ArrayRef<int64_t>(array->shape), llvm::ArrayRef<int64_t>(shape));
      EXPECT_EQ(array->data, data);
    }
}

TEST_F(NpyTest, RefusesWhatItCannotRead) {
  auto contains = [&](const std::string &error, const char *part) {
    EXPECT_NE(error.find(part), std::string::npos) << error;
  };
  contains(errorOf("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", "abcd"),
           "'>f4' is not supported");
  contains(errorOf("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", "abcdefgh"),
           "'<c8' is not supported");
  contains(errorOf("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", "abcd"),
           "expected C order");
  contains(errorOf("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "abcd"),
           "expected 2 elements");
  contains(errorOf("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", "abcd"),
           "malformed shape");
  contains(
      errorOf("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }", ""),
      "malformed shape");
  contains(errorOf("{'fortran_order': False, 'shape': (1,), }", ""), "expected 'descr'");
  contains(errorOf("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", ""),
           "structured");
  contains(errorOf("{}", "", 9), "format 1 to 3, got 9");
  std::ofstream(path(), std::ios::trunc) << "text";
  contains(llvm::toString(readNpy(path()).takeError()), "expected a NumPy .npy file");
  contains(llvm::toString(writeNpy((directory + "/no/such/a.npy").str(), "i1", {1}, {'a'})),
           "cannot be written");
  contains(errorOf("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", "abcd"), "");
}

} // namespace
