// RUN: tercet-opt %s --graph-fold-reshapes | FileCheck %s

#id = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#vector = affine_map<(d0, d1, d2) -> (d2)>

nn.weight @w = dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>

// A reshape of a weight is part of its recipe.
// CHECK: nn.weight @[[R:.*]] = #nn.reshape<dense<{{.*}}> : tensor<2x3xf32>> : tensor<6xf32>
// CHECK-LABEL: @weight
// CHECK-NEXT: nn.get_weight @[[R]] : tensor<6xf32>
func.func @weight() -> tensor<6xf32> {
  %0 = nn.get_weight @w : tensor<2x3xf32>
  %1 = tensor.collapse_shape %0 [[0, 1]] : tensor<2x3xf32> into tensor<6xf32>
  return %1 : tensor<6xf32>
}

// The bias behind a product is added on the product's own shape, so that it
// can become its epilogue.
// CHECK-LABEL: @bias
// CHECK: %[[S:.*]] = linalg.generic {{.*}} ins(%arg0, %arg1 : tensor<8x4xf32>, tensor<4xf32>)
// CHECK: %[[X:.*]] = tensor.expand_shape %[[S]] {{.*}} : tensor<8x4xf32> into tensor<2x4x4xf32>
// CHECK-NEXT: return %[[X]]
func.func @bias(%x: tensor<8x4xf32>, %b: tensor<4xf32>) -> tensor<2x4x4xf32> {
  %0 = tensor.expand_shape %x [[0, 1], [2]] output_shape [2, 4, 4] : tensor<8x4xf32> into tensor<2x4x4xf32>
  %e = tensor.empty() : tensor<2x4x4xf32>
  %1 = linalg.generic {indexing_maps = [#id, #vector, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%0, %b : tensor<2x4x4xf32>, tensor<4xf32>) outs(%e : tensor<2x4x4xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %s = arith.addf %a, %c : f32
    linalg.yield %s : f32
  } -> tensor<2x4x4xf32>
  return %1 : tensor<2x4x4xf32>
}

// Operations on rows, too: rows stay rows.
// CHECK-LABEL: @rows
// CHECK: %[[A:.*]] = nn.activation silu ins(%arg0 : tensor<8x4xf32>)
// CHECK: %[[S:.*]] = linalg.softmax dimension(1) ins(%[[A]] : tensor<8x4xf32>)
// CHECK: tensor.expand_shape %[[S]] {{.*}} into tensor<2x4x4xf32>
func.func @rows(%x: tensor<8x4xf32>) -> tensor<2x4x4xf32> {
  %0 = tensor.expand_shape %x [[0, 1], [2]] output_shape [2, 4, 4] : tensor<8x4xf32> into tensor<2x4x4xf32>
  %e = tensor.empty() : tensor<2x4x4xf32>
  %1 = nn.activation silu ins(%0 : tensor<2x4x4xf32>) outs(%e : tensor<2x4x4xf32>)
  %2 = linalg.softmax dimension(2) ins(%1 : tensor<2x4x4xf32>) outs(%e : tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  return %2 : tensor<2x4x4xf32>
}

// Not if the reshape cuts rows, nor for a softmax along another dimension.
// CHECK-LABEL: @unchanged
// CHECK: linalg.softmax dimension(2) ins({{.*}} : tensor<2x4x4xf32>)
// CHECK: linalg.softmax dimension(0) ins({{.*}} : tensor<2x4x4xf32>)
func.func @unchanged(%x: tensor<2x16xf32>, %y: tensor<8x4xf32>) -> (tensor<2x4x4xf32>, tensor<2x4x4xf32>) {
  %0 = tensor.expand_shape %x [[0], [1, 2]] output_shape [2, 4, 4] : tensor<2x16xf32> into tensor<2x4x4xf32>
  %1 = tensor.expand_shape %y [[0, 1], [2]] output_shape [2, 4, 4] : tensor<8x4xf32> into tensor<2x4x4xf32>
  %e = tensor.empty() : tensor<2x4x4xf32>
  %2 = linalg.softmax dimension(2) ins(%0 : tensor<2x4x4xf32>) outs(%e : tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  %3 = linalg.softmax dimension(0) ins(%1 : tensor<2x4x4xf32>) outs(%e : tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  return %2, %3 : tensor<2x4x4xf32>, tensor<2x4x4xf32>
}

// A constant with one value throughout becomes a scalar in the body.
// CHECK-LABEL: @splat
// CHECK: %[[C:.*]] = arith.constant 2.000000e+00 : f32
// CHECK: linalg.generic {{.*}} ins(%arg0 : tensor<2x4x4xf32>)
// CHECK: arith.mulf %{{.*}}, %[[C]] : f32
func.func @splat(%x: tensor<2x4x4xf32>) -> tensor<2x4x4xf32> {
  %two = arith.constant dense<2.0> : tensor<2x4x4xf32>
  %e = tensor.empty() : tensor<2x4x4xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %two : tensor<2x4x4xf32>, tensor<2x4x4xf32>) outs(%e : tensor<2x4x4xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %m = arith.mulf %a, %c : f32
    linalg.yield %m : f32
  } -> tensor<2x4x4xf32>
  return %0 : tensor<2x4x4xf32>
}
