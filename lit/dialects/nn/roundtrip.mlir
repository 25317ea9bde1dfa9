// Every example of the dialect's documentation parses, prints and verifies.
// RUN: tercet-opt %s --verify-roundtrip

nn.weight @dense = #nn.transpose<#nn.file<"model.onnx", offset = 64, bytes = 24> : tensor<3x2xf32>, perm = [1, 0]> : tensor<2x3xf32>
nn.weight @half = #nn.cast<#nn.file<"model.onnx", offset = 0, bytes = 12, digest = "00ff"> : tensor<6xf16>> : tensor<6xf32>
nn.weight @inline = dense<[1.0, 2.0]> : tensor<2xf32>
nn.weight @joined = #nn.concat<[dense<1.0> : tensor<2xf32>, dense<2.0> : tensor<3xf32>], axis = 0> : tensor<5xf32>
nn.weight @part = #nn.slice<dense<1.0> : tensor<4x4xf32>, offsets = [1, 0]> : tensor<2x4xf32>
nn.weight @flat = #nn.reshape<dense<1.0> : tensor<2x4xf32>> : tensor<8xf32>
nn.weight @order = #nn.sort_order<dense<[1, 0, 1, 0]> : tensor<4xi32>> : tensor<4xi64>
nn.weight @sorted = #nn.take<dense<1.0> : tensor<2x4xf32>, indices = #nn.sort_order<dense<[1, 0, 1, 0]> : tensor<4xi32>> : tensor<4xi64>> : tensor<2x4xf32>
nn.weight @panels = #nn.pack<dense<1.0> : tensor<8x30xf32>, panel = 16> : tensor<2x8x16xf32>
nn.weight @equalised = #nn.scale_rows<#nn.file<"model.onnx", offset = 64, bytes = 24> : tensor<2x3xf32>, factors = dense<[1.0, 0.5]> : tensor<2xf32>> : tensor<2x3xf32>
nn.weight @integers = #nn.quantize_columns<#nn.file<"model.onnx", offset = 64, bytes = 24> : tensor<2x3xf32>> : tensor<2x3xi8>
nn.weight @scales = #nn.column_scale<#nn.file<"model.onnx", offset = 64, bytes = 24> : tensor<2x3xf32>> : tensor<3xf64>
nn.weight @multiplier = #nn.fixed_point<dense<[0.5, 0.25]> : tensor<2xf64>, factor = 1.250000e-01, shift = 35> : tensor<2xi32>
nn.weight @bias = #nn.column_bias<dense<1> : tensor<4x2xi8>, scales = dense<[0.5, 0.25]> : tensor<2xf64>, scale = 5.000000e-02, zero = -3, bias = dense<1.0> : tensor<2xf32>> : tensor<2xi32>
nn.weight @means = #nn.column_bias<#nn.quantize_columns<dense<1.0> : tensor<4x2xf32>> : tensor<4x2xi8>, scales = dense<[0.5, 0.25]> : tensor<2xf64>, scale = 5.000000e-02, zero = -3 means = dense<1.0> : tensor<4xf32>> : tensor<2xi32>
nn.weight @no_bias = #nn.column_bias<dense<1> : tensor<4x2xi8>, scales = dense<[0.5, 0.25]> : tensor<2xf64>, scale = 5.000000e-02, zero = -3> : tensor<2xi32>
nn.weight @fours = #nn.pack_dot<dense<1> : tensor<9x37xi8>, panel = 32> : tensor<2x3x32x4xi8>

func.func @get_weight() -> tensor<2x3xf32> {
  %0 = nn.get_weight @dense : tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

func.func @activation(%x: tensor<4x8xf32>, %e: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = nn.activation gelu_erf ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
  return %0 : tensor<4x8xf32>
}

func.func @norms(%x: tensor<4x8xf32>, %s: tensor<8xf32>, %e: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>) {
  %0 = nn.layer_norm ins(%x, %s : tensor<4x8xf32>, tensor<8xf32>) bias(%s : tensor<8xf32>)
         outs(%e : tensor<4x8xf32>) epsilon 1.000000e-05
  %1 = nn.layer_norm ins(%x, %s : tensor<4x8xf32>, tensor<8xf32>) outs(%e : tensor<4x8xf32>) epsilon 1.000000e-05
  %2 = nn.rms_norm ins(%x, %s : tensor<4x8xf32>, tensor<8xf32>)
         outs(%e : tensor<4x8xf32>) epsilon 1.000000e-06
  return %0, %1, %2 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>
}

func.func @rope(%x: tensor<1x4x2x8xf32>, %cos: tensor<1x4x8xf32>, %sin: tensor<1x4x8xf32>, %e: tensor<1x4x2x8xf32>) -> tensor<1x4x2x8xf32> {
  %0 = nn.rope ins(%x, %cos, %sin : tensor<1x4x2x8xf32>, tensor<1x4x8xf32>, tensor<1x4x8xf32>)
         outs(%e : tensor<1x4x2x8xf32>)
  return %0 : tensor<1x4x2x8xf32>
}

func.func @gather(%data: tensor<10x8xf32>, %i: tensor<4xi64>, %e: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = nn.gather axis 0 ins(%data, %i : tensor<10x8xf32>, tensor<4xi64>) outs(%e : tensor<4x8xf32>)
  return %0 : tensor<4x8xf32>
}

func.func @attention(%q: tensor<1x4x2x8xf32>, %k: tensor<1x6x2x8xf32>, %v: tensor<1x6x2x8xf32>,
                     %m: tensor<1x1x1x6xf32>, %e: tensor<1x4x2x8xf32>) -> tensor<1x4x2x8xf32> {
  %0 = nn.attention ins(%q, %k, %v : tensor<1x4x2x8xf32>, tensor<1x6x2x8xf32>, tensor<1x6x2x8xf32>)
         mask(%m : tensor<1x1x1x6xf32>) outs(%e : tensor<1x4x2x8xf32>) scale 2.500000e-01
  return %0 : tensor<1x4x2x8xf32>
}

func.func @whole_attention_on_memrefs(%q: memref<1x4x2x8xf32>, %k: memref<1x6x2x8xf32>, %m: memref<1x1x1x6xf32>, %e: memref<1x4x2x8xf32>) {
  nn.attention ins(%q, %k, %k : memref<1x4x2x8xf32>, memref<1x6x2x8xf32>, memref<1x6x2x8xf32>)
    mask(%m : memref<1x1x1x6xf32>) outs(%e : memref<1x4x2x8xf32>) scale 2.500000e-01
  return
}

func.func @packed_matmul(%a: tensor<4x8xf32>, %b: tensor<2x8x16xf32>, %c: tensor<4x30xf32>) -> tensor<4x30xf32> {
  %0 = nn.packed_matmul ins(%a, %b : tensor<4x8xf32>, tensor<2x8x16xf32>) outs(%c : tensor<4x30xf32>)
  return %0 : tensor<4x30xf32>
}

func.func @packed_matmul_on_memrefs(%a: memref<4x8xf32>, %b: memref<2x8x16xf32>, %c: memref<4x30xf32>) {
  nn.packed_matmul ins(%a, %b : memref<4x8xf32>, memref<2x8x16xf32>) outs(%c : memref<4x30xf32>)
  return
}

func.func @there_and_back(%x: tensor<4x8xf32>, %e: tensor<4x8xi8>, %f: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = nn.quantize as !quant.uniform<i8:f32, 5.000000e-02:3> ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xi8>)
  %1 = nn.dequantize from !quant.uniform<i8:f32, 5.000000e-02:3> ins(%0 : tensor<4x8xi8>) outs(%f : tensor<4x8xf32>)
  return %1 : tensor<4x8xf32>
}

func.func @quantized_matmul(%a: tensor<4x8xi8>, %b: tensor<8x16xi8>, %bias: tensor<16xi32>, %m: tensor<16xi32>,
                            %e: tensor<4x16xi8>) -> tensor<4x16xi8> {
  %0 = nn.quantized_matmul ins(%a, %b, %bias, %m : tensor<4x8xi8>, tensor<8x16xi8>, tensor<16xi32>, tensor<16xi32>)
         outs(%e : tensor<4x16xi8>) shift 7 zero -3
  return %0 : tensor<4x16xi8>
}

// 37 columns are two panels of 32; a depth of 9 is three groups of 4.
func.func @quantized_matmul_packed(%a: tensor<4x9xi16>, %b: tensor<2x3x32x4xi8>, %bias: tensor<37xi32>, %m: tensor<37xi32>,
                                   %e: tensor<4x37xi16>) -> tensor<4x37xi16> {
  %0 = nn.quantized_matmul ins(%a, %b, %bias, %m : tensor<4x9xi16>, tensor<2x3x32x4xi8>, tensor<37xi32>, tensor<37xi32>)
         outs(%e : tensor<4x37xi16>) shift 31 zero 0
  return %0 : tensor<4x37xi16>
}

func.func @quantized_attention(%q: tensor<1x4x2x8xi8>, %k: tensor<1x6x2x8xi8>, %v: tensor<1x6x2x8xi8>,
                               %m: tensor<1x1x1x6xi16>, %e: tensor<1x4x2x8xi8>) -> tensor<1x4x2x8xi8> {
  %0 = nn.quantized_attention ins(%q, %k, %v : tensor<1x4x2x8xi8>, tensor<1x6x2x8xi8>, tensor<1x6x2x8xi8>)
         mask(%m : tensor<1x1x1x6xi16>) outs(%e : tensor<1x4x2x8xi8>)
         score_multiplier 1476395008 score_shift 4 multiplier 1610612736 shift 0 zero 0
  return %0 : tensor<1x4x2x8xi8>
}

func.func @quantized_norms(%x: tensor<4x8xi16>, %g: tensor<8xi32>, %o: tensor<8xi32>, %e: tensor<4x8xi8>) -> (tensor<4x8xi8>, tensor<4x8xi8>) {
  %0 = nn.quantized_layer_norm ins(%x, %g, %o : tensor<4x8xi16>, tensor<8xi32>, tensor<8xi32>)
         outs(%e : tensor<4x8xi8>) epsilon 12 gain_shift 3 zero 0
  %1 = nn.quantized_rms_norm ins(%x, %g : tensor<4x8xi16>, tensor<8xi32>)
         outs(%e : tensor<4x8xi8>) epsilon 12 gain_shift 3 zero 0
  return %0, %1 : tensor<4x8xi8>, tensor<4x8xi8>
}

func.func @quantized_elementwise(%a: tensor<4x8xi8>, %b: tensor<4x8xi16>, %t: tensor<256xi8>, %e: tensor<4x8xi8>) -> (tensor<4x8xi16>, tensor<4x8xi8>, tensor<4x8xi8>) {
  %0 = nn.quantized_add ins(%a, %b : tensor<4x8xi8>, tensor<4x8xi16>) outs(%b : tensor<4x8xi16>)
         multipliers [16384, 9000] offset -120 shift 10 zero 0
  %1 = nn.rescale ins(%b : tensor<4x8xi16>) outs(%e : tensor<4x8xi8>) multiplier 9000 offset 0 shift 20 zero 3
  %2 = nn.lookup ins(%a, %t : tensor<4x8xi8>, tensor<256xi8>) outs(%e : tensor<4x8xi8>)
  return %0, %1, %2 : tensor<4x8xi16>, tensor<4x8xi8>, tensor<4x8xi8>
}

// Scales, multipliers and tables of columns.
func.func @by_columns(%f: tensor<4x2xf32>, %x: tensor<4x8xi16>, %c: tensor<8xi32>, %y: tensor<4x512xi8>, %u: tensor<4x256xi8>,
                      %d: tensor<4x2xi8>, %e: tensor<4x8xi8>) -> (tensor<4x2xf32>, tensor<4x8xi8>, tensor<4x512xi8>) {
  %0 = nn.quantize as !quant.uniform<i8:f32:1, {5.000000e-02:3, 2.500000e-02:3}> ins(%f : tensor<4x2xf32>) outs(%d : tensor<4x2xi8>)
  %1 = nn.dequantize from !quant.uniform<i8:f32:1, {5.000000e-02:3, 2.500000e-02:3}> ins(%0 : tensor<4x2xi8>) outs(%f : tensor<4x2xf32>)
  %2 = nn.rescale ins(%x : tensor<4x8xi16>) columns(%c : tensor<8xi32>) outs(%e : tensor<4x8xi8>) multiplier 0 offset 0 shift 7 zero 3
  %3 = nn.lookup ins(%y, %u : tensor<4x512xi8>, tensor<4x256xi8>) outs(%y : tensor<4x512xi8>)
  return %1, %2, %3 : tensor<4x2xf32>, tensor<4x8xi8>, tensor<4x512xi8>
}

func.func @integers_on_memrefs(%a: memref<4x8xi8>, %b: memref<8x16xi8>, %bias: memref<16xi32>, %m: memref<16xi32>,
                               %t: memref<256xi16>, %e: memref<4x16xi8>, %f: memref<4x8xi16>) {
  nn.quantized_matmul ins(%a, %b, %bias, %m : memref<4x8xi8>, memref<8x16xi8>, memref<16xi32>, memref<16xi32>)
    outs(%e : memref<4x16xi8>) shift 7 zero -3
  nn.lookup ins(%a, %t : memref<4x8xi8>, memref<256xi16>) outs(%f : memref<4x8xi16>)
  return
}

nn.weight @cos = #nn.rope_table<cos, theta = 1.000000e+04 : f64, rotary = 64, attention = 1.000000e+00 : f64> : tensor<1x2048x64xf32>
nn.weight @sin = #nn.rope_table<sin, theta = 1.000000e+04 : f64, rotary = 4, attention = 1.000000e+00 : f64, factors = dense<[1.0, 8.0]> : tensor<2xf64>> : tensor<1x16x8xf32>
nn.weight @slopes = #nn.alibi<dense<[0.25, 0.0625]> : tensor<2xf64>> : tensor<1x2x1x2048xf32>

// A cache in groups: bytes of blocks in the place of a head's elements.
func.func @cache_in_groups(%y: tensor<1x4x2x64xf32>, %r: tensor<1x4x4x64xf32>, %f: tensor<1x4x4x64xf32>, %p: index,
                           %d: tensor<1x16x2x68xi8>) -> (tensor<1x4x4x64xf32>, tensor<1x16x2x68xi8>) {
  %1 = nn.cache_update format #nn.groups<32 in 34 group 32 planes [<bits = 8, run = 1, at = 2>] codes signed scale f16 at 0>
         ins(%y : tensor<1x4x2x64xf32>) at %p outs(%d : tensor<1x16x2x68xi8>)
  %2 = nn.cached_attention format #nn.groups<32 in 34 group 32 planes [<bits = 8, run = 1, at = 2>] codes signed scale f16 at 0>
         ins(%r, %1, %1 : tensor<1x4x4x64xf32>, tensor<1x16x2x68xi8>, tensor<1x16x2x68xi8>)
         at %p outs(%f : tensor<1x4x4x64xf32>) scale 1.250000e-01
  return %2, %1 : tensor<1x4x4x64xf32>, tensor<1x16x2x68xi8>
}

// State: a cache of which a part is valid, up to where a scalar says.
func.func @cache(%x: tensor<1x4x2x8xf32>, %q: tensor<1x4x4x8xf32>, %t: tensor<1x16x8xf32>, %m: tensor<1x4x1x16xf32>,
                 %p: index {nn.name = "position", nn.range = #nn.range<0, 12>}, %c: tensor<1x16x2x8xf16> {nn.name = "cache", nn.state})
    -> (tensor<1x4x4x8xf32>, tensor<1x16x2x8xf16> {nn.name = "cache", nn.tied = 5 : i64}) {
  %0 = nn.cache_update ins(%x : tensor<1x4x2x8xf32>) at %p outs(%c : tensor<1x16x2x8xf16>)
  %1 = nn.rope ins(%q, %t, %t : tensor<1x4x4x8xf32>, tensor<1x16x8xf32>, tensor<1x16x8xf32>) at %p outs(%q : tensor<1x4x4x8xf32>)
  %2 = nn.cached_attention ins(%1, %0, %0 : tensor<1x4x4x8xf32>, tensor<1x16x2x8xf16>, tensor<1x16x2x8xf16>)
         at %p outs(%q : tensor<1x4x4x8xf32>) scale 2.500000e-01
  %3 = nn.cached_attention ins(%2, %0, %0 : tensor<1x4x4x8xf32>, tensor<1x16x2x8xf16>, tensor<1x16x2x8xf16>)
         mask(%m : tensor<1x4x1x16xf32>) at %p outs(%q : tensor<1x4x4x8xf32>) scale 2.500000e-01 window 4
  return %3, %0 : tensor<1x4x4x8xf32>, tensor<1x16x2x8xf16>
}

func.func @attention_on_memrefs(%q: memref<1x4x4x8xf32>, %c: memref<1x16x2x8xf16>, %p: index, %e: memref<1x4x4x8xf32>) {
  nn.cached_attention ins(%q, %c, %c : memref<1x4x4x8xf32>, memref<1x16x2x8xf16>, memref<1x16x2x8xf16>)
    at %p outs(%e : memref<1x4x4x8xf32>) scale 2.500000e-01
  return
}
