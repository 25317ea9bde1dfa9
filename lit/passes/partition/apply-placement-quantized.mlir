// RUN: tercet-opt %s --partition-apply-placement -split-input-file --verify-diagnostics | FileCheck %s

#product = #soc.variant<"product", precision = i8, tiles = [0, 32], panels = [0, 32, 0, 0], time_ps = 7, scratch_bytes = 64>

// A product of integers reads fours of rows side by side, under the same
// operation; 37 columns are two panels, nine rows three fours.
// CHECK: nn.weight @[[W:.*]] = #nn.pack_dot<#nn.quantize_columns<dense<1.000000e+00> : tensor<9x37xf32>> : tensor<9x37xi8>, panel = 32> : tensor<2x3x32x4xi8>
// CHECK-LABEL: @packed
// CHECK: nn.get_weight @[[W]] : tensor<2x3x32x4xi8>
// CHECK: nn.quantized_matmul ins({{.*}} : tensor<4x9xi8>, tensor<2x3x32x4xi8>, tensor<37xi32>, tensor<37xi32>) outs({{.*}} : tensor<4x37xi8>) shift 7 zero -3
nn.weight @w = #nn.quantize_columns<dense<1.0> : tensor<9x37xf32>> : tensor<9x37xi8>
func.func @packed(%x: tensor<4x9xi8>, %s: tensor<37xi32>) -> tensor<4x37xi8> {
  %w = nn.get_weight @w : tensor<9x37xi8>
  %0 = soc.group on "npu" variant #product (%x, %w, %s, %s) : (tensor<4x9xi8>, tensor<9x37xi8>, tensor<37xi32>, tensor<37xi32>) -> tensor<4x37xi8> {
  ^bb0(%a: tensor<4x9xi8>, %b: tensor<9x37xi8>, %c: tensor<37xi32>, %d: tensor<37xi32>):
    %e = tensor.empty() : tensor<4x37xi8>
    %p = nn.quantized_matmul ins(%a, %b, %c, %d : tensor<4x9xi8>, tensor<9x37xi8>, tensor<37xi32>, tensor<37xi32>) outs(%e : tensor<4x37xi8>) shift 7 zero -3
    soc.yield %p : tensor<4x37xi8>
  }
  return %0 : tensor<4x37xi8>
}

// -----

#square = #soc.variant<"product", precision = i8, tiles = [0, 32], panels = [32, 0, 0], time_ps = 7, scratch_bytes = 64>

nn.weight @w = dense<1> : tensor<32x32xi8>
func.func @left(%x: tensor<32x32xi8>, %s: tensor<32xi32>) -> tensor<32x32xi8> {
  %w = nn.get_weight @w : tensor<32x32xi8>
  // expected-error @below {{input 0 is wanted in panels but is no right-hand side}}
  %0 = soc.group on "npu" variant #square (%w, %x, %s) : (tensor<32x32xi8>, tensor<32x32xi8>, tensor<32xi32>) -> tensor<32x32xi8> {
  ^bb0(%a: tensor<32x32xi8>, %b: tensor<32x32xi8>, %c: tensor<32xi32>):
    %e = tensor.empty() : tensor<32x32xi8>
    %p = nn.quantized_matmul ins(%a, %b, %c, %c : tensor<32x32xi8>, tensor<32x32xi8>, tensor<32xi32>, tensor<32xi32>) outs(%e : tensor<32x32xi8>) shift 7 zero -3
    soc.yield %p : tensor<32x32xi8>
  }
  return %0 : tensor<32x32xi8>
}
