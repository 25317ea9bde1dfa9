// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recipes that put elements in another order, and the groups of GPTQ's
// act-order as they are made of them: rows wider than a chunk of the stream too.

#include "compiler/weights/WeightReader.h"

#include "dialects/nn/NN.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/FileSystem.h"
#include "gtest/gtest.h"

#include <fstream>
#include <numeric>

using namespace mlir;
using namespace tercet;

namespace {

class OrderRecipesTest : public testing::Test {
protected:
  OrderRecipesTest() {
    context.loadDialect<nn::NNDialect>();
    EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("tercet-order", directory));
  }
  ~OrderRecipesTest() override { llvm::sys::fs::remove_directories(directory); }

  /// A file of these integers, as a recipe.
  std::string file(const std::string &name, const std::vector<int32_t> &values,
                   const std::string &shape) {
    std::ofstream out((directory + "/" + name).str(), std::ios::binary);
    out.write(reinterpret_cast<const char *>(values.data()), values.size() * 4);
    return "#nn.file<\"" + name + "\", offset = 0, bytes = " + std::to_string(values.size() * 4) +
           "> : tensor<" + shape + "xi32>";
  }

  template <class T> std::vector<T> execute(const std::string &text) {
    auto recipe = dyn_cast_or_null<TypedAttr>(parseAttribute(text, &context));
    EXPECT_TRUE(recipe) << text;
    if (!recipe)
      return {};
    std::vector<T> result(cast<ShapedType>(recipe.getType()).getNumElements());
    WeightReader reader(directory.str().str());
    message = llvm::toString(
        reader.read(recipe, {reinterpret_cast<char *>(result.data()), result.size() * sizeof(T)}));
    return result;
  }

  MLIRContext context;
  llvm::SmallString<128> directory;
  std::string message;
};

TEST_F(OrderRecipesTest, SortsWithoutMovingEqualOnes) {
  std::vector<int64_t> order = execute<int64_t>(
      "#nn.sort_order<dense<[2, 0, -1, 2, 0, 1]> : tensor<6xi32>> : tensor<6xi64>");
  EXPECT_EQ(message, "");
  EXPECT_EQ(order, (std::vector<int64_t>{2, 1, 4, 5, 0, 3}));
}

TEST_F(OrderRecipesTest, TakesElementsOfEveryRow) {
  // More than a chunk of the stream in a row, and no divisor of it.
  int64_t rows = 3, columns = 70001;
  std::vector<int32_t> keys(columns), values(rows * columns);
  for (int64_t i = 0; i < columns; ++i)
    keys[i] = static_cast<int32_t>(i * 48271 % 97);
  std::iota(values.begin(), values.end(), 0);
  std::string order = "#nn.sort_order<" + file("keys", keys, "70001") + "> : tensor<70001xi64>";
  std::vector<int64_t> at = execute<int64_t>(order);
  std::vector<int32_t> got = execute<int32_t>("#nn.take<" + file("values", values, "3x70001") +
                                              ", indices = " + order + "> : tensor<3x70001xi32>");
  EXPECT_EQ(message, "");
  for (int64_t i = 1; i < columns; ++i)
    ASSERT_TRUE(keys[at[i - 1]] < keys[at[i]] ||
                (keys[at[i - 1]] == keys[at[i]] && at[i - 1] < at[i]));
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < columns; ++i)
      ASSERT_EQ(got[row * columns + i], row * columns + at[i]);
}

TEST_F(OrderRecipesTest, RefusesAnIndexOutOfRange) {
  for (const char *index : {"3", "-1"}) {
    execute<int32_t>(std::string("#nn.take<dense<1> : tensor<2x3xi32>, indices = dense<[0, ") +
                     index + "]> : tensor<2xi64>> : tensor<2x2xi32>");
    EXPECT_EQ(message, std::string("weight recipe: the index ") + index +
                           " is not one of the 3 elements that are taken from");
  }
}

} // namespace
