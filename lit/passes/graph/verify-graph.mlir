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
