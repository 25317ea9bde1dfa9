// RUN: tercet-opt %s --graph-fuse-attention | FileCheck %s

#id = affine_map<(b, h, s, t) -> (b, h, s, t)>
#keys = affine_map<(b, h, s, t) -> (b, 0, 0, t)>

// Product, quotient by sqrt(D), additive mask over keys, softmax, product: the
// BERT spelling. Transposes around nn.attention cancel the exported ones later.
// CHECK-LABEL: @masked
// CHECK: %[[Q:.*]] = linalg.transpose {{.*}} permutation = [0, 2, 1, 3]
// CHECK: %[[K:.*]] = linalg.transpose {{.*}} permutation = [0, 3, 1, 2]
// CHECK: %[[V:.*]] = linalg.transpose {{.*}} permutation = [0, 2, 1, 3]
// CHECK: nn.attention ins(%[[Q]], %[[K]], %[[V]] : tensor<1x4x2x8xf32>, tensor<1x6x2x8xf32>, tensor<1x6x2x8xf32>)
// CHECK-SAME: mask(%arg3 : tensor<1x1x1x6xf32>) outs({{.*}}) scale 2.500000e-01
// CHECK-NOT: linalg.softmax
func.func @masked(%q: tensor<2x4x8xf32>, %k: tensor<2x8x6xf32>, %v: tensor<2x6x8xf32>, %mask: tensor<1x1x1x6xf32>) -> tensor<2x4x8xf32> {
  %zero = arith.constant 0.0 : f32
  %four = arith.constant dense<4.0> : tensor<1x2x4x6xf32>
  %es = tensor.empty() : tensor<2x4x6xf32>
  %zs = linalg.fill ins(%zero : f32) outs(%es : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %0 = linalg.batch_matmul ins(%q, %k : tensor<2x4x8xf32>, tensor<2x8x6xf32>) outs(%zs : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %1 = tensor.expand_shape %0 [[0, 1], [2], [3]] output_shape [1, 2, 4, 6] : tensor<2x4x6xf32> into tensor<1x2x4x6xf32>
  %e = tensor.empty() : tensor<1x2x4x6xf32>
  %2 = linalg.div ins(%1, %four : tensor<1x2x4x6xf32>, tensor<1x2x4x6xf32>) outs(%e : tensor<1x2x4x6xf32>) -> tensor<1x2x4x6xf32>
  %3 = linalg.generic {indexing_maps = [#id, #keys, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%2, %mask : tensor<1x2x4x6xf32>, tensor<1x1x1x6xf32>) outs(%e : tensor<1x2x4x6xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %s = arith.addf %a, %b : f32
    linalg.yield %s : f32
  } -> tensor<1x2x4x6xf32>
  %4 = linalg.softmax dimension(3) ins(%3 : tensor<1x2x4x6xf32>) outs(%e : tensor<1x2x4x6xf32>) -> tensor<1x2x4x6xf32>
  %5 = tensor.collapse_shape %4 [[0, 1], [2], [3]] : tensor<1x2x4x6xf32> into tensor<2x4x6xf32>
  %ev = tensor.empty() : tensor<2x4x8xf32>
  %zv = linalg.fill ins(%zero : f32) outs(%ev : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %6 = linalg.batch_matmul ins(%5, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%zv : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %6 : tensor<2x4x8xf32>
}

// No mask, no scale, rank 3: one batch of two heads.
// CHECK-LABEL: @plain
// CHECK: nn.attention ins({{.*}}) outs({{.*}}) scale 1.000000e+00
func.func @plain(%q: tensor<2x4x8xf32>, %k: tensor<2x8x6xf32>, %v: tensor<2x6x8xf32>) -> tensor<2x4x8xf32> {
  %zero = arith.constant 0.0 : f32
  %es = tensor.empty() : tensor<2x4x6xf32>
  %zs = linalg.fill ins(%zero : f32) outs(%es : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %0 = linalg.batch_matmul ins(%q, %k : tensor<2x4x8xf32>, tensor<2x8x6xf32>) outs(%zs : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %1 = linalg.softmax dimension(2) ins(%0 : tensor<2x4x6xf32>) outs(%es : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %ev = tensor.empty() : tensor<2x4x8xf32>
  %zv = linalg.fill ins(%zero : f32) outs(%ev : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %2 = linalg.batch_matmul ins(%1, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%zv : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %2 : tensor<2x4x8xf32>
}
