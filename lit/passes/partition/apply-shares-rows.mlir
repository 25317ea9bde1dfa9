// RUN: tercet-opt %s --partition-apply-shares | FileCheck %s

#v1 = #soc.variant<"v1", precision = f32, tiles = [0, 0], panels = [0], time_ps = 1, scratch_bytes = 0>
#v2 = #soc.variant<"v2", precision = f32, tiles = [0, 0], panels = [0, 0], time_ps = 1, scratch_bytes = 0>
#v4 = #soc.variant<"v4", precision = f32, tiles = [0, 0], panels = [0, 0, 0, 0], time_ps = 1, scratch_bytes = 0>

// Attention is cut along its queries, of which a part is contiguous as long as
// there is one batch; keys and values are read whole, and of the mask the rows
// of the queries.
// CHECK-LABEL: @attention
// CHECK: %[[Q:.*]] = tensor.extract_slice %arg0[0, 0, 0, 0] [1, 3, 2, 8] [1, 1, 1, 1]
// CHECK: %[[M:.*]] = tensor.extract_slice %arg3[0, 0, 0, 0] [1, 1, 3, 6] [1, 1, 1, 1]
// CHECK: soc.group on "a" {{.*}}(%[[Q]], %arg1, %arg2, %[[M]])
// CHECK: nn.attention {{.*}} outs(%{{.*}} : tensor<1x3x2x8xf32>)
// CHECK: tensor.extract_slice %arg0[0, 3, 0, 0] [1, 1, 2, 8] [1, 1, 1, 1]
// CHECK: tensor.extract_slice %arg3[0, 0, 3, 0] [1, 1, 1, 6] [1, 1, 1, 1]
// CHECK: tensor.concat dim(1)
func.func @attention(%q: tensor<1x4x2x8xf32>, %k: tensor<1x6x2x8xf32>, %v: tensor<1x6x2x8xf32>, %m: tensor<1x1x4x6xf32>) -> tensor<1x4x2x8xf32> {
  %0 = soc.group shares [#soc.share<"a", begin = 0, size = 3, variant = #v4>, #soc.share<"b", begin = 3, size = 1, variant = #v4>]
      (%q, %k, %v, %m) : (tensor<1x4x2x8xf32>, tensor<1x6x2x8xf32>, tensor<1x6x2x8xf32>, tensor<1x1x4x6xf32>) -> tensor<1x4x2x8xf32> {
  ^bb0(%a: tensor<1x4x2x8xf32>, %b: tensor<1x6x2x8xf32>, %c: tensor<1x6x2x8xf32>, %d: tensor<1x1x4x6xf32>):
    %e = tensor.empty() : tensor<1x4x2x8xf32>
    %r = nn.attention ins(%a, %b, %c : tensor<1x4x2x8xf32>, tensor<1x6x2x8xf32>, tensor<1x6x2x8xf32>) mask(%d : tensor<1x1x4x6xf32>) outs(%e : tensor<1x4x2x8xf32>) scale 1.0
    soc.yield %r : tensor<1x4x2x8xf32>
  }
  return %0 : tensor<1x4x2x8xf32>
}

// Softmax of rows, with what was fused before it.
// CHECK-LABEL: @softmax
// CHECK: %[[X:.*]] = tensor.extract_slice %arg0[0, 0] [5, 8] [1, 1]
// CHECK: soc.group on "a" {{.*}}(%[[X]])
// CHECK: linalg.exp {{.*}} -> tensor<5x8xf32>
// CHECK: linalg.softmax dimension(1) {{.*}} -> tensor<5x8xf32>
// CHECK: tensor.extract_slice %arg0[5, 0] [1, 8] [1, 1]
// CHECK: soc.group on "b"
func.func @softmax(%x: tensor<6x8xf32>) -> tensor<6x8xf32> {
  %0 = soc.group shares [#soc.share<"a", begin = 0, size = 5, variant = #v1>, #soc.share<"b", begin = 5, size = 1, variant = #v1>] (%x) : (tensor<6x8xf32>) -> tensor<6x8xf32> {
  ^bb0(%y: tensor<6x8xf32>):
    %e = tensor.empty() : tensor<6x8xf32>
    %1 = linalg.exp ins(%y : tensor<6x8xf32>) outs(%e : tensor<6x8xf32>) -> tensor<6x8xf32>
    %2 = linalg.softmax dimension(1) ins(%1 : tensor<6x8xf32>) outs(%e : tensor<6x8xf32>) -> tensor<6x8xf32>
    soc.yield %2 : tensor<6x8xf32>
  }
  return %0 : tensor<6x8xf32>
}

// Layer normalisation of rows; the scale belongs to columns.
// CHECK-LABEL: @layer_norm
// CHECK: %[[X:.*]] = tensor.extract_slice %arg0[0, 0, 0] [1, 2, 8] [1, 1, 1]
// CHECK: soc.group on "a" {{.*}}(%[[X]], %arg1)
// CHECK: nn.layer_norm {{.*}}tensor<1x2x8xf32>
// CHECK: tensor.extract_slice %arg0[0, 2, 0] [1, 2, 8] [1, 1, 1]
func.func @layer_norm(%x: tensor<1x4x8xf32>, %s: tensor<8xf32>) -> tensor<1x4x8xf32> {
  %0 = soc.group shares [#soc.share<"a", begin = 0, size = 2, variant = #v2>, #soc.share<"b", begin = 2, size = 2, variant = #v2>] (%x, %s) : (tensor<1x4x8xf32>, tensor<8xf32>) -> tensor<1x4x8xf32> {
  ^bb0(%y: tensor<1x4x8xf32>, %t: tensor<8xf32>):
    %e = tensor.empty() : tensor<1x4x8xf32>
    %1 = nn.layer_norm ins(%y, %t : tensor<1x4x8xf32>, tensor<8xf32>) outs(%e : tensor<1x4x8xf32>) epsilon 1.000000e-05
    soc.yield %1 : tensor<1x4x8xf32>
  }
  return %0 : tensor<1x4x8xf32>
}

// A transposed operand is cut across its rows: that is not contiguous, so the
// part reads it whole and slices it inside.
// CHECK-LABEL: @transposed
// CHECK: soc.group on "a" {{.*}}(%arg0)
// CHECK-NEXT: ^bb0(%[[Y:.*]]: tensor<8x6xf32>):
// CHECK: tensor.extract_slice %[[Y]][0, 0] [8, 4] [1, 1]
// CHECK: soc.group on "b" {{.*}}(%arg0)
// CHECK-NEXT: ^bb0(%[[Z:.*]]: tensor<8x6xf32>):
// CHECK: tensor.extract_slice %[[Z]][0, 4] [8, 2] [1, 1]
func.func @transposed(%x: tensor<8x6xf32>) -> tensor<6x8xf32> {
  %0 = soc.group shares [#soc.share<"a", begin = 0, size = 4, variant = #v1>, #soc.share<"b", begin = 4, size = 2, variant = #v1>] (%x) : (tensor<8x6xf32>) -> tensor<6x8xf32> {
  ^bb0(%y: tensor<8x6xf32>):
    %e = tensor.empty() : tensor<6x8xf32>
    %1 = linalg.transpose ins(%y : tensor<8x6xf32>) outs(%e : tensor<6x8xf32>) permutation = [1, 0]
    soc.yield %1 : tensor<6x8xf32>
  }
  return %0 : tensor<6x8xf32>
}
