// RUN: tercet-opt %s --graph-fuse-rope | FileCheck %s

#id = affine_map<(b, h, s, d) -> (b, h, s, d)>
#table = affine_map<(b, h, s, d) -> (s, d)>

// x * cos + concat(-x[4:], x[:4]) * sin on [B, H, S, D] becomes nn.rope on
// [B, S, H, D] between transposes, with tables [1, S, D].
// CHECK-LABEL: @rope
// CHECK-DAG: %[[X:.*]] = linalg.transpose ins(%arg0 : tensor<1x2x3x8xf32>) {{.*}} permutation = [0, 2, 1, 3]
// CHECK-DAG: %[[C:.*]] = tensor.expand_shape %arg1
// CHECK-DAG: %[[S:.*]] = tensor.expand_shape %arg2
// CHECK: %[[R:.*]] = nn.rope ins(%[[X]], %[[C]], %[[S]] : tensor<1x3x2x8xf32>, tensor<1x3x8xf32>, tensor<1x3x8xf32>)
// CHECK: %[[B:.*]] = linalg.transpose ins(%[[R]] {{.*}} permutation = [0, 2, 1, 3]
// CHECK-NEXT: return %[[B]]
func.func @rope(%x: tensor<1x2x3x8xf32>, %cos: tensor<3x8xf32>, %sin: tensor<3x8xf32>) -> tensor<1x2x3x8xf32> {
  %e = tensor.empty() : tensor<1x2x3x8xf32>
  %h = tensor.empty() : tensor<1x2x3x4xf32>
  %low = tensor.extract_slice %x[0, 0, 0, 0] [1, 2, 3, 4] [1, 1, 1, 1] : tensor<1x2x3x8xf32> to tensor<1x2x3x4xf32>
  %high = tensor.extract_slice %x[0, 0, 0, 4] [1, 2, 3, 4] [1, 1, 1, 1] : tensor<1x2x3x8xf32> to tensor<1x2x3x4xf32>
  %negated = linalg.negf ins(%high : tensor<1x2x3x4xf32>) outs(%h : tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  %turned = tensor.concat dim(3) %negated, %low : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> tensor<1x2x3x8xf32>
  %0 = linalg.generic {indexing_maps = [#id, #table, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x, %cos : tensor<1x2x3x8xf32>, tensor<3x8xf32>) outs(%e : tensor<1x2x3x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<1x2x3x8xf32>
  %1 = linalg.generic {indexing_maps = [#id, #table, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%turned, %sin : tensor<1x2x3x8xf32>, tensor<3x8xf32>) outs(%e : tensor<1x2x3x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<1x2x3x8xf32>
  %2 = linalg.add ins(%0, %1 : tensor<1x2x3x8xf32>, tensor<1x2x3x8xf32>) outs(%e : tensor<1x2x3x8xf32>) -> tensor<1x2x3x8xf32>
  return %2 : tensor<1x2x3x8xf32>
}

// The low half negated is the inverse rotation: another function.
// CHECK-LABEL: @other_half_negated
// CHECK-NOT: nn.rope
// CHECK: return
func.func @other_half_negated(%x: tensor<1x2x3x8xf32>, %cos: tensor<3x8xf32>, %sin: tensor<3x8xf32>) -> tensor<1x2x3x8xf32> {
  %e = tensor.empty() : tensor<1x2x3x8xf32>
  %h = tensor.empty() : tensor<1x2x3x4xf32>
  %low = tensor.extract_slice %x[0, 0, 0, 0] [1, 2, 3, 4] [1, 1, 1, 1] : tensor<1x2x3x8xf32> to tensor<1x2x3x4xf32>
  %high = tensor.extract_slice %x[0, 0, 0, 4] [1, 2, 3, 4] [1, 1, 1, 1] : tensor<1x2x3x8xf32> to tensor<1x2x3x4xf32>
  %negated = linalg.negf ins(%low : tensor<1x2x3x4xf32>) outs(%h : tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  %turned = tensor.concat dim(3) %high, %negated : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> tensor<1x2x3x8xf32>
  %0 = linalg.generic {indexing_maps = [#id, #table, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x, %cos : tensor<1x2x3x8xf32>, tensor<3x8xf32>) outs(%e : tensor<1x2x3x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<1x2x3x8xf32>
  %1 = linalg.generic {indexing_maps = [#id, #table, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%turned, %sin : tensor<1x2x3x8xf32>, tensor<3x8xf32>) outs(%e : tensor<1x2x3x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<1x2x3x8xf32>
  %2 = linalg.add ins(%0, %1 : tensor<1x2x3x8xf32>, tensor<1x2x3x8xf32>) outs(%e : tensor<1x2x3x8xf32>) -> tensor<1x2x3x8xf32>
  return %2 : tensor<1x2x3x8xf32>
}

// Rows that are gathered at a scalar of the function and after it stay in their
// tables: nn.rope at that scalar.
// CHECK-LABEL: @at_position
// CHECK-DAG: %[[X:.*]] = linalg.transpose ins(%arg0 : tensor<1x2x3x8xf32>)
// CHECK-DAG: %[[C:.*]] = tensor.expand_shape %arg1 {{.*}} : tensor<16x8xf32> into tensor<1x16x8xf32>
// CHECK-DAG: %[[S:.*]] = tensor.expand_shape %arg2 {{.*}} : tensor<16x8xf32> into tensor<1x16x8xf32>
// CHECK: nn.rope ins(%[[X]], %[[C]], %[[S]] : tensor<1x3x2x8xf32>, tensor<1x16x8xf32>, tensor<1x16x8xf32>) at %arg3
func.func @at_position(%x: tensor<1x2x3x8xf32>, %cos: tensor<16x8xf32>, %sin: tensor<16x8xf32>, %p: index {nn.range = #nn.range<0, 13>}) -> tensor<1x2x3x8xf32> {
  %i = tensor.empty() : tensor<3xi64>
  %at = linalg.generic {indexing_maps = [affine_map<(s) -> (s)>], iterator_types = ["parallel"]} outs(%i : tensor<3xi64>) {
  ^bb0(%o: i64):
    %s = linalg.index 0 : index
    %sum = arith.addi %s, %p : index
    %place = arith.index_cast %sum : index to i64
    linalg.yield %place : i64
  } -> tensor<3xi64>
  %rows = tensor.empty() : tensor<3x8xf32>
  %c = nn.gather axis 0 ins(%cos, %at : tensor<16x8xf32>, tensor<3xi64>) outs(%rows : tensor<3x8xf32>)
  %d = nn.gather axis 0 ins(%sin, %at : tensor<16x8xf32>, tensor<3xi64>) outs(%rows : tensor<3x8xf32>)
  %e = tensor.empty() : tensor<1x2x3x8xf32>
  %h = tensor.empty() : tensor<1x2x3x4xf32>
  %low = tensor.extract_slice %x[0, 0, 0, 0] [1, 2, 3, 4] [1, 1, 1, 1] : tensor<1x2x3x8xf32> to tensor<1x2x3x4xf32>
  %high = tensor.extract_slice %x[0, 0, 0, 4] [1, 2, 3, 4] [1, 1, 1, 1] : tensor<1x2x3x8xf32> to tensor<1x2x3x4xf32>
  %negated = linalg.negf ins(%high : tensor<1x2x3x4xf32>) outs(%h : tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  %turned = tensor.concat dim(3) %negated, %low : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> tensor<1x2x3x8xf32>
  %0 = linalg.generic {indexing_maps = [#id, #table, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x, %c : tensor<1x2x3x8xf32>, tensor<3x8xf32>) outs(%e : tensor<1x2x3x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<1x2x3x8xf32>
  %1 = linalg.generic {indexing_maps = [#id, #table, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%turned, %d : tensor<1x2x3x8xf32>, tensor<3x8xf32>) outs(%e : tensor<1x2x3x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<1x2x3x8xf32>
  %2 = linalg.add ins(%0, %1 : tensor<1x2x3x8xf32>, tensor<1x2x3x8xf32>) outs(%e : tensor<1x2x3x8xf32>) -> tensor<1x2x3x8xf32>
  return %2 : tensor<1x2x3x8xf32>
}
