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

// A view of a tensor without contents is one itself: nobody has to compute it.
// CHECK-LABEL: @empty
// CHECK: soc.group({{.*}}) : (tensor<4x8xf32>)
// CHECK: soc.group({{.*}}) : (tensor<32xf32>)
// CHECK-NOT: soc.group
func.func @empty(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<32xf32>) {
  %e = tensor.empty() : tensor<4x8xf32>
  %f = tensor.collapse_shape %e [[0, 1]] : tensor<4x8xf32> into tensor<32xf32>
  %0 = linalg.exp ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = tensor.collapse_shape %x [[0, 1]] : tensor<4x8xf32> into tensor<32xf32>
  %2 = linalg.exp ins(%1 : tensor<32xf32>) outs(%f : tensor<32xf32>) -> tensor<32xf32>
  return %0, %2 : tensor<4x8xf32>, tensor<32xf32>
}
