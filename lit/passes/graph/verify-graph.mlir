// RUN: tercet-opt %s --verify-graph | FileCheck %s

nn.weight @w = dense<1.0> : tensor<4xf32>

// Groups, weights and reshapes are all that the graph stage may leave.
// CHECK-LABEL: @accepted
// CHECK: nn.get_weight
// CHECK: soc.group
// CHECK: tensor.expand_shape
func.func @accepted() -> tensor<2x2xf32> {
  %w = nn.get_weight @w : tensor<4xf32>
  %0 = soc.group (%w) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%x: tensor<4xf32>):
    soc.yield %x : tensor<4xf32>
  }
  %1 = tensor.expand_shape %0 [[0, 1]] output_shape [2, 2] : tensor<4xf32> into tensor<2x2xf32>
  return %1 : tensor<2x2xf32>
}

// The last rows of a cache, at a position that is the scalar and something.
func.func @last_rows(%x: tensor<1x4x2x8xf32>, %c: tensor<1x16x2x8xf16>, %p: index {nn.range = #nn.range<0, 10>}) -> tensor<1x16x2x8xf16> {
  %0 = soc.group (%x, %c) scalars (%p) : (tensor<1x4x2x8xf32>, tensor<1x16x2x8xf16>) -> tensor<1x16x2x8xf16> {
  ^bb0(%a: tensor<1x4x2x8xf32>, %b: tensor<1x16x2x8xf16>, %q: index):
    %two = arith.constant 2 : index
    %next = arith.addi %q, %two : index
    %1 = nn.cache_update ins(%a : tensor<1x4x2x8xf32>) at %next outs(%b : tensor<1x16x2x8xf16>)
    soc.yield %1 : tensor<1x16x2x8xf16>
  }
  return %0 : tensor<1x16x2x8xf16>
}
