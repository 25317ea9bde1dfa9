// RUN: tercet-opt %s --graph-fold-transposes | FileCheck %s

nn.weight @w = dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>

// A transpose of a weight becomes a recipe of a weight of its own.
// CHECK: nn.weight @[[T:.*]] = #nn.transpose<dense<{{.*}}> : tensor<2x3xf32>, perm = [1, 0]> : tensor<3x2xf32>
// CHECK-LABEL: @weight
// CHECK-NEXT: %[[W:.*]] = nn.get_weight @[[T]] : tensor<3x2xf32>
// CHECK-NEXT: return %[[W]]
func.func @weight() -> tensor<3x2xf32> {
  %0 = nn.get_weight @w : tensor<2x3xf32>
  %e = tensor.empty() : tensor<3x2xf32>
  %1 = linalg.transpose ins(%0 : tensor<2x3xf32>) outs(%e : tensor<3x2xf32>) permutation = [1, 0]
  return %1 : tensor<3x2xf32>
}

// Two that undo one another go.
// CHECK-LABEL: @inverse
// CHECK-NEXT: return %arg0
func.func @inverse(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %e = tensor.empty() : tensor<4x2x3xf32>
  %0 = linalg.transpose ins(%x : tensor<2x3x4xf32>) outs(%e : tensor<4x2x3xf32>) permutation = [2, 0, 1]
  %f = tensor.empty() : tensor<2x3x4xf32>
  %1 = linalg.transpose ins(%0 : tensor<4x2x3xf32>) outs(%f : tensor<2x3x4xf32>) permutation = [1, 2, 0]
  return %1 : tensor<2x3x4xf32>
}

// Two that do not become one: dimension i of the result is dimension
// inner[outer[i]] of the source.
// CHECK-LABEL: @compose
// CHECK: %[[T:.*]] = linalg.transpose ins(%arg0 : tensor<2x3x4xf32>) {{.*}} permutation = [0, 2, 1]
// CHECK-NEXT: return %[[T]]
func.func @compose(%x: tensor<2x3x4xf32>) -> tensor<2x4x3xf32> {
  %e = tensor.empty() : tensor<4x2x3xf32>
  %0 = linalg.transpose ins(%x : tensor<2x3x4xf32>) outs(%e : tensor<4x2x3xf32>) permutation = [2, 0, 1]
  %f = tensor.empty() : tensor<2x4x3xf32>
  %1 = linalg.transpose ins(%0 : tensor<4x2x3xf32>) outs(%f : tensor<2x4x3xf32>) permutation = [1, 0, 2]
  return %1 : tensor<2x4x3xf32>
}

// Moving a dimension of one element moves no byte.
// CHECK-LABEL: @unit_dimension
// CHECK-NOT: linalg.transpose
// CHECK: tensor.collapse_shape
// CHECK: tensor.expand_shape
func.func @unit_dimension(%x: tensor<2x1x4xf32>) -> tensor<2x4x1xf32> {
  %e = tensor.empty() : tensor<2x4x1xf32>
  %0 = linalg.transpose ins(%x : tensor<2x1x4xf32>) outs(%e : tensor<2x4x1xf32>) permutation = [0, 2, 1]
  return %0 : tensor<2x4x1xf32>
}

// One of a computed value stays, with dimensions of more than one element.
// CHECK-LABEL: @unchanged
// CHECK: linalg.transpose {{.*}} permutation = [1, 0]
func.func @unchanged(%x: tensor<2x3xf32>) -> tensor<3x2xf32> {
  %e = tensor.empty() : tensor<3x2xf32>
  %0 = linalg.transpose ins(%x : tensor<2x3xf32>) outs(%e : tensor<3x2xf32>) permutation = [1, 0]
  return %0 : tensor<3x2xf32>
}
