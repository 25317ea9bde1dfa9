// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recipes are executed and compared with plain index arithmetic, which shares
// no code with the reader. Shapes lie around the sizes at which panels and
// chunks end.

#include "compiler/weights/WeightReader.h"

#include "dialects/nn/NN.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/FileSystem.h"
#include "gtest/gtest.h"

#include <fstream>
#include <numeric>
#include <random>

using namespace mlir;
using namespace tercet;

namespace {

/// What a recipe yields at an index, as a float. Files hold f32.
float valueAt(Attribute recipe, ArrayRef<int64_t> index, ArrayRef<float> file) {
  SmallVector<int64_t> at(index);
  auto type = cast<RankedTensorType>(cast<TypedAttr>(recipe).getType());
  auto flatten = [](ArrayRef<int64_t> position, ArrayRef<int64_t> shape) {
    int64_t flat = 0;
    for (size_t dim = 0; dim < shape.size(); ++dim)
      flat = flat * shape[dim] + position[dim];
    return flat;
  };
  auto shapeOf = [](Attribute attr) {
    return cast<RankedTensorType>(cast<TypedAttr>(attr).getType()).getShape();
  };
  if (auto leaf = dyn_cast<nn::FileAttr>(recipe))
    return file[leaf.getOffset() / 4 + flatten(at, type.getShape())];
  if (auto dense = dyn_cast<DenseElementsAttr>(recipe))
    return dense.getValues<APFloat>()[flatten(at, type.getShape())].convertToFloat();
  if (auto transpose = dyn_cast<nn::TransposeAttr>(recipe)) {
    for (auto [dim, from] : llvm::enumerate(transpose.getPerm()))
      at[from] = index[dim];
    return valueAt(transpose.getSource(), at, file);
  }
  if (auto reshape = dyn_cast<nn::ReshapeAttr>(recipe)) {
    int64_t flat = flatten(at, type.getShape());
    ArrayRef<int64_t> shape = shapeOf(reshape.getSource());
    at.assign(shape.size(), 0);
    for (size_t dim = shape.size(); dim-- > 0; flat /= shape[dim])
      at[dim] = flat % shape[dim];
    return valueAt(reshape.getSource(), at, file);
  }
  if (auto slice = dyn_cast<nn::SliceAttr>(recipe)) {
    for (auto [position, offset] : llvm::zip(at, slice.getOffsets()))
      position += offset;
    return valueAt(slice.getSource(), at, file);
  }
  if (auto concat = dyn_cast<nn::ConcatAttr>(recipe)) {
    for (Attribute source : concat.getSources()) {
      int64_t size = shapeOf(source)[concat.getAxis()];
      if (at[concat.getAxis()] < size)
        return valueAt(source, at, file);
      at[concat.getAxis()] -= size;
    }
  }
  if (auto pack = dyn_cast<nn::PackAttr>(recipe)) {
    int64_t column = at[0] * pack.getPanel() + at[2];
    if (column >= shapeOf(pack.getSource())[1])
      return 0.0f;
    return valueAt(pack.getSource(), {at[1], column}, file);
  }
  ADD_FAILURE() << "unknown recipe";
  return 0.0f;
}

class WeightReaderTest : public testing::Test {
protected:
  WeightReaderTest() {
    context.loadDialect<nn::NNDialect>();
    EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("tercet-weights", directory));
    data.resize(700000);
    std::mt19937 random(7);
    for (float &value : data)
      value = float(int(random() % 2001) - 1000) / 8.0f;
    writeFile("w.bin", data.size() * 4);
  }
  ~WeightReaderTest() override { llvm::sys::fs::remove_directories(directory); }

  void writeFile(StringRef name, size_t bytes) {
    std::ofstream out((directory + "/" + name).str(), std::ios::binary);
    out.write(reinterpret_cast<const char *>(data.data()), bytes);
  }

  TypedAttr parse(const std::string &text) {
    Attribute attr = parseAttribute(text, &context);
    EXPECT_TRUE(attr) << text;
    return dyn_cast_or_null<TypedAttr>(attr);
  }
  /// "#nn.file<...> : tensor<SHAPExf32>" at an offset of elements.
  static std::string file(const std::string &shape, int64_t elements, int64_t offset = 3) {
    return "#nn.file<\"w.bin\", offset = " + std::to_string(offset * 4) +
           ", bytes = " + std::to_string(elements * 4) + "> : tensor<" + shape + "xf32>";
  }

  void expectMatches(const std::string &text) {
    TypedAttr recipe = parse(text);
    ASSERT_TRUE(recipe);
    auto type = cast<RankedTensorType>(recipe.getType());
    WeightReader reader(directory.str().str());
    std::vector<float> got(type.getNumElements());
    llvm::Error error =
        reader.read(recipe, {reinterpret_cast<char *>(got.data()), got.size() * sizeof(float)});
    ASSERT_FALSE(bool(error)) << llvm::toString(std::move(error));
    SmallVector<int64_t> index(type.getRank(), 0);
    for (size_t flat = 0; flat < got.size(); ++flat) {
      int64_t rest = flat;
      for (size_t dim = type.getRank(); dim-- > 0; rest /= type.getDimSize(dim))
        index[dim] = rest % type.getDimSize(dim);
      ASSERT_EQ(got[flat], valueAt(recipe, index, data)) << text << " at " << flat;
    }
  }

  std::string errorOf(const std::string &text) {
    TypedAttr recipe = parse(text);
    WeightReader reader(directory.str().str());
    std::vector<char> out(*getTensorBytes(cast<RankedTensorType>(recipe.getType())));
    return llvm::toString(reader.read(recipe, out));
  }

  MLIRContext context;
  llvm::SmallString<128> directory;
  std::vector<float> data;
};

TEST_F(WeightReaderTest, PacksAndTransposesAroundPanelBoundaries) {
  for (int64_t k : {1, 3, 33, 70})
    for (int64_t n : {1, 15, 16, 17, 31, 32, 33, 64, 65}) {
      std::string kn = std::to_string(k) + "x" + std::to_string(n);
      std::string nk = std::to_string(n) + "x" + std::to_string(k);
      std::string packed = std::to_string((n + 15) / 16) + "x" + std::to_string(k) + "x16";
      std::string transposed =
          "#nn.transpose<" + file(nk, n * k) + ", perm = [1, 0]> : tensor<" + kn + "xf32>";
      expectMatches(transposed);
      expectMatches("#nn.pack<" + file(kn, n * k) + ", panel = 16> : tensor<" + packed + "xf32>");
      expectMatches("#nn.pack<" + transposed + ", panel = 16> : tensor<" + packed + "xf32>");
    }
}

TEST_F(WeightReaderTest, StreamsWhatIsLargerThanAChunk) {
  // 600 x 900 floats are about eight chunks; a panel of 600 rows is less than one.
  std::string wide =
      "#nn.transpose<" + file("900x600", 540000) + ", perm = [1, 0]> : tensor<600x900xf32>";
  expectMatches(file("600x900", 540000));
  expectMatches(wide);
  expectMatches("#nn.pack<" + wide + ", panel = 32> : tensor<29x600x32xf32>");
  // One panel that is larger than a chunk; rows that are larger than a chunk.
  expectMatches("#nn.pack<" + file("9000x40", 360000) + ", panel = 32> : tensor<2x9000x32xf32>");
  expectMatches("#nn.transpose<" + file("2x3x70000", 420000) +
                ", perm = [1, 0, 2]> : tensor<3x2x70000xf32>");
  expectMatches("#nn.transpose<" + file("70000x3x2", 420000) +
                ", perm = [2, 1, 0]> : tensor<2x3x70000xf32>");
  expectMatches("#nn.concat<[" + file("2x70001", 140002) + ", " + file("2x5", 10, 9) +
                "], axis = 1> : tensor<2x70006xf32>");
}

TEST_F(WeightReaderTest, ReshapesSlicesAndConcatenates) {
  std::string source = file("4x6x5", 120);
  std::string turned = "#nn.transpose<" + source + ", perm = [2, 0, 1]> : tensor<5x4x6xf32>";
  expectMatches("#nn.reshape<" + source + "> : tensor<8x15xf32>");
  expectMatches("#nn.reshape<" + turned + "> : tensor<5x24xf32>");
  expectMatches("#nn.reshape<" + turned + "> : tensor<20x6xf32>");
  expectMatches("#nn.reshape<" + turned + "> : tensor<1x5x2x1x12xf32>");
  // A view of a reshape that has no strides, transposed again.
  expectMatches("#nn.transpose<#nn.reshape<" + turned +
                "> : tensor<10x12xf32>, perm = [1, 0]> : tensor<12x10xf32>");
  expectMatches("#nn.slice<" + turned + ", offsets = [1, 2, 3]> : tensor<3x2x3xf32>");
  expectMatches("#nn.reshape<#nn.slice<" + turned +
                ", offsets = [1, 2, 3]> : tensor<3x2x3xf32>> : tensor<18xf32>");
  std::string left = file("7x5", 35), right = file("7x3", 21, 100);
  std::string joined =
      "#nn.concat<[" + left + ", " + right + ", " + left + "], axis = 1> : tensor<7x13xf32>";
  expectMatches(joined);
  expectMatches("#nn.pack<" + joined + ", panel = 8> : tensor<2x7x8xf32>");
  expectMatches("#nn.concat<[#nn.pack<" + left + ", panel = 4> : tensor<2x7x4xf32>, " +
                file("1x7x4", 28) + "], axis = 0> : tensor<3x7x4xf32>");
  expectMatches(
      "#nn.transpose<#nn.concat<[dense<2.5> : tensor<2x3xf32>, dense<[[1.0, 2.0, 3.0]]> : "
      "tensor<1x3xf32>], axis = 0> : tensor<3x3xf32>, perm = [1, 0]> : tensor<3x3xf32>");
  expectMatches("#nn.reshape<" + file("1x1", 1) + "> : tensor<f32>");
  expectMatches("#nn.reshape<dense<1.5> : tensor<f32>> : tensor<1x1xf32>");
  expectMatches("#nn.reshape<" + file("3x0x2", 0) + "> : tensor<0xf32>");
}

TEST_F(WeightReaderTest, ConvertsElements) {
  WeightReader reader(directory.str().str());
  std::string half = "#nn.cast<#nn.transpose<" + file("5x3", 15) +
                     ", perm = [1, 0]> : tensor<3x5xf32>> : tensor<3x5xf16>";
  std::vector<Half> halves(15);
  ASSERT_FALSE(bool(reader.read(parse(half), {reinterpret_cast<char *>(halves.data()), 30})));
  for (int i = 0; i < 15; ++i)
    EXPECT_EQ(halves[i].bits, toHalf(data[3 + (i % 5) * 3 + i / 5]).bits);
  // A conversion under a panel layout, and one on top of another.
  std::vector<float> panels(32);
  ASSERT_FALSE(bool(reader.read(
      parse("#nn.pack<#nn.cast<" + half + "> : tensor<3x5xf32>, panel = 4> : tensor<2x3x4xf32>"),
      {reinterpret_cast<char *>(panels.data()), 96})));
  for (int column = 0; column < 8; ++column)
    for (int row = 0; row < 3; ++row)
      EXPECT_EQ(panels[column / 4 * 12 + row * 4 + column % 4],
                column < 5 ? toFloat(halves[row * 5 + column]) : 0.0f);
  std::vector<uint8_t> flags(3);
  ASSERT_FALSE(bool(reader.read(parse("dense<[true, false, true]> : tensor<3xi1>"),
                                {reinterpret_cast<char *>(flags.data()), 3})));
  EXPECT_EQ(flags, (std::vector<uint8_t>{1, 0, 1}));
  std::vector<int64_t> wide(2);
  ASSERT_FALSE(bool(reader.read(parse("#nn.cast<dense<[-1, 7]> : tensor<2xi8>> : tensor<2xi64>"),
                                {reinterpret_cast<char *>(wide.data()), 16})));
  EXPECT_EQ(wide, (std::vector<int64_t>{-1, 7}));
}

TEST_F(WeightReaderTest, ReportsFilesThatAreNotAsImported) {
  EXPECT_NE(errorOf("#nn.file<\"w.bin\", offset = 2799996, bytes = 8> : tensor<2xf32>")
                .find("expected 8 bytes at offset 2799996, but the file has 2800000"),
            std::string::npos);
  EXPECT_NE(errorOf("#nn.file<\"absent.bin\", offset = 0, bytes = 8> : tensor<2xf32>")
                .find("cannot be opened"),
            std::string::npos);
  EXPECT_NE(errorOf("#nn.file<\".\", offset = 0, bytes = 8> : tensor<2xf32>")
                .find("expected a regular file"),
            std::string::npos);
  EXPECT_NE(errorOf("#nn.file<\"w.bin\", offset = 0, bytes = 8, digest = \"12ab\"> : tensor<2xf32>")
                .find("the file changed since import"),
            std::string::npos);
  std::string digest = computeDigest({reinterpret_cast<const char *>(data.data()), 8});
  EXPECT_EQ(errorOf("#nn.file<\"w.bin\", offset = 0, bytes = 8, digest = \"" + digest +
                    "\"> : tensor<2xf32>"),
            "");
}

TEST_F(WeightReaderTest, NoticesAFileThatShrinksWhileItIsMapped) {
  WeightReader reader(directory.str().str());
  TypedAttr recipe = parse("#nn.file<\"w.bin\", offset = 40960, bytes = 4096> : tensor<1024xf32>");
  std::vector<char> out(4096);
  EXPECT_FALSE(bool(reader.read(recipe, out)));
  writeFile("w.bin", 8192);
  EXPECT_TRUE(
      StringRef(llvm::toString(reader.read(recipe, out))).contains("but the file has 8192"));
}

TEST_F(WeightReaderTest, EndsTheStreamWithTheSinksError) {
  WeightReader reader(directory.str().str());
  int chunks = 0;
  llvm::Error error = reader.stream(parse(file("600x900", 540000)), [&](ArrayRef<char>) {
    return ++chunks == 2 ? llvm::createStringError(llvm::inconvertibleErrorCode(), "no space left")
                         : llvm::Error::success();
  });
  EXPECT_EQ(llvm::toString(std::move(error)), "no space left");
  EXPECT_EQ(chunks, 2);
}

} // namespace
