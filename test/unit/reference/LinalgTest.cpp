// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Structured operations: maps that broadcast, reductions along every
// dimension, index and extract in bodies, named operations.

#include "EvaluatorFixture.h"

using namespace mlir;
using namespace tercet;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

using LinalgTest = EvaluatorTest;

TEST_F(LinalgTest, BroadcastsThroughConstantsAndMissingDimensions) {
  expectElements(
      run(R"(func.func @main(%x: tensor<2x3xf32>, %row: tensor<1x3xf32>, %column: tensor<2xf32>) -> tensor<2x3xf32> {
    %e = tensor.empty() : tensor<2x3xf32>
    %0 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (0, j)>,
        affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
        ins(%x, %row, %column : tensor<2x3xf32>, tensor<1x3xf32>, tensor<2xf32>) outs(%e : tensor<2x3xf32>) {
      ^bb0(%a: f32, %b: f32, %c: f32, %o: f32):
        %s = arith.addf %a, %b : f32
        %t = arith.addf %s, %c : f32
        linalg.yield %t : f32
    } -> tensor<2x3xf32>
    return %0 : tensor<2x3xf32>
  })",
          {tensor({2, 3}, {1, 2, 3, 4, 5, 6}), tensor({1, 3}, {10, 20, 30}),
           tensor({2}, {100, 200})}),
      {111, 122, 133, 214, 225, 236});
}

TEST_F(LinalgTest, ReducesAlongEveryDimension) {
  // More than a chunk of lanes, in every position of the reduced dimension.
  for (auto [shape, dim] :
       {std::pair(std::vector<int64_t>{3, 1100}, 1), std::pair(std::vector<int64_t>{1100, 3}, 0),
        std::pair(std::vector<int64_t>{2, 513, 5}, 1), std::pair(std::vector<int64_t>{1, 7}, 0)}) {
    std::string in = "tensor<", out = "tensor<";
    std::vector<int64_t> kept;
    for (size_t d = 0; d < shape.size(); ++d) {
      in += std::to_string(shape[d]) + "x";
      if (int(d) != dim) {
        kept.push_back(shape[d]);
        out += std::to_string(shape[d]) + "x";
      }
    }
    in += "f32>", out += "f32>";
    Tensor x = random(shape, 3);
    auto sum = run("func.func @main(%x: " + in + ", %i: " + out + ") -> " + out +
                       " {\n%0 = linalg.reduce {arith.addf} ins(%x : " + in + ") outs(%i : " + out +
                       ") dimensions = [" + std::to_string(dim) + "]\nreturn %0 : " + out + "\n}",
                   {x, tensor(kept, std::vector<float>(floats(kept).getNumElements(), 0.5f))});
    int64_t inner = 1;
    for (size_t d = dim + 1; d < shape.size(); ++d)
      inner *= shape[d];
    std::vector<double> expected(floats(kept).getNumElements(), 0.5);
    ArrayRef<float> values = x.elements<float>();
    for (size_t i = 0; i < values.size(); ++i)
      expected[i / (inner * shape[dim]) * inner + i % inner] += values[i];
    expectElements(sum, expected, 1e-7);
  }
}

TEST_F(LinalgTest, ReducesWithTheCombinersOfFloatsAndIntegers) {
  auto reduce = [&](const std::string &op, const Tensor &x, float init) {
    return run("func.func @main(%x: tensor<4xf32>, %i: tensor<f32>) -> tensor<f32> {\n%0 = "
               "linalg.reduce {" +
                   op +
                   "} ins(%x : tensor<4xf32>) outs(%i : tensor<f32>) "
                   "dimensions = [0]\nreturn %0 : tensor<f32>\n}",
               {x, tensor({}, {init})});
  };
  Tensor x = tensor({4}, {1, -3, 2, 0.5f}), withNaN = tensor({4}, {1, kNaN, 2, 0.5f});
  expectElements(reduce("arith.maximumf", x, -kInf), {2});
  expectElements(reduce("arith.minimumf", x, kInf), {-3});
  expectElements(reduce("arith.mulf", x, 2), {-6});
  expectElements(reduce("arith.maximumf", withNaN, -kInf), {kNaN});
  expectElements(reduce("arith.maxnumf", withNaN, -kInf), {2});
  expectElements(reduce("arith.addf", tensor({4}, {kInf, 1, -kInf, 1}), 0), {kNaN});
  // What f32 would lose one by one is kept.
  expectElements(reduce("arith.addf", tensor({4}, {0x1p25f, 1, 1, -0x1p25f}), 0), {2});
  int8_t bytes[] = {100, 100, 100};
  expectElements(run(R"(func.func @main(%x: tensor<3xi8>) -> tensor<i8> {
    %z = arith.constant dense<0> : tensor<i8>
    %0 = linalg.reduce {arith.addi} ins(%x : tensor<3xi8>) outs(%z : tensor<i8>) dimensions = [0]
    return %0 : tensor<i8>
  })",
                     {Tensor::of<int8_t>(ints({3}, 8), bytes)}),
                 {44});
}

TEST_F(LinalgTest, RunsReductionsThatAreNoSimpleFold) {
  // Maximum and its position: two accumulators that depend on one another.
  auto results = run(R"(func.func @main(%x: tensor<3x4xf32>) -> (tensor<3xi64>, tensor<3xf32>) {
    %low = arith.constant dense<0xFF800000> : tensor<3xf32>
    %zero = arith.constant dense<0> : tensor<3xi64>
    %0:2 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>,
        affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
        ins(%x : tensor<3x4xf32>) outs(%low, %zero : tensor<3xf32>, tensor<3xi64>) {
      ^bb0(%a: f32, %m: f32, %at: i64):
        %j = linalg.index 1 : index
        %j64 = arith.index_cast %j : index to i64
        %c = arith.cmpf ogt, %a, %m : f32
        %m1 = arith.select %c, %a, %m : f32
        %at1 = arith.select %c, %j64, %at : i64
        linalg.yield %m1, %at1 : f32, i64
    } -> (tensor<3xf32>, tensor<3xi64>)
    return %0#1, %0#0 : tensor<3xi64>, tensor<3xf32>
  })",
                     {tensor({3, 4}, {1, 5, 2, 5, -1, -2, -3, -4, 0, 0, 0, 9})});
  expectElements(results, {1, 0, 3});
}

TEST_F(LinalgTest, RunsAScanOverOneVector) {
  // Order matters: x[0] - (x[1] - ...) style recurrences run one by one.
  expectElements(run(R"(func.func @main(%x: tensor<4xf32>) -> tensor<f32> {
    %z = arith.constant dense<1.0> : tensor<f32>
    %0 = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>],
        iterator_types = ["reduction"]} ins(%x : tensor<4xf32>) outs(%z : tensor<f32>) {
      ^bb0(%a: f32, %acc: f32):
        %s = arith.subf %a, %acc : f32
        linalg.yield %s : f32
    } -> tensor<f32>
    return %0 : tensor<f32>
  })",
                     {tensor({4}, {1, 2, 4, 8})}),
                 {8 - (4 - (2 - (1 - 1)))});
}

TEST_F(LinalgTest, ReadsStridedAndReversedAndQuasiAffineMaps) {
  expectElements(run(R"(func.func @main(%x: tensor<6xf32>) -> tensor<3x2xf32> {
    %e = tensor.empty() : tensor<3x2xf32>
    %0 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i + 2 * j)>, affine_map<(i, j) -> (i, j)>],
        iterator_types = ["parallel", "parallel"]} ins(%x : tensor<6xf32>) outs(%e : tensor<3x2xf32>) {
      ^bb0(%a: f32, %o: f32):
        linalg.yield %a : f32
    } -> tensor<3x2xf32>
    return %0 : tensor<3x2xf32>
  })",
                     {tensor({6}, {0, 1, 2, 3, 4, 5})}),
                 {0, 2, 1, 3, 2, 4});
  expectElements(run(R"(func.func @main(%x: tensor<3xf32>) -> tensor<6xf32> {
    %e = tensor.empty() : tensor<6xf32>
    %0 = linalg.generic {indexing_maps = [affine_map<(i) -> (i floordiv 2)>, affine_map<(i) -> (i)>],
        iterator_types = ["parallel"]} ins(%x : tensor<3xf32>) outs(%e : tensor<6xf32>) {
      ^bb0(%a: f32, %o: f32):
        linalg.yield %a : f32
    } -> tensor<6xf32>
    return %0 : tensor<6xf32>
  })",
                     {tensor({3}, {7, 8, 9})}),
                 {7, 7, 8, 8, 9, 9});
}

TEST_F(LinalgTest, ReadsItsDestinationInPlace) {
  // The destination is used again afterwards, so it must not be overwritten.
  expectElements(run(R"(func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
    %0 = linalg.map {arith.addf} ins(%x, %x : tensor<3xf32>, tensor<3xf32>) outs(%x : tensor<3xf32>)
    %1 = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
        iterator_types = ["parallel"]} ins(%x : tensor<3xf32>) outs(%0 : tensor<3xf32>) {
      ^bb0(%a: f32, %o: f32):
        %s = arith.subf %o, %a : f32
        linalg.yield %s : f32
    } -> tensor<3xf32>
    return %1 : tensor<3xf32>
  })",
                     {tensor({3}, {1, 2, 3})}),
                 {1, 2, 3});
}

TEST_F(LinalgTest, NamedOperations) {
  expectElements(run(R"(func.func @main(%x: tensor<2x3xf32>) -> tensor<3x2x2xf32> {
    %e = tensor.empty() : tensor<3x2xf32>
    %0 = linalg.transpose ins(%x : tensor<2x3xf32>) outs(%e : tensor<3x2xf32>) permutation = [1, 0]
    %e2 = tensor.empty() : tensor<3x2x2xf32>
    %1 = linalg.broadcast ins(%0 : tensor<3x2xf32>) outs(%e2 : tensor<3x2x2xf32>) dimensions = [1]
    %2 = linalg.elementwise kind=#linalg.elementwise_kind<negf> ins(%1 : tensor<3x2x2xf32>)
      outs(%e2 : tensor<3x2x2xf32>) -> tensor<3x2x2xf32>
    return %2 : tensor<3x2x2xf32>
  })",
                     {tensor({2, 3}, {1, 2, 3, 4, 5, 6})}),
                 {-1, -4, -1, -4, -2, -5, -2, -5, -3, -6, -3, -6});
  // Softmax of equal and of masked scores.
  expectElements(run(R"(func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
    %e = tensor.empty() : tensor<2x3xf32>
    %0 = linalg.softmax dimension(1) ins(%x : tensor<2x3xf32>) outs(%e : tensor<2x3xf32>) -> tensor<2x3xf32>
    return %0 : tensor<2x3xf32>
  })",
                     {tensor({2, 3}, {1000, 1000, -kInf, 0, std::log(2.0f), std::log(5.0f)})}),
                 {0.5, 0.5, 0, 0.125, 0.25, 0.625}, 1e-6);
}

TEST_F(LinalgTest, ConvolutionsAndPoolings) {
  expectElements(
      run(R"(func.func @main(%x: tensor<1x1x3x3xf32>, %f: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
    %z = arith.constant dense<1.0> : tensor<1x1x2x2xf32>
    %0 = linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>}
      ins(%x, %f : tensor<1x1x3x3xf32>, tensor<1x1x2x2xf32>) outs(%z : tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
    return %0 : tensor<1x1x2x2xf32>
  })",
          {tensor({1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9}), tensor({1, 1, 2, 2}, {1, 2, 3, 4})}),
      {38, 48, 68, 78});
  expectElements(
      run(R"(func.func @main(%x: tensor<1x2x4x4xf32>, %w: tensor<2x2xf32>) -> tensor<1x2x2x2xf32> {
    %low = arith.constant dense<0xFF800000> : tensor<1x2x2x2xf32>
    %0 = linalg.pooling_nchw_max {dilations = dense<1> : tensor<2xi64>, strides = dense<2> : tensor<2xi64>}
      ins(%x, %w : tensor<1x2x4x4xf32>, tensor<2x2xf32>) outs(%low : tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
    return %0 : tensor<1x2x2x2xf32>
  })",
          {tensor({1, 2, 4, 4}, {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31}),
           tensor({2, 2}, {0, 0, 0, 0})}),
      {5, 7, 13, 15, 21, 23, 29, 31});
}

TEST_F(LinalgTest, UnwrittenDestinationsShow) {
  expectElements(run(R"(func.func @main() -> tensor<2xf32> {
    %e = tensor.empty() : tensor<2xf32>
    return %e : tensor<2xf32>
  })"),
                 {kNaN, kNaN});
}

TEST_F(LinalgTest, EmptyTensors) {
  expectElements(run(R"(func.func @main(%x: tensor<2x0xf32>) -> tensor<2xf32> {
    %z = arith.constant dense<3.0> : tensor<2xf32>
    %0 = linalg.reduce {arith.addf} ins(%x : tensor<2x0xf32>) outs(%z : tensor<2xf32>) dimensions = [1]
    return %0 : tensor<2xf32>
  })",
                     {tensor({2, 0}, {})}),
                 {3, 3});
}

} // namespace
