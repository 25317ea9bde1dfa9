// RUN: tercet-opt %s --graph-fold-constant-weights | FileCheck %s

// Equal constants share a weight; a weight that nobody reads goes.
// CHECK: nn.weight @[[C:.*]] = dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
// CHECK-NOT: nn.weight @unused
nn.weight @unused = dense<1.0> : tensor<6xf32>

// CHECK-LABEL: @constants
// CHECK: %[[A:.*]] = nn.get_weight @[[C]]
// CHECK: %[[B:.*]] = nn.get_weight @[[C]]
// CHECK: return %[[A]], %[[B]]
func.func @constants() -> (tensor<2xf32>, tensor<2xf32>) {
  %0 = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %1 = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  return %0, %1 : tensor<2xf32>, tensor<2xf32>
}

// One value throughout is needed in memory only where the function returns it.
// A scalar is no weight.
// CHECK-LABEL: @returned
// CHECK-DAG: %[[ONES:.*]] = nn.get_weight @{{.*}} : tensor<2xf32>
// CHECK-DAG: %[[SCALAR:.*]] = arith.constant 3.000000e+00 : f32
// CHECK: return %[[ONES]], %[[SCALAR]]
func.func @returned() -> (tensor<2xf32>, f32) {
  %0 = arith.constant dense<1.0> : tensor<2xf32>
  %1 = arith.constant 3.0 : f32
  return %0, %1 : tensor<2xf32>, f32
}

// A constant that is the same everywhere is a scalar to whoever computes with
// it element by element, and a weight to everyone else.
// CHECK-LABEL: @splats
// CHECK: %[[W:.*]] = nn.get_weight @{{.*}} : tensor<4x4xf32>
// CHECK: linalg.generic {{.*}} ins(%arg0 : tensor<4x4xf32>)
// CHECK: %[[TWO:.*]] = arith.constant 2.000000e+00 : f32
// CHECK: arith.mulf %{{.*}}, %[[TWO]]
// CHECK: linalg.matmul ins(%{{.*}}, %[[W]] :
func.func @splats(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %two = arith.constant dense<2.0> : tensor<4x4xf32>
  %e = tensor.empty() : tensor<4x4xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]} ins(%x, %two : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<4x4xf32>
  %1 = linalg.matmul ins(%0, %two : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %1 : tensor<4x4xf32>
}
