// RUN: tercet-opt %s --partition-apply-shares -split-input-file | FileCheck %s

#product = #soc.variant<"product", precision = f32, tiles = [0, 0], panels = [0, 0, 0], time_ps = 1, scratch_bytes = 0>
#one = #soc.variant<"one", precision = f32, tiles = [0, 0], panels = [0], time_ps = 1, scratch_bytes = 0>

// The weight and the bias are read whole by both, and stay as they are.
// CHECK: nn.weight @w =
// CHECK-NEXT: nn.weight @bias =
// CHECK-NOT: nn.weight
nn.weight @w = dense<1.0> : tensor<8x30xf32>
nn.weight @bias = dense<1.0> : tensor<30xf32>

// A product with bias, cut by rows: each part reads its rows of the left-hand
// side, which are contiguous. The parts are written one after another, and each
// has its engine and variant.
// CHECK-LABEL: @rows
// CHECK-DAG: %[[W:.*]] = nn.get_weight @w
// CHECK-DAG: %[[B:.*]] = nn.get_weight @bias
// CHECK: %[[X0:.*]] = tensor.extract_slice %arg0[0, 0] [16, 8] [1, 1]
// CHECK: %[[P0:.*]] = soc.group on "a" variant <"product"{{.*}}(%[[X0]], %[[W]], %[[B]])
// CHECK: linalg.matmul
// CHECK: linalg.generic
// CHECK: soc.yield {{.*}} : tensor<16x30xf32>
// CHECK: %[[X1:.*]] = tensor.extract_slice %arg0[16, 0] [3, 8] [1, 1]
// CHECK: %[[P1:.*]] = soc.group on "b" variant <"product"{{.*}}(%[[X1]], %[[W]], %[[B]])
// CHECK: soc.yield {{.*}} : tensor<3x30xf32>
// CHECK: %[[Y:.*]] = tensor.concat dim(0) %[[P0]], %[[P1]] : (tensor<16x30xf32>, tensor<3x30xf32>) -> tensor<19x30xf32>
// CHECK: return %[[Y]]
func.func @rows(%x: tensor<19x8xf32>) -> tensor<19x30xf32> {
  %w = nn.get_weight @w : tensor<8x30xf32>
  %b = nn.get_weight @bias : tensor<30xf32>
  %0 = soc.group shares [#soc.share<"a", begin = 0, size = 16, variant = #product>, #soc.share<"b", begin = 16, size = 3, variant = #product>]
      (%x, %w, %b) : (tensor<19x8xf32>, tensor<8x30xf32>, tensor<30xf32>) -> tensor<19x30xf32> {
  ^bb0(%a: tensor<19x8xf32>, %c: tensor<8x30xf32>, %d: tensor<30xf32>):
    %z = arith.constant 0.0 : f32
    %e = tensor.empty() : tensor<19x30xf32>
    %f = linalg.fill ins(%z : f32) outs(%e : tensor<19x30xf32>) -> tensor<19x30xf32>
    %p = linalg.matmul ins(%a, %c : tensor<19x8xf32>, tensor<8x30xf32>) outs(%f : tensor<19x30xf32>) -> tensor<19x30xf32>
    %r = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (m, n)>],
        iterator_types = ["parallel", "parallel"]} ins(%p, %d : tensor<19x30xf32>, tensor<30xf32>) outs(%e : tensor<19x30xf32>) {
    ^bb0(%s: f32, %t: f32, %u: f32):
      %v = arith.addf %s, %t : f32
      linalg.yield %v : f32
    } -> tensor<19x30xf32>
    soc.yield %r : tensor<19x30xf32>
  }
  return %0 : tensor<19x30xf32>
}

// A group without shares is left alone.
// CHECK-LABEL: @unchanged
// CHECK: %[[G:.*]] = soc.group on "a" variant {{.*}}(%arg0)
// CHECK-NOT: tensor.concat
// CHECK: return %[[G]]
func.func @unchanged(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = soc.group on "a" variant #one (%x) : (tensor<4x4xf32>) -> tensor<4x4xf32> {
  ^bb0(%y: tensor<4x4xf32>):
    soc.yield %y : tensor<4x4xf32>
  }
  return %0 : tensor<4x4xf32>
}

// One share of everything is a group without a concatenation.
// CHECK-LABEL: @single
// CHECK: %[[G:.*]] = soc.group on "a" variant {{.*}}(%arg0)
// CHECK-NOT: tensor.concat
// CHECK: return %[[G]]
func.func @single(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = soc.group shares [#soc.share<"a", begin = 0, size = 4, variant = #one>] (%x) : (tensor<4x4xf32>) -> tensor<4x4xf32> {
  ^bb0(%y: tensor<4x4xf32>):
    %e = tensor.empty() : tensor<4x4xf32>
    %1 = linalg.exp ins(%y : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> tensor<4x4xf32>
    soc.yield %1 : tensor<4x4xf32>
  }
  return %0 : tensor<4x4xf32>
}

// -----

#product = #soc.variant<"product", precision = f32, tiles = [0, 0], panels = [0, 0], time_ps = 1, scratch_bytes = 0>

// With one row it is cut by columns. Those of a weight are not contiguous, so
// that each part has a weight of its own, sliced as it is written to the file;
// both products read the same two.
// CHECK-DAG: nn.weight @[[LEFT:.*]] = #nn.slice<dense<1.000000e+00> : tensor<8x30xf32>, offsets = [0, 0]> : tensor<8x16xf32>
// CHECK-DAG: nn.weight @[[RIGHT:.*]] = #nn.slice<dense<1.000000e+00> : tensor<8x30xf32>, offsets = [0, 16]> : tensor<8x14xf32>
// CHECK-NOT: nn.weight @{{.*}}#nn.slice
nn.weight @w = dense<1.0> : tensor<8x30xf32>

// CHECK-LABEL: @columns
// CHECK-DAG: %[[L:.*]] = nn.get_weight @[[LEFT]] : tensor<8x16xf32>
// CHECK: %[[P0:.*]] = soc.group on "a" {{.*}}(%arg0, %[[L]])
// CHECK: %[[R:.*]] = nn.get_weight @[[RIGHT]] : tensor<8x14xf32>
// CHECK: %[[P1:.*]] = soc.group on "b" {{.*}}(%arg0, %[[R]])
// CHECK: tensor.concat dim(1) %[[P0]], %[[P1]]
// CHECK: nn.get_weight @[[LEFT]]
// CHECK: nn.get_weight @[[RIGHT]]
func.func @columns(%x: tensor<1x8xf32>) -> (tensor<1x30xf32>, tensor<1x30xf32>) {
  %w = nn.get_weight @w : tensor<8x30xf32>
  %0 = soc.group shares [#soc.share<"a", begin = 0, size = 16, variant = #product>, #soc.share<"b", begin = 16, size = 14, variant = #product>]
      (%x, %w) : (tensor<1x8xf32>, tensor<8x30xf32>) -> tensor<1x30xf32> {
  ^bb0(%a: tensor<1x8xf32>, %c: tensor<8x30xf32>):
    %z = arith.constant 0.0 : f32
    %e = tensor.empty() : tensor<1x30xf32>
    %f = linalg.fill ins(%z : f32) outs(%e : tensor<1x30xf32>) -> tensor<1x30xf32>
    %p = linalg.matmul ins(%a, %c : tensor<1x8xf32>, tensor<8x30xf32>) outs(%f : tensor<1x30xf32>) -> tensor<1x30xf32>
    soc.yield %p : tensor<1x30xf32>
  }
  %1 = soc.group shares [#soc.share<"a", begin = 0, size = 16, variant = #product>, #soc.share<"b", begin = 16, size = 14, variant = #product>]
      (%x, %w) : (tensor<1x8xf32>, tensor<8x30xf32>) -> tensor<1x30xf32> {
  ^bb0(%a: tensor<1x8xf32>, %c: tensor<8x30xf32>):
    %o = arith.constant 1.0 : f32
    %e = tensor.empty() : tensor<1x30xf32>
    %f = linalg.fill ins(%o : f32) outs(%e : tensor<1x30xf32>) -> tensor<1x30xf32>
    %p = linalg.matmul ins(%a, %c : tensor<1x8xf32>, tensor<8x30xf32>) outs(%f : tensor<1x30xf32>) -> tensor<1x30xf32>
    soc.yield %p : tensor<1x30xf32>
  }
  return %0, %1 : tensor<1x30xf32>, tensor<1x30xf32>
}
