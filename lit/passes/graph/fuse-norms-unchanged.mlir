// RUN: tercet-opt %s --graph-fuse-norms -split-input-file | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0, 0)>
#vector = affine_map<(d0, d1) -> (d1)>

// A sum of 8 divided by 7 is not the mean.
// CHECK-LABEL: @wrong_count
// CHECK-NOT: nn.rms_norm
// CHECK: return
func.func @wrong_count(%x: tensor<4x8xf32>, %scale: tensor<8xf32>) -> tensor<4x8xf32> {
  %zero = arith.constant 0.0 : f32
  %count = arith.constant dense<7.0> : tensor<4x1xf32>
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

// One scale for each row is no scale of a norm over rows.
// CHECK-LABEL: @scale_along_rows
// CHECK-NOT: nn.rms_norm
// CHECK: return
func.func @scale_along_rows(%x: tensor<4x8xf32>, %scale: tensor<4xf32>) -> tensor<4x8xf32> {
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
  %scaled = linalg.generic {indexing_maps = [#id, affine_map<(d0, d1) -> (d0)>, #id], iterator_types = ["parallel", "parallel"]}
      ins(%normal, %scale : tensor<4x8xf32>, tensor<4xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = arith.mulf %a, %b : f32
    linalg.yield %0 : f32
  } -> tensor<4x8xf32>
  return %scaled : tensor<4x8xf32>
}
