// RUN: tercet-opt %s --graph-fuse-norms | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0, 0)>
#vector = affine_map<(d0, d1) -> (d1)>

// (x - mean) / sqrt(mean((x - mean)^2) + epsilon) * scale + bias, where the
// reductions keep a dimension of one element.
// CHECK-LABEL: @layer_norm
// CHECK-NEXT: tensor.empty
// CHECK-NEXT: nn.layer_norm ins(%arg0, %arg1 : {{.*}}) bias(%arg2 : {{.*}}) {{.*}} epsilon 9.9999{{.*}}E-6
// CHECK-NEXT: return
func.func @layer_norm(%x: tensor<4x8xf32>, %scale: tensor<8xf32>, %bias: tensor<8xf32>) -> tensor<4x8xf32> {
  %zero = arith.constant 0.0 : f32
  %two = arith.constant dense<2.0> : tensor<4x8xf32>
  %eight = arith.constant dense<8.0> : tensor<4x1xf32>
  %epsilon = arith.constant dense<1.0e-5> : tensor<4x1xf32>
  %e = tensor.empty() : tensor<4x8xf32>
  %e1 = tensor.empty() : tensor<4x1xf32>
  %er = tensor.empty() : tensor<4xf32>
  %z = linalg.fill ins(%zero : f32) outs(%er : tensor<4xf32>) -> tensor<4xf32>
  %sum = linalg.reduce {arith.addf} ins(%x : tensor<4x8xf32>) outs(%z : tensor<4xf32>) dimensions = [1]
  %kept = tensor.expand_shape %sum [[0, 1]] output_shape [4, 1] : tensor<4xf32> into tensor<4x1xf32>
  %mean = linalg.div ins(%kept, %eight : tensor<4x1xf32>, tensor<4x1xf32>) outs(%e1 : tensor<4x1xf32>) -> tensor<4x1xf32>
  %y = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %mean : tensor<4x8xf32>, tensor<4x1xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = arith.subf %a, %b : f32
    linalg.yield %0 : f32
  } -> tensor<4x8xf32>
  %square = linalg.powf ins(%y, %two : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %sums = linalg.reduce {arith.addf} ins(%square : tensor<4x8xf32>) outs(%z : tensor<4xf32>) dimensions = [1]
  %kepts = tensor.expand_shape %sums [[0, 1]] output_shape [4, 1] : tensor<4xf32> into tensor<4x1xf32>
  %variance = linalg.div ins(%kepts, %eight : tensor<4x1xf32>, tensor<4x1xf32>) outs(%e1 : tensor<4x1xf32>) -> tensor<4x1xf32>
  %moved = linalg.add ins(%variance, %epsilon : tensor<4x1xf32>, tensor<4x1xf32>) outs(%e1 : tensor<4x1xf32>) -> tensor<4x1xf32>
  %root = linalg.sqrt ins(%moved : tensor<4x1xf32>) outs(%e1 : tensor<4x1xf32>) -> tensor<4x1xf32>
  %normal = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%y, %root : tensor<4x8xf32>, tensor<4x1xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = arith.divf %a, %b : f32
    linalg.yield %0 : f32
  } -> tensor<4x8xf32>
  %scaled = linalg.generic {indexing_maps = [#id, #vector, #id], iterator_types = ["parallel", "parallel"]}
      ins(%normal, %scale : tensor<4x8xf32>, tensor<8xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = arith.mulf %a, %b : f32
    linalg.yield %0 : f32
  } -> tensor<4x8xf32>
  %shifted = linalg.generic {indexing_maps = [#id, #vector, #id], iterator_types = ["parallel", "parallel"]}
      ins(%scaled, %bias : tensor<4x8xf32>, tensor<8xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = arith.addf %a, %b : f32
    linalg.yield %0 : f32
  } -> tensor<4x8xf32>
  return %shifted : tensor<4x8xf32>
}
