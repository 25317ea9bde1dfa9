// RUN: tercet-opt %s --tile-outline-kernels | FileCheck %s

#rows = #soc.variant<"rows", precision = i8, tiles = [1, 0], panels = [0, 0], time_ps = 1, scratch_bytes = 0>

// A kernel is named after its product; what it is given is read by whole
// columns, so its output cannot lie there.
// CHECK: soc.kernel @quantized_matmul({{.*}}in_place = array<i64>
func.func @product(%x: tensor<8x8xi8>, %w: tensor<8x8xi8>, %s: tensor<8xi32>, %t: tensor<256xi8>) -> tensor<8x8xi8> {
  %0, %u = soc.task on "npu" variant #rows (%x, %w, %s, %t) after () : (tensor<8x8xi8>, tensor<8x8xi8>, tensor<8xi32>, tensor<256xi8>) -> tensor<8x8xi8> {
  ^bb0(%a: tensor<8x8xi8>, %b: tensor<8x8xi8>, %c: tensor<8xi32>, %d: tensor<256xi8>):
    %e = tensor.empty() : tensor<8x8xi8>
    %1 = nn.quantized_matmul ins(%a, %b, %c, %c : tensor<8x8xi8>, tensor<8x8xi8>, tensor<8xi32>, tensor<8xi32>) outs(%e : tensor<8x8xi8>) shift 7 zero -3
    %2 = nn.lookup ins(%1, %d : tensor<8x8xi8>, tensor<256xi8>) outs(%e : tensor<8x8xi8>)
    soc.yield %2 : tensor<8x8xi8>
  }
  return %0 : tensor<8x8xi8>
}

// Either operand of a sum may be overwritten if it has the result's type.
// CHECK: soc.kernel @quantized_add({{.*}}in_place = array<i64: 1>
func.func @sum(%x: tensor<4x8xi8>, %y: tensor<4x8xi16>) -> tensor<4x8xi16> {
  %0, %u = soc.task on "npu" variant #rows (%x, %y) after () : (tensor<4x8xi8>, tensor<4x8xi16>) -> tensor<4x8xi16> {
  ^bb0(%a: tensor<4x8xi8>, %b: tensor<4x8xi16>):
    %e = tensor.empty() : tensor<4x8xi16>
    %1 = nn.quantized_add ins(%a, %b : tensor<4x8xi8>, tensor<4x8xi16>) outs(%e : tensor<4x8xi16>) multipliers [16384, 9000] offset 0 shift 10 zero 0
    soc.yield %1 : tensor<4x8xi16>
  }
  return %0 : tensor<4x8xi16>
}

// A norm reads its row before it writes it, a lookup its table at any time.
// CHECK: soc.kernel @quantized_rms_norm({{.*}}in_place = array<i64: 0>
func.func @rows(%x: tensor<4x256xi8>, %g: tensor<256xi32>, %t: tensor<256xi8>) -> tensor<4x256xi8> {
  %0, %u = soc.task on "npu" variant #rows (%x, %g, %t) after () : (tensor<4x256xi8>, tensor<256xi32>, tensor<256xi8>) -> tensor<4x256xi8> {
  ^bb0(%a: tensor<4x256xi8>, %b: tensor<256xi32>, %c: tensor<256xi8>):
    %e = tensor.empty() : tensor<4x256xi8>
    %1 = nn.quantized_rms_norm ins(%a, %b : tensor<4x256xi8>, tensor<256xi32>) outs(%e : tensor<4x256xi8>) epsilon 12 gain_shift 3 zero 0
    %2 = nn.lookup ins(%1, %c : tensor<4x256xi8>, tensor<256xi8>) outs(%e : tensor<4x256xi8>)
    soc.yield %2 : tensor<4x256xi8>
  }
  return %0 : tensor<4x256xi8>
}
