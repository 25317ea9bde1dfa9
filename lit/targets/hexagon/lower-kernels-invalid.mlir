// RUN: tercet-opt %s --pass-pipeline='builtin.module(soc.kernel(hexagon-lower-kernels))' -split-input-file --verify-diagnostics

#v = #soc.variant<"rows", precision = i8, tiles = [0], panels = [0], time_ps = 1, scratch_bytes = 0>
soc.kernel @unpacked(%a: memref<4x8xi8>, %b: memref<8x16xi8>, %bias: memref<16xi32>, %m: memref<16xi32>, %c: memref<4x16xi8>) attributes {engine = "npu", num_inputs = 4 : i64, variant = #v} {
  // expected-error @below {{cannot be lowered for Hexagon: the right-hand side is not packed in panels of 32 columns}}
  nn.quantized_matmul ins(%a, %b, %bias, %m : memref<4x8xi8>, memref<8x16xi8>, memref<16xi32>, memref<16xi32>) outs(%c : memref<4x16xi8>) shift 7 zero -3
  soc.return
}

// -----

#v = #soc.variant<"rows", precision = i8, tiles = [0], panels = [0], time_ps = 1, scratch_bytes = 0>
soc.kernel @narrow_panels(%a: memref<4x8xi8>, %b: memref<1x2x16x4xi8>, %bias: memref<16xi32>, %m: memref<16xi32>, %c: memref<4x16xi8>) attributes {engine = "npu", num_inputs = 4 : i64, variant = #v} {
  // expected-error @below {{cannot be lowered for Hexagon: panels of 16 columns; it takes 32}}
  nn.quantized_matmul ins(%a, %b, %bias, %m : memref<4x8xi8>, memref<1x2x16x4xi8>, memref<16xi32>, memref<16xi32>) outs(%c : memref<4x16xi8>) shift 7 zero -3
  soc.return
}

// -----

#v = #soc.variant<"rows", precision = i8, tiles = [0], panels = [0], time_ps = 1, scratch_bytes = 0>
// expected-error @below {{expected at least 3712 bytes of scratch for a worker, got 64; plan with what stagingBytes says, or smaller tiles}}
soc.kernel @little_scratch(%a: memref<4x8xi8>, %b: memref<1x2x32x4xi8>, %bias: memref<32xi32>, %m: memref<32xi32>, %c: memref<4x32xi8>) attributes {engine = "npu", num_inputs = 4 : i64, scratch_bytes = 64 : i64, variant = #v} {
  nn.quantized_matmul ins(%a, %b, %bias, %m : memref<4x8xi8>, memref<1x2x32x4xi8>, memref<32xi32>, memref<32xi32>) outs(%c : memref<4x32xi8>) shift 7 zero -3
  soc.return
}

// -----

#v = #soc.variant<"rows", precision = i8, tiles = [0], panels = [0], time_ps = 1, scratch_bytes = 0>
soc.kernel @large_heads(%q: memref<1x4x2x144xi8>, %v: memref<1x4x2x8xi8>, %y: memref<1x4x2x8xi8>) attributes {engine = "npu", num_inputs = 2 : i64, variant = #v} {
  // expected-error @below {{cannot be lowered for Hexagon: heads of more than 128 elements}}
  nn.quantized_attention ins(%q, %q, %v : memref<1x4x2x144xi8>, memref<1x4x2x144xi8>, memref<1x4x2x8xi8>)
    outs(%y : memref<1x4x2x8xi8>) score_multiplier 1476395008 score_shift 4 multiplier 1610612736 shift 0 zero 0
  soc.return
}

// -----

#v = #soc.variant<"rows", precision = i8, tiles = [0], panels = [0], time_ps = 1, scratch_bytes = 0>
soc.kernel @columns(%a: memref<8x4xi8>, %b: memref<8x4xi8>, %c: memref<8x4xi8>) attributes {engine = "npu", num_inputs = 2 : i64, variant = #v} {
  %0 = memref.subview %a[0, 0] [8, 2] [1, 2] : memref<8x4xi8> to memref<8x2xi8, strided<[4, 2]>>
  %1 = memref.subview %c[0, 0] [8, 2] [1, 1] : memref<8x4xi8> to memref<8x2xi8, strided<[4, 1]>>
  // expected-error @below {{expected a last dimension of stride 1, got 'memref<8x2xi8, strided<[4, 2]>>'}}
  nn.rescale ins(%0 : memref<8x2xi8, strided<[4, 2]>>) outs(%1 : memref<8x2xi8, strided<[4, 1]>>) multiplier 9000 offset 0 shift 20 zero 3
  soc.return
}

// -----

#v = #soc.variant<"rows", precision = i8, tiles = [0], panels = [0], time_ps = 1, scratch_bytes = 0>
soc.kernel @bits(%a: memref<8xi1>, %b: memref<8xi1>) attributes {engine = "npu", num_inputs = 1 : i64, variant = #v} {
  // expected-error @below {{cannot be lowered for Hexagon: elements that are not 1, 2, 4 or 8 bytes}}
  memref.copy %a, %b : memref<8xi1> to memref<8xi1>
  soc.return
}
