// RUN: tercet-opt %s --partition-apply-placement | FileCheck %s

#whole = #soc.variant<"whole", precision = f32, tiles = [0, 0], panels = [0, 16, 0], time_ps = 7, scratch_bytes = 64>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

// 30 columns in panels of 16 are two panels. Both products read one copy; the
// weight in its old layout and the one that nobody reads go.
// CHECK-NOT: nn.weight @w =
// CHECK: nn.weight @[[W:.*]] = #nn.pack<dense<1.000000e+00> : tensor<8x30xf32>, panel = 16> : tensor<2x8x16xf32>
// CHECK-NOT: nn.weight
nn.weight @w = dense<1.0> : tensor<8x30xf32>
nn.weight @unused = dense<1.0> : tensor<8xf32>

// CHECK-LABEL: @panels
// CHECK: %[[P:.*]] = nn.get_weight @[[W]] : tensor<2x8x16xf32>
// CHECK: %[[T:.*]], %{{.*}} = soc.task on "cpu" variant {{.*}}(%arg0, %[[P]], %arg1) after()
// CHECK: ^bb0(%[[A:.*]]: tensor<4x8xf32>, %[[B:.*]]: tensor<2x8x16xf32>, %[[C:.*]]: tensor<4x30xf32>):
// CHECK: nn.packed_matmul ins(%[[A]], %[[B]] : {{.*}}) outs(%[[C]]
// CHECK: %[[Q:.*]] = nn.get_weight @[[W]]
// CHECK: soc.task on "cpu" variant {{.*}}(%arg0, %[[Q]], %[[T]])
func.func @panels(%x: tensor<4x8xf32>, %z: tensor<4x30xf32>) -> tensor<4x30xf32> {
  %w = nn.get_weight @w : tensor<8x30xf32>
  %0 = soc.group on "cpu" variant #whole (%x, %w, %z) : (tensor<4x8xf32>, tensor<8x30xf32>, tensor<4x30xf32>) -> tensor<4x30xf32> {
  ^bb0(%a: tensor<4x8xf32>, %b: tensor<8x30xf32>, %c: tensor<4x30xf32>):
    %p = linalg.matmul ins(%a, %b : tensor<4x8xf32>, tensor<8x30xf32>) outs(%c : tensor<4x30xf32>) -> tensor<4x30xf32>
    soc.yield %p : tensor<4x30xf32>
  }
  %1 = soc.group on "cpu" variant #whole (%x, %w, %0) : (tensor<4x8xf32>, tensor<8x30xf32>, tensor<4x30xf32>) -> tensor<4x30xf32> {
  ^bb0(%a: tensor<4x8xf32>, %b: tensor<8x30xf32>, %c: tensor<4x30xf32>):
    %p = linalg.matmul ins(%a, %b : tensor<4x8xf32>, tensor<8x30xf32>) outs(%c : tensor<4x30xf32>) -> tensor<4x30xf32>
    soc.yield %p : tensor<4x30xf32>
  }
  return %1 : tensor<4x30xf32>
}

// A variant without panels changes nothing but the operation's name.
// CHECK-LABEL: @plain
// CHECK: soc.task on "cpu" variant {{.*}}(%arg0) after() {{.*}} {
// CHECK-NEXT: ^bb0
// CHECK-NEXT: soc.yield
func.func @plain(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = soc.group on "cpu" variant #rows (%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%y: tensor<4xf32>):
    soc.yield %y : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}
