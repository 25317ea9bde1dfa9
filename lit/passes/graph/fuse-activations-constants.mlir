// RUN: tercet-opt %s --graph-fuse-activations | FileCheck %s

#id = affine_map<(i) -> (i)>

// 1.702 in f32 is QuickGELU.
// CHECK-LABEL: @exact
// CHECK: nn.activation quick_gelu
func.func @exact(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c = arith.constant dense<1.702> : tensor<4xf32>
  %e = tensor.empty() : tensor<4xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%x, %c : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<4xf32>
  %1 = nn.activation sigmoid ins(%0 : tensor<4xf32>) outs(%e : tensor<4xf32>)
  %2 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%x, %1 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// A constant that rounding does not explain is the model's own.
// CHECK-LABEL: @other
// CHECK-NOT: quick_gelu
// CHECK: nn.activation sigmoid
func.func @other(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c = arith.constant dense<1.7021> : tensor<4xf32>
  %e = tensor.empty() : tensor<4xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%x, %c : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<4xf32>
  %1 = nn.activation sigmoid ins(%0 : tensor<4xf32>) outs(%e : tensor<4xf32>)
  %2 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%x, %1 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<4xf32>
  return %2 : tensor<4xf32>
}
