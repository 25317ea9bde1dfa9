// RUN: tercet-opt %s --graph-assign-groups -mlir-print-debuginfo -mlir-print-local-scope | FileCheck %s

nn.weight @w = dense<1.0> : tensor<8x4xf32>

// Weights and reshapes stay outside; a group has the locations of all its
// nodes.
// CHECK-LABEL: @views
// CHECK: %[[W:.*]] = nn.get_weight @w
// CHECK: %[[G:.*]] = soc.group(%arg0, %[[W]],
// CHECK: } loc(fused["MatMul_1", "Gelu_2"])
// CHECK: tensor.expand_shape %[[G]]
func.func @views(%x: tensor<4x8xf32>, %z: tensor<4x4xf32>) -> tensor<2x2x4xf32> {
  %w = nn.get_weight @w : tensor<8x4xf32>
  %e = tensor.empty() : tensor<4x4xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<4x8xf32>, tensor<8x4xf32>) outs(%z : tensor<4x4xf32>) -> tensor<4x4xf32> loc("MatMul_1")
  %1 = nn.activation silu ins(%0 : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) loc("Gelu_2")
  %2 = tensor.expand_shape %1 [[0, 1], [2]] output_shape [2, 2, 4] : tensor<4x4xf32> into tensor<2x2x4xf32>
  return %2 : tensor<2x2x4xf32>
}

// A constant that the function returns is computed after all.
// CHECK-LABEL: @constant
// CHECK: %[[G:.*]] = soc.group()
// CHECK: arith.constant dense<1.000000e+00>
// CHECK: return %[[G]]
func.func @constant() -> tensor<4xf32> {
  %0 = arith.constant dense<1.0> : tensor<4xf32>
  return %0 : tensor<4xf32>
}
