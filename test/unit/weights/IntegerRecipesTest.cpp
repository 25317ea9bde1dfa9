// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recipes of integer weights against loops that follow their descriptions, at
// sizes around panels, groups of four and chunks of the stream.

#include "compiler/weights/WeightReader.h"

#include "dialects/nn/NN.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/FileSystem.h"
#include "gtest/gtest.h"

#include <cmath>
#include <fstream>
#include <random>

using namespace mlir;
using namespace tercet;

namespace {

class IntegerRecipesTest : public testing::Test {
protected:
  IntegerRecipesTest() {
    context.loadDialect<nn::NNDialect>();
    EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("tercet-integers", directory));
    data.resize(300000);
    std::mt19937 random(11);
    std::normal_distribution<float> normal;
    for (float &value : data)
      value = normal(random);
    std::ofstream out((directory + "/w.bin").str(), std::ios::binary);
    out.write(reinterpret_cast<const char *>(data.data()), data.size() * 4);
  }
  ~IntegerRecipesTest() override { llvm::sys::fs::remove_directories(directory); }

  static std::string shape(int64_t a, int64_t b, const char *element = "f32") {
    return "tensor<" + std::to_string(a) + "x" + std::to_string(b) + "x" + element + ">";
  }
  static std::string shape(int64_t a, const char *element = "f32") {
    return "tensor<" + std::to_string(a) + "x" + element + ">";
  }
  /// The file from its start as [N, K], and transposed as [K, N].
  static std::string matrix(int64_t k, int64_t n) {
    return "#nn.transpose<#nn.file<\"w.bin\", offset = 0, bytes = " + std::to_string(k * n * 4) +
           "> : " + shape(n, k) + ", perm = [1, 0]> : " + shape(k, n);
  }
  double weight(int64_t k, int64_t row, int64_t column) const { return data[column * k + row]; }

  template <class T> std::vector<T> execute(const std::string &text) {
    auto recipe = dyn_cast_or_null<TypedAttr>(parseAttribute(text, &context));
    EXPECT_TRUE(recipe) << text;
    if (!recipe)
      return {};
    std::vector<T> result(cast<ShapedType>(recipe.getType()).getNumElements());
    WeightReader reader(directory.str().str());
    llvm::Error error =
        reader.read(recipe, {reinterpret_cast<char *>(result.data()), result.size() * sizeof(T)});
    message = llvm::toString(std::move(error));
    return result;
  }

  std::vector<double> scalesOf(int64_t k, int64_t n, const std::vector<double> &rows = {}) const {
    std::vector<double> scales(n);
    double greatest = 0;
    for (int64_t column = 0; column < n; ++column) {
      for (int64_t row = 0; row < k; ++row)
        scales[column] = std::max(
            scales[column], std::fabs(weight(k, row, column) * (rows.empty() ? 1 : rows[row])));
      scales[column] /= 127;
      greatest = std::max(greatest, scales[column]);
    }
    for (double &scale : scales)
      scale = greatest == 0 ? 1 : std::max(scale, greatest / 4096);
    return scales;
  }

  MLIRContext context;
  llvm::SmallString<128> directory;
  std::vector<float> data;
  std::string message;
};

TEST_F(IntegerRecipesTest, QuantizesColumns) {
  for (auto [k, n] : {std::pair<int64_t, int64_t>{1, 1}, {7, 33}, {513, 300}}) {
    // One column of zeros and one of almost nothing among the others.
    if (n > 2)
      for (int64_t row = 0; row < k; ++row) {
        data[row] = 0;
        data[k + row] *= 1e-6f;
      }
    std::ofstream((directory + "/w.bin").str(), std::ios::binary)
        .write(reinterpret_cast<const char *>(data.data()), data.size() * 4);
    std::vector<double> scales = scalesOf(k, n);
    EXPECT_EQ(execute<double>("#nn.column_scale<" + matrix(k, n) + "> : " + shape(n, "f64")),
              scales);
    std::vector<int8_t> got =
        execute<int8_t>("#nn.quantize_columns<" + matrix(k, n) + "> : " + shape(k, n, "i8"));
    EXPECT_EQ(message, "");
    for (int64_t row = 0; row < k; ++row)
      for (int64_t column = 0; column < n; ++column) {
        double exact = weight(k, row, column) / scales[column];
        int8_t value = got[row * n + column];
        ASSERT_LE(std::fabs(value - exact), 0.5) << row << ", " << column;
        ASSERT_LE(std::abs(int(value)), 127);
      }
  }
}

TEST_F(IntegerRecipesTest, RoundsHalfToEvenAndSaturates) {
  EXPECT_EQ(execute<int8_t>("#nn.quantize_columns<dense<[[127.0], [0.5], [1.5], [-2.5], [-127.0]]> "
                            ": tensor<5x1xf32>> : tensor<5x1xi8>"),
            (std::vector<int8_t>{127, 0, 2, -2, -127}));
  EXPECT_EQ(execute<int8_t>("#nn.quantize_columns<dense<0.0> : tensor<2x2xf32>> : tensor<2x2xi8>"),
            (std::vector<int8_t>(4, 0)));
  EXPECT_EQ(execute<double>("#nn.column_scale<dense<0.0> : tensor<2x2xf32>> : tensor<2xf64>"),
            (std::vector<double>{1, 1}));
  EXPECT_EQ(execute<int32_t>("#nn.fixed_point<dense<[0.25, 0.75, -1.25, 3.0e38, -3.0e38]> : "
                             "tensor<5xf32>, factor = 2.0, shift = 0> : tensor<5xi32>"),
            (std::vector<int32_t>{0, 2, -2, INT32_MAX, INT32_MIN}));
  EXPECT_EQ(execute<int32_t>("#nn.fixed_point<dense<[1.0, 3.0]> : tensor<2xf32>, factor = 0.75, "
                             "shift = 30> : tensor<2xi32>"),
            (std::vector<int32_t>{805306368, INT32_MAX}));
  EXPECT_EQ(execute<int32_t>("#nn.fixed_point<dense<[256.0]> : tensor<1xf32>, factor = 1.0, "
                             "shift = -8> : tensor<1xi32>"),
            (std::vector<int32_t>{1}));
}

TEST_F(IntegerRecipesTest, ScalesRowsBeforeColumnsAreQuantised) {
  int64_t k = 40, n = 9;
  std::vector<double> factors;
  std::string list;
  for (int64_t row = 0; row < k; ++row) {
    factors.push_back(1.0 + row * 0.125);
    list += (row ? ", " : "") + std::to_string(factors.back());
  }
  std::string scaled = "#nn.scale_rows<" + matrix(k, n) + ", factors = dense<[" + list +
                       "]> : tensor<40xf32>> : " + shape(k, n, "f64");
  std::vector<double> got = execute<double>(scaled), scales = scalesOf(k, n, factors);
  for (int64_t row = 0; row < k; ++row)
    for (int64_t column = 0; column < n; ++column)
      ASSERT_EQ(got[row * n + column], weight(k, row, column) * factors[row]);
  EXPECT_EQ(execute<double>("#nn.column_scale<" + scaled + "> : " + shape(n, "f64")), scales);
  // Of a vector each element is a row.
  EXPECT_EQ(execute<double>("#nn.scale_rows<dense<[1.0, 2.0]> : tensor<2xf32>, factors = "
                            "dense<[0.5, 0.25]> : tensor<2xf64>> : tensor<2xf64>"),
            (std::vector<double>{0.5, 0.5}));
}

TEST_F(IntegerRecipesTest, FoldsTheZeroOfTheInputIntoTheBias) {
  int64_t k = 130, n = 35, zero = -7;
  double scale = 0.03125;
  std::vector<double> scales = scalesOf(k, n);
  std::string quantised = "#nn.quantize_columns<" + matrix(k, n) + "> : " + shape(k, n, "i8");
  std::string start = "#nn.column_bias<" + quantised + ", scales = #nn.column_scale<" +
                      matrix(k, n) + "> : " + shape(n, "f64");
  start += ", scale = 3.125000e-02, zero = -7";
  std::string end = "> : " + shape(n, "i32");
  std::vector<int8_t> q = execute<int8_t>(quantised);
  std::vector<int32_t> with = execute<int32_t>(
      start + ", bias = #nn.file<\"w.bin\", offset = 4000, bytes = 140> : tensor<35xf32>" + end);
  std::vector<int32_t> without = execute<int32_t>(start + end);
  EXPECT_EQ(message, "");
  for (int64_t column = 0; column < n; ++column) {
    int64_t sum = 0;
    for (int64_t row = 0; row < k; ++row)
      sum += q[row * n + column];
    EXPECT_EQ(without[column], -zero * sum);
    double bias = data[1000 + column] / (scale * scales[column]);
    EXPECT_LE(std::fabs(with[column] - (bias - double(zero) * sum)), 0.5);
  }
  // The bias makes up for the weight's rounding, with inputs of these means.
  std::vector<int32_t> corrected = execute<int32_t>(
      start +
      ", bias = #nn.file<\"w.bin\", offset = 4000, bytes = 140> : tensor<35xf32> means = "
      "#nn.file<\"w.bin\", offset = 8000, bytes = " +
      std::to_string(4 * k) + "> : " + shape(k) + end);
  EXPECT_EQ(message, "");
  EXPECT_NE(corrected, with);
  for (int64_t column = 0; column < n; ++column) {
    double bias = data[1000 + column], sum = 0;
    for (int64_t row = 0; row < k; ++row) {
      bias += data[2000 + row] * (weight(k, row, column) - scales[column] * q[row * n + column]);
      sum += q[row * n + column];
    }
    EXPECT_LE(std::fabs(corrected[column] - (bias / (scale * scales[column]) - double(zero) * sum)),
              0.5 + 1e-6);
  }
}

TEST_F(IntegerRecipesTest, PacksGroupsOfFour) {
  for (auto [k, n] : {std::pair<int64_t, int64_t>{1, 1}, {4, 32}, {5, 31}, {9, 33}, {3000, 65}}) {
    std::string quantised = "#nn.quantize_columns<" + matrix(k, n) + "> : " + shape(k, n, "i8");
    int64_t panels = (n + 31) / 32, groups = (k + 3) / 4;
    std::vector<int8_t> q = execute<int8_t>(quantised);
    std::vector<uint8_t> packed =
        execute<uint8_t>("#nn.pack_dot<" + quantised + ", panel = 32> : tensor<" +
                         std::to_string(panels) + "x" + std::to_string(groups) + "x32x4xi8>");
    EXPECT_EQ(message, "");
    for (int64_t at = 0; at < int64_t(packed.size()); ++at) {
      int64_t row = at / 128 % groups * 4 + at % 4, column = at / 128 / groups * 32 + at / 4 % 32;
      int expected = row < k && column < n ? q[row * n + column] + 128 : 128;
      ASSERT_EQ(packed[at], expected) << k << "x" << n << " at " << at;
    }
  }
}

TEST_F(IntegerRecipesTest, RefusesWhatHasNoIntegers) {
  execute<int32_t>(
      "#nn.column_bias<dense<1> : tensor<4x2xi8>, scales = dense<[1.0, 1.0e-9]> : "
      "tensor<2xf64>, scale = 0.5, zero = 0, bias = dense<[1.0, 2.0]> : tensor<2xf32>> "
      ": tensor<2xi32>");
  EXPECT_NE(message.find("the bias of column 1 is 4000000000 in units of its sums"),
            std::string::npos)
      << message;
  execute<int8_t>("#nn.quantize_columns<dense<[[1.0], [0x7FC00000]]> : tensor<2x1xf32>> : "
                  "tensor<2x1xi8>");
  EXPECT_NE(message.find("element 1 of a weight that is wanted in integers is not finite"),
            std::string::npos)
      << message;
}

} // namespace
