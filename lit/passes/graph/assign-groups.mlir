// RUN: tercet-opt %s --graph-assign-groups | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>
#vector = affine_map<(d0, d1) -> (d1)>
#turned = affine_map<(d0, d1) -> (d1, d0)>

// A product, the bias that reads its result at the same index, and the
// activation after that are one group; what the product starts from is made
// inside.
// CHECK-LABEL: @epilogue
// CHECK-NEXT: %[[G:.*]] = soc.group(%arg0, %arg1, %arg2) {{.*}} -> tensor<4x4xf32> {
// CHECK: linalg.fill
// CHECK: linalg.matmul
// CHECK: linalg.generic
// CHECK: %[[A:.*]] = nn.activation
// CHECK: soc.yield %[[A]]
// CHECK: return %[[G]]
func.func @epilogue(%x: tensor<4x8xf32>, %w: tensor<8x4xf32>, %b: tensor<4xf32>) -> tensor<4x4xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x4xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<4x4xf32>) -> tensor<4x4xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<4x8xf32>, tensor<8x4xf32>) outs(%z : tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = linalg.generic {indexing_maps = [#id, #vector, #id], iterator_types = ["parallel", "parallel"]}
      ins(%0, %b : tensor<4x4xf32>, tensor<4xf32>) outs(%e : tensor<4x4xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %s = arith.addf %p, %q : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  %2 = nn.activation gelu_erf ins(%1 : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>)
  return %2 : tensor<4x4xf32>
}

// A product with a second reader is a group by itself.
// CHECK-LABEL: @two_readers
// CHECK: %[[P:.*]] = soc.group(%arg0, %arg1, %arg2)
// CHECK: linalg.matmul
// CHECK: %[[A:.*]] = soc.group(%[[P]])
// CHECK: nn.activation
// CHECK: return %[[P]], %[[A]]
func.func @two_readers(%x: tensor<4x8xf32>, %w: tensor<8x4xf32>, %z: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) {
  %e = tensor.empty() : tensor<4x4xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<4x8xf32>, tensor<8x4xf32>) outs(%z : tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = nn.activation silu ins(%0 : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>)
  return %0, %1 : tensor<4x4xf32>, tensor<4x4xf32>
}

// A reader at another index is no epilogue.
// CHECK-LABEL: @other_index
// CHECK-COUNT-2: soc.group
func.func @other_index(%x: tensor<4x8xf32>, %w: tensor<8x4xf32>, %z: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %e = tensor.empty() : tensor<4x4xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<4x8xf32>, tensor<8x4xf32>) outs(%z : tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = linalg.generic {indexing_maps = [#turned, #id], iterator_types = ["parallel", "parallel"]}
      ins(%0 : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) {
  ^bb0(%p: f32, %o: f32):
    %s = arith.negf %p : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  return %1 : tensor<4x4xf32>
}

// Elementwise operations join the norm that reads them (prologue), but a
// product does not: its tiles are not rows.
// CHECK-LABEL: @prologue
// CHECK: soc.group
// CHECK: linalg.matmul
// CHECK: soc.group
// CHECK: nn.activation
// CHECK-NEXT: nn.layer_norm
func.func @prologue(%x: tensor<4x8xf32>, %w: tensor<8x4xf32>, %z: tensor<4x4xf32>, %s: tensor<4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) {
  %e = tensor.empty() : tensor<4x4xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<4x8xf32>, tensor<8x4xf32>) outs(%z : tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = nn.activation silu ins(%0 : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>)
  %2 = nn.layer_norm ins(%1, %s : tensor<4x4xf32>, tensor<4xf32>) outs(%e : tensor<4x4xf32>) epsilon 1.000000e-05
  return %2, %0 : tensor<4x4xf32>, tensor<4x4xf32>
}
