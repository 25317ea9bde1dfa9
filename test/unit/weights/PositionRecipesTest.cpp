// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tables of positions against the formulas of their descriptions, in shapes
// around the size of a chunk.

#include "compiler/weights/WeightReader.h"

#include "dialects/nn/NN.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/MLIRContext.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace mlir;
using namespace tercet;

namespace {

class PositionRecipes : public ::testing::Test {
protected:
  PositionRecipes() { context.loadDialect<nn::NNDialect>(); }

  TypedAttr parse(const std::string &text) {
    return cast<TypedAttr>(parseAttribute(text, &context));
  }
  /// The elements in f32, or the error.
  llvm::Expected<std::vector<float>> read(const std::string &text) {
    TypedAttr recipe = parse(text);
    std::vector<float> values(cast<ShapedType>(recipe.getType()).getNumElements());
    if (llvm::Error error = reader.read(
            recipe, {reinterpret_cast<char *>(values.data()), values.size() * sizeof(float)}))
      return std::move(error);
    return values;
  }

  MLIRContext context;
  WeightReader reader;
};

TEST_F(PositionRecipes, RopeTables) {
  // 4 of 10 dimensions turn; 7000 rows of 10 are more than one chunk.
  constexpr int64_t kRows = 7000, kSize = 10;
  const double factors[] = {2, 0.5};
  for (bool isCos : {true, false}) {
    auto values = read(std::string("#nn.rope_table<") + (isCos ? "cos" : "sin") +
                       ", theta = 1.0e+02 : f64, rotary = 4, attention = 3.0 : f64, factors = "
                       "dense<[2.0, 0.5]> : tensor<2xf64>> : tensor<1x7000x10xf32>");
    ASSERT_TRUE(bool(values)) << llvm::toString(values.takeError());
    for (int64_t row : {int64_t(0), int64_t(1), int64_t(77), int64_t(6553), kRows - 1})
      for (int64_t column = 0; column < kSize; ++column) {
        int64_t pair = column % (kSize / 2);
        double expected = isCos ? 1 : 0;
        if (pair < 2) {
          double angle = double(row) * std::pow(100.0, -2.0 * pair / 4) / factors[pair];
          expected = 3 * (isCos ? std::cos(angle) : std::sin(angle));
        }
        EXPECT_FLOAT_EQ((*values)[row * kSize + column], expected) << row << ", " << column;
      }
  }
}

TEST_F(PositionRecipes, FactorsMustBePositive) {
  auto values =
      read("#nn.rope_table<cos, theta = 1.0e+02 : f64, rotary = 4, attention = 1.0 : f64, "
           "factors = dense<[1.0, 0.0]> : tensor<2xf64>> : tensor<1x2x4xf32>");
  ASSERT_FALSE(bool(values));
  std::string said = llvm::toString(values.takeError());
  EXPECT_NE(said.find("expected factors of frequencies above 0, got one for pair 1"),
            std::string::npos)
      << said;
}

TEST_F(PositionRecipes, Alibi) {
  auto values = read("#nn.alibi<dense<[0.25, 0.0625]> : tensor<2xf64>> : tensor<1x2x1x9xf32>");
  ASSERT_TRUE(bool(values)) << llvm::toString(values.takeError());
  for (int64_t position = 0; position < 9; ++position) {
    EXPECT_EQ((*values)[position], 0.25f * float(position));
    EXPECT_EQ((*values)[9 + position], 0.0625f * float(position));
  }
}

/// A table that another recipe reads is made first.
TEST_F(PositionRecipes, InsideOfAnotherRecipe) {
  auto values = read("#nn.slice<#nn.alibi<dense<[0.25, 0.0625]> : tensor<2xf64>> : "
                     "tensor<1x2x1x9xf32>, offsets = [0, 1, 0, 7]> : tensor<1x1x1x2xf32>");
  ASSERT_TRUE(bool(values)) << llvm::toString(values.takeError());
  EXPECT_EQ(*values, (std::vector<float>{7 * 0.0625f, 8 * 0.0625f}));
}

} // namespace
