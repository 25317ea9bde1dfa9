// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Data movement of the tensor dialect, with static and dynamic positions.

#include "EvaluatorFixture.h"

using namespace mlir;
using namespace tercet;

namespace {

using TensorOpsTest = EvaluatorTest;

const std::vector<float> kTwelve{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

TEST_F(TensorOpsTest, ReshapesKeepTheOrder) {
  expectElements(run(R"(func.func @main(%x: tensor<3x4xf32>) -> tensor<4x3xf32> {
    %0 = tensor.collapse_shape %x [[0, 1]] : tensor<3x4xf32> into tensor<12xf32>
    %1 = tensor.expand_shape %0 [[0, 1]] output_shape [4, 3] : tensor<12xf32> into tensor<4x3xf32>
    %2 = tensor.cast %1 : tensor<4x3xf32> to tensor<4x3xf32>
    return %2 : tensor<4x3xf32>
  })",
                     {tensor({3, 4}, kTwelve)}),
                 {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
}

TEST_F(TensorOpsTest, ExtractsSlices) {
  expectElements(run(R"(func.func @main(%x: tensor<3x4xf32>, %i: index) -> tensor<2x2xf32> {
    %0 = tensor.extract_slice %x[%i, 0] [2, 2] [1, 3] : tensor<3x4xf32> to tensor<2x2xf32>
    return %0 : tensor<2x2xf32>
  })",
                     {tensor({3, 4}, kTwelve), Tensor::fromIndex(&context, 1)}),
                 {4, 7, 8, 11});
  // Rank reduction.
  expectElements(run(R"(func.func @main(%x: tensor<3x4xf32>) -> tensor<3xf32> {
    %0 = tensor.extract_slice %x[0, 2] [3, 1] [1, 1] : tensor<3x4xf32> to tensor<3xf32>
    return %0 : tensor<3xf32>
  })",
                     {tensor({3, 4}, kTwelve)}),
                 {2, 6, 10});
}

TEST_F(TensorOpsTest, SlicesThatLeaveTheTensorAreErrors) {
  const char *text = R"(func.func @main(%x: tensor<3x4xf32>, %i: index) -> tensor<2x2xf32> {
    %0 = tensor.extract_slice %x[%i, 0] [2, 2] [1, 1] : tensor<3x4xf32> to tensor<2x2xf32> loc("model/Slice")
    return %0 : tensor<2x2xf32>
  })";
  EXPECT_EQ(errorOf(text, {tensor({3, 4}, kTwelve), Tensor::fromIndex(&context, 2)}),
            "node 'model/Slice' (tensor.extract_slice): slice of 2 from 2 by 1 leaves dimension 0 "
            "of tensor<3x4xf32>");
  EXPECT_NE(errorOf(text, {tensor({3, 4}, kTwelve), Tensor::fromIndex(&context, -1)}), "");
}

TEST_F(TensorOpsTest, InsertsSlicesWithoutTouchingOtherUses) {
  auto results = run(
      R"(func.func @main(%x: tensor<2x3xf32>, %s: tensor<2xf32>, %i: index) -> (tensor<2x3xf32>, tensor<2x3xf32>) {
    %0 = tensor.insert_slice %s into %x[0, %i] [2, 1] [1, 1] : tensor<2xf32> into tensor<2x3xf32>
    return %0, %x : tensor<2x3xf32>, tensor<2x3xf32>
  })",
      {tensor({2, 3}, {1, 2, 3, 4, 5, 6}), tensor({2}, {8, 9}), Tensor::fromIndex(&context, 1)});
  expectElements(results, {1, 8, 3, 4, 9, 6});
  EXPECT_EQ(results[1].toDoubles(), (std::vector<double>{1, 2, 3, 4, 5, 6}));
}

TEST_F(TensorOpsTest, ConcatenatesAndPads) {
  expectElements(
      run(R"(func.func @main(%x: tensor<2x2xf32>, %y: tensor<2x1xf32>) -> tensor<2x5xf32> {
    %0 = tensor.concat dim(1) %x, %y, %x : (tensor<2x2xf32>, tensor<2x1xf32>, tensor<2x2xf32>) -> tensor<2x5xf32>
    return %0 : tensor<2x5xf32>
  })",
          {tensor({2, 2}, {1, 2, 3, 4}), tensor({2, 1}, {5, 6})}),
      {1, 2, 5, 1, 2, 3, 4, 6, 3, 4});
  expectElements(run(R"(func.func @main(%x: tensor<1x2xf32>, %v: f32) -> tensor<2x4xf32> {
    %0 = tensor.pad %x low[1, 0] high[0, 2] {
      ^bb0(%i: index, %j: index):
        tensor.yield %v : f32
    } : tensor<1x2xf32> to tensor<2x4xf32>
    return %0 : tensor<2x4xf32>
  })",
                     {tensor({1, 2}, {1, 2}), tensor({}, {7})}),
                 {7, 7, 7, 7, 1, 2, 7, 7});
}

TEST_F(TensorOpsTest, MakesTensorsFromScalars) {
  expectElements(run(R"(func.func @main(%x: f32, %y: f32) -> tensor<2x2xf32> {
    %0 = tensor.from_elements %x, %y, %y, %x : tensor<2x2xf32>
    return %0 : tensor<2x2xf32>
  })",
                     {tensor({}, {1}), tensor({}, {2})}),
                 {1, 2, 2, 1});
  expectElements(run(R"(func.func @main(%x: f32) -> tensor<3xf32> {
    %0 = tensor.splat %x : tensor<3xf32>
    %i = arith.constant 1 : index
    %y = tensor.extract %0[%i] : tensor<3xf32>
    %z = arith.addf %x, %y : f32
    %1 = tensor.insert %z into %0[%i] : tensor<3xf32>
    return %1 : tensor<3xf32>
  })",
                     {tensor({}, {2})}),
                 {2, 4, 2});
  expectElements(run(R"(func.func @main() -> tensor<2x3xi64> {
    %0 = tensor.generate {
      ^bb0(%i: index, %j: index):
        %ten = arith.constant 10 : index
        %a = arith.muli %i, %ten : index
        %b = arith.addi %a, %j : index
        %c = arith.index_cast %b : index to i64
        tensor.yield %c : i64
    } : tensor<2x3xi64>
    return %0 : tensor<2x3xi64>
  })"),
                 {0, 1, 2, 10, 11, 12});
}

TEST_F(TensorOpsTest, IndicesOutOfRangeAreErrors) {
  EXPECT_EQ(errorOf(R"(func.func @main(%x: tensor<3xf32>, %i: index) -> f32 {
    %0 = tensor.extract %x[%i] : tensor<3xf32> loc("pick")
    return %0 : f32
  })",
                    {tensor({3}, {1, 2, 3}), Tensor::fromIndex(&context, 3)}),
            "node 'pick' (tensor.extract): index 3 is outside of tensor<3xf32>");
}

} // namespace
