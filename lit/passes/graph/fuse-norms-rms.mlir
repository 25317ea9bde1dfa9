// RUN: tercet-opt %s --graph-fuse-norms -split-input-file | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0, 0)>
#vector = affine_map<(d0, d1) -> (d1)>

// x * rsqrt(mean(x^2) + epsilon) * scale, Llama's spelling.
// CHECK-LABEL: @rms_norm
// CHECK-NEXT: tensor.empty
// CHECK-NEXT: nn.rms_norm ins(%arg0, %arg1 : {{.*}} epsilon 9.99999{{.*}}E-7
// CHECK-NEXT: return
func.func @rms_norm(%x: tensor<4x8xf32>, %scale: tensor<8xf32>) -> tensor<4x8xf32> {
  %zero = arith.constant 0.0 : f32
  %count = arith.constant dense<8.0> : tensor<4x1xf32>
  %epsilon = arith.constant dense<1.0e-6> : tensor<4x1xf32>
  %e = tensor.empty() : tensor<4x8xf32>
  %e1 = tensor.empty() : tensor<4x1xf32>
  %er = tensor.empty() : tensor<4xf32>
  %z = linalg.fill ins(%zero : f32) outs(%er : tensor<4xf32>) -> tensor<4xf32>
  %square = linalg.mul ins(%x, %x : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %sum = linalg.reduce {arith.addf} ins(%square : tensor<4x8xf32>) outs(%z : tensor<4xf32>) dimensions = [1]
  %kept = tensor.expand_shape %sum [[0, 1]] output_shape [4, 1] : tensor<4xf32> into tensor<4x1xf32>
  %mean = linalg.div ins(%kept, %count : tensor<4x1xf32>, tensor<4x1xf32>) outs(%e1 : tensor<4x1xf32>) -> tensor<4x1xf32>
  %moved = linalg.add ins(%mean, %epsilon : tensor<4x1xf32>, tensor<4x1xf32>) outs(%e1 : tensor<4x1xf32>) -> tensor<4x1xf32>
  %inverse = linalg.rsqrt ins(%moved : tensor<4x1xf32>) outs(%e1 : tensor<4x1xf32>) -> tensor<4x1xf32>
  %normal = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %inverse : tensor<4x8xf32>, tensor<4x1xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = arith.mulf %a, %b : f32
    linalg.yield %0 : f32
  } -> tensor<4x8xf32>
  %scaled = linalg.generic {indexing_maps = [#id, #vector, #id], iterator_types = ["parallel", "parallel"]}
      ins(%normal, %scale : tensor<4x8xf32>, tensor<8xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = arith.mulf %a, %b : f32
    linalg.yield %0 : f32
  } -> tensor<4x8xf32>
  return %scaled : tensor<4x8xf32>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0, 0)>
#vector = affine_map<(d0, d1) -> (d1)>

// The same with 1 / sqrt in place of rsqrt.
// CHECK-LABEL: @rms_norm_quotient
// CHECK-NEXT: tensor.empty
// CHECK-NEXT: nn.rms_norm ins(%arg0, %arg1 : {{.*}} epsilon 9.99999{{.*}}E-7
// CHECK-NEXT: return
func.func @rms_norm_quotient(%x: tensor<4x8xf32>, %scale: tensor<8xf32>) -> tensor<4x8xf32> {
  %zero = arith.constant 0.0 : f32
  %count = arith.constant dense<8.0> : tensor<4x1xf32>
  %epsilon = arith.constant dense<1.0e-6> : tensor<4x1xf32>
  %e = tensor.empty() : tensor<4x8xf32>
  %e1 = tensor.empty() : tensor<4x1xf32>
  %er = tensor.empty() : tensor<4xf32>
  %z = linalg.fill ins(%zero : f32) outs(%er : tensor<4xf32>) -> tensor<4xf32>
  %square = linalg.mul ins(%x, %x : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %sum = linalg.reduce {arith.addf} ins(%square : tensor<4x8xf32>) outs(%z : tensor<4xf32>) dimensions = [1]
  %kept = tensor.expand_shape %sum [[0, 1]] output_shape [4, 1] : tensor<4xf32> into tensor<4x1xf32>
  %mean = linalg.div ins(%kept, %count : tensor<4x1xf32>, tensor<4x1xf32>) outs(%e1 : tensor<4x1xf32>) -> tensor<4x1xf32>
  %moved = linalg.add ins(%mean, %epsilon : tensor<4x1xf32>, tensor<4x1xf32>) outs(%e1 : tensor<4x1xf32>) -> tensor<4x1xf32>
  %one = arith.constant dense<1.0> : tensor<4x1xf32>
  %root = linalg.sqrt ins(%moved : tensor<4x1xf32>) outs(%e1 : tensor<4x1xf32>) -> tensor<4x1xf32>
  %inverse = linalg.div ins(%one, %root : tensor<4x1xf32>, tensor<4x1xf32>) outs(%e1 : tensor<4x1xf32>) -> tensor<4x1xf32>
  %normal = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %inverse : tensor<4x8xf32>, tensor<4x1xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = arith.mulf %a, %b : f32
    linalg.yield %0 : f32
  } -> tensor<4x8xf32>
  %scaled = linalg.generic {indexing_maps = [#id, #vector, #id], iterator_types = ["parallel", "parallel"]}
      ins(%normal, %scale : tensor<4x8xf32>, tensor<8xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = arith.mulf %a, %b : f32
    linalg.yield %0 : f32
  } -> tensor<4x8xf32>
  return %scaled : tensor<4x8xf32>
}
