// Weights in groups get panels; a gather and a product share them.
// RUN: tercet-opt %s --partition-apply-placement | FileCheck %s

#q4_0 = #nn.groups<32 in 18 group 32 planes [<bits = 4, run = 16, at = 2>] zero 8 scale f16 at 0>
#product = #soc.variant<"p", precision = f32, tiles = [0, 0], panels = [0, 16, 0], time_ps = 7, scratch_bytes = 64>
#gather = #soc.variant<"g", precision = f32, tiles = [0, 0], panels = [16, 0, 0], time_ps = 7, scratch_bytes = 64>

// CHECK-NOT: nn.weight @w =
// CHECK: nn.weight @[[W:.*]] = #nn.pack_groups<dense<1> : tensor<24x2x18xi8>, format = {{.*}}, panel = 16> : tensor<2x2x288xi8>
// CHECK: nn.weight @[[H:.*]] = #nn.pack<#nn.transpose<dense<1.000000e+00> : tensor<24x64xf16>, perm = [1, 0]> : tensor<64x24xf16>, panel = 16> : tensor<2x64x16xf16>
// CHECK-NOT: nn.weight
nn.weight @w = dense<1> : tensor<24x2x18xi8>
nn.weight @h = dense<1.0> : tensor<24x64xf16>

// CHECK-LABEL: @tied
// CHECK: nn.get_weight @[[W]]
// CHECK: nn.group_matmul format {{.*}} panel 16 ins({{.*}} : tensor<4x64xf32>, tensor<2x2x288xi8>)
// CHECK: nn.get_weight @[[W]]
// CHECK: nn.group_gather format {{.*}} panel 16 of 24
// CHECK: nn.get_weight @[[H]]
// CHECK: nn.group_matmul panel 16 ins
func.func @tied(%x: tensor<4x64xf32>, %i: tensor<4xi64>, %c: tensor<4x24xf32>, %e: tensor<4x64xf32>) -> (tensor<4x24xf32>, tensor<4x64xf32>, tensor<4x24xf32>) {
  %w = nn.get_weight @w : tensor<24x2x18xi8>
  %h = nn.get_weight @h : tensor<24x64xf16>
  %0 = soc.group on "cpu" variant #product (%x, %w, %c) : (tensor<4x64xf32>, tensor<24x2x18xi8>, tensor<4x24xf32>) -> tensor<4x24xf32> {
  ^bb0(%a: tensor<4x64xf32>, %b: tensor<24x2x18xi8>, %o: tensor<4x24xf32>):
    %p = nn.group_matmul format #q4_0 ins(%a, %b : tensor<4x64xf32>, tensor<24x2x18xi8>) outs(%o : tensor<4x24xf32>)
    soc.yield %p : tensor<4x24xf32>
  }
  %1 = soc.group on "cpu" variant #gather (%w, %i, %e) : (tensor<24x2x18xi8>, tensor<4xi64>, tensor<4x64xf32>) -> tensor<4x64xf32> {
  ^bb0(%b: tensor<24x2x18xi8>, %n: tensor<4xi64>, %o: tensor<4x64xf32>):
    %p = nn.group_gather format #q4_0 of 24 ins(%b, %n : tensor<24x2x18xi8>, tensor<4xi64>) outs(%o : tensor<4x64xf32>)
    soc.yield %p : tensor<4x64xf32>
  }
  %2 = soc.group on "cpu" variant #product (%x, %h, %c) : (tensor<4x64xf32>, tensor<24x64xf16>, tensor<4x24xf32>) -> tensor<4x24xf32> {
  ^bb0(%a: tensor<4x64xf32>, %b: tensor<24x64xf16>, %o: tensor<4x24xf32>):
    %p = nn.group_matmul ins(%a, %b : tensor<4x64xf32>, tensor<24x64xf16>) outs(%o : tensor<4x24xf32>)
    soc.yield %p : tensor<4x24xf32>
  }
  return %0, %1, %2 : tensor<4x24xf32>, tensor<4x64xf32>, tensor<4x24xf32>
}
