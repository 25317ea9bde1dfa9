// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The contraction fast path against loops in f64, around its tile sizes.

#include "EvaluatorFixture.h"

using namespace mlir;
using namespace tercet;

namespace {

using ContractionTest = EvaluatorTest;

std::string shapeText(ArrayRef<int64_t> shape, const char *element = "f32") {
  std::string text = "tensor<";
  for (int64_t size : shape)
    text += std::to_string(size) + "x";
  return text + element + ">";
}

TEST_F(ContractionTest, MatmulAroundTileSizes) {
  for (int64_t m : {1, 3, 4, 5, 257})
    for (int64_t n : {1, 7, 8, 9, 33})
      for (int64_t k : {1, 2, 19}) {
        Tensor a = random({m, k}, 1), b = random({k, n}, 2), c = random({m, n}, 3);
        std::string ta = shapeText({m, k}), tb = shapeText({k, n}), tc = shapeText({m, n});
        auto result = run("func.func @main(%a: " + ta + ", %b: " + tb + ", %c: " + tc + ") -> " +
                              tc + " {\n%0 = linalg.matmul ins(%a, %b : " + ta + ", " + tb +
                              ") outs(%c : " + tc + ") -> " + tc + "\nreturn %0 : " + tc + "\n}",
                          {a, b, c});
        auto at = [](const Tensor &t, int64_t i) { return double(t.elements<float>()[i]); };
        std::vector<double> expected;
        for (int64_t i = 0; i < m; ++i)
          for (int64_t j = 0; j < n; ++j) {
            double sum = at(c, i * n + j);
            for (int64_t p = 0; p < k; ++p)
              sum += at(a, i * k + p) * at(b, p * n + j);
            expected.push_back(double(float(sum)));
          }
        expectElements(result, expected);
      }
}

TEST_F(ContractionTest, AnyOrderOfBatchAndReducedDimensions) {
  // out[j, g, i] += a[g, p, i, q] * b[q, g, p, j], with several reduced dimensions.
  Tensor a = random({3, 2, 5, 4}, 1), b = random({4, 3, 2, 6}, 2);
  auto result = run(
      R"(func.func @main(%a: tensor<3x2x5x4xf32>, %b: tensor<4x3x2x6xf32>) -> tensor<6x3x5xf32> {
    %z = arith.constant dense<0.0> : tensor<6x3x5xf32>
    %0 = linalg.generic {indexing_maps = [affine_map<(g, i, j, p, q) -> (g, p, i, q)>,
        affine_map<(g, i, j, p, q) -> (q, g, p, j)>, affine_map<(g, i, j, p, q) -> (j, g, i)>],
        iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
        ins(%a, %b : tensor<3x2x5x4xf32>, tensor<4x3x2x6xf32>) outs(%z : tensor<6x3x5xf32>) {
      ^bb0(%x: f32, %y: f32, %o: f32):
        %p = arith.mulf %x, %y : f32
        %s = arith.addf %o, %p : f32
        linalg.yield %s : f32
    } -> tensor<6x3x5xf32>
    return %0 : tensor<6x3x5xf32>
  })",
      {a, b});
  std::vector<double> expected;
  for (int j = 0; j < 6; ++j)
    for (int g = 0; g < 3; ++g)
      for (int i = 0; i < 5; ++i) {
        double sum = 0;
        for (int p = 0; p < 2; ++p)
          for (int q = 0; q < 4; ++q)
            sum += double(a.elements<float>()[((g * 2 + p) * 5 + i) * 4 + q]) *
                   b.elements<float>()[((q * 3 + g) * 2 + p) * 6 + j];
        expected.push_back(double(float(sum)));
      }
  expectElements(result, expected);
}

TEST_F(ContractionTest, IntegersAreExactAndWrap) {
  // 3 * (-128 * -128) and 3 * (127 * -128), on top of an accumulator that wraps.
  int8_t a[] = {-128, -128, -128, 127, 127, 127}, b[] = {-128, -128, -128};
  int32_t c[] = {INT32_MAX, 0};
  auto result = run(
      R"(func.func @main(%a: tensor<2x3xi8>, %b: tensor<3x1xi8>, %c: tensor<2x1xi32>) -> tensor<2x1xi32> {
    %0 = linalg.matmul ins(%a, %b : tensor<2x3xi8>, tensor<3x1xi8>) outs(%c : tensor<2x1xi32>) -> tensor<2x1xi32>
    return %0 : tensor<2x1xi32>
  })",
      {Tensor::of<int8_t>(ints({2, 3}, 8), a), Tensor::of<int8_t>(ints({3, 1}, 8), b),
       Tensor::of<int32_t>(ints({2, 1}, 32), c)});
  expectElements(result, {double(INT32_MIN) - 1 + 3 * 128 * 128, -3.0 * 127 * 128});
  auto unsignedResult = run(
      R"(func.func @main(%a: tensor<2x3xi8>, %b: tensor<3x1xi8>, %c: tensor<2x1xi32>) -> tensor<2x1xi32> {
    %0 = linalg.matmul {cast = #linalg.type_fn<cast_unsigned>} ins(%a, %b : tensor<2x3xi8>, tensor<3x1xi8>)
      outs(%c : tensor<2x1xi32>) -> tensor<2x1xi32>
    return %0 : tensor<2x1xi32>
  })",
      {Tensor::of<int8_t>(ints({2, 3}, 8), a), Tensor::of<int8_t>(ints({3, 1}, 8), b),
       Tensor::of<int32_t>(ints({2, 1}, 32), c)});
  expectElements(unsignedResult, {double(INT32_MIN) - 1 + 3 * 128 * 128, 3.0 * 127 * 128});
}

TEST_F(ContractionTest, WideIntegersGoThroughTheGeneralPath) {
  int64_t a[] = {INT64_MAX, 3}, b[] = {2, 5};
  auto result =
      run(R"(func.func @main(%a: tensor<1x2xi64>, %b: tensor<2x1xi64>) -> tensor<1x1xi64> {
    %z = arith.constant dense<0> : tensor<1x1xi64>
    %0 = linalg.matmul ins(%a, %b : tensor<1x2xi64>, tensor<2x1xi64>) outs(%z : tensor<1x1xi64>) -> tensor<1x1xi64>
    return %0 : tensor<1x1xi64>
  })",
          {Tensor::of<int64_t>(ints({1, 2}), a), Tensor::of<int64_t>(ints({2, 1}), b)});
  EXPECT_EQ(result[0].getInt(), 13);
}

TEST_F(ContractionTest, NaNAndInfinityPassThrough) {
  float inf = std::numeric_limits<float>::infinity(), nan = std::nanf("");
  auto result =
      run(R"(func.func @main(%a: tensor<3x2xf32>, %b: tensor<2x1xf32>) -> tensor<3x1xf32> {
    %z = arith.constant dense<0.0> : tensor<3x1xf32>
    %0 = linalg.matmul ins(%a, %b : tensor<3x2xf32>, tensor<2x1xf32>) outs(%z : tensor<3x1xf32>) -> tensor<3x1xf32>
    return %0 : tensor<3x1xf32>
  })",
          {tensor({3, 2}, {inf, 1, nan, 1, 1, 1}), tensor({2, 1}, {0, 1})});
  expectElements(result, {double(nan), double(nan), 1});
}

} // namespace
