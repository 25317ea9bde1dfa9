// RUN: tercet-opt %s -split-input-file --verify-diagnostics

func.func @f(%x: tensor<4xf32>, %e: tensor<4xi8>) -> tensor<4xi8> {
  // expected-error @below {{expected a signed !quant.uniform of f32 without bounds, got 'f32'}}
  %0 = nn.quantize as f32 ins(%x : tensor<4xf32>) outs(%e : tensor<4xi8>)
  return %0 : tensor<4xi8>
}

// -----

func.func @f(%x: tensor<4xf32>, %e: tensor<4xi8>) -> tensor<4xi8> {
  // expected-error @below {{expected a signed !quant.uniform of f32 without bounds, got}}
  %0 = nn.quantize as !quant.uniform<u8:f32, 5.0e-02:3> ins(%x : tensor<4xf32>) outs(%e : tensor<4xi8>)
  return %0 : tensor<4xi8>
}

// -----

func.func @f(%x: tensor<4xf32>, %e: tensor<4xi8>) -> tensor<4xi8> {
  // expected-error @below {{expected a signed !quant.uniform of f32 without bounds, got}}
  %0 = nn.quantize as !quant.uniform<i8<-127:127>:f32, 5.0e-02> ins(%x : tensor<4xf32>) outs(%e : tensor<4xi8>)
  return %0 : tensor<4xi8>
}

// -----

func.func @f(%x: tensor<4xf32>, %e: tensor<4xi16>) -> tensor<4xi16> {
  // expected-error @below {{expected elements of 'i8' as in '!quant.uniform<i8:f32, 5.000000e-02:3>', got 'tensor<4xi16>'}}
  %0 = nn.quantize as !quant.uniform<i8:f32, 5.0e-02:3> ins(%x : tensor<4xf32>) outs(%e : tensor<4xi16>)
  return %0 : tensor<4xi16>
}

// -----

func.func @f(%x: tensor<4xf32>, %e: tensor<4xi16>) -> tensor<4xi16> {
  // expected-error @below {{expected a zero of i16 from 0 to 0, got 3}}
  %0 = nn.quantize as !quant.uniform<i16:f32, 5.0e-02:3> ins(%x : tensor<4xf32>) outs(%e : tensor<4xi16>)
  return %0 : tensor<4xi16>
}

// -----

func.func @f(%x: tensor<4xf32>, %e: tensor<5xi8>) -> tensor<5xi8> {
  // expected-error @below {{expected init of shape [4], got 'tensor<5xi8>'}}
  %0 = nn.quantize as !quant.uniform<i8:f32, 5.0e-02:3> ins(%x : tensor<4xf32>) outs(%e : tensor<5xi8>)
  return %0 : tensor<5xi8>
}

// -----

func.func @f(%x: tensor<4xi8>, %e: tensor<4xf16>) -> tensor<4xf16> {
  // expected-error @below {{expected elements of f32, got 'tensor<4xf16>'}}
  %0 = nn.dequantize from !quant.uniform<i8:f32, 5.0e-02:3> ins(%x : tensor<4xi8>) outs(%e : tensor<4xf16>)
  return %0 : tensor<4xf16>
}

// -----

func.func @f(%x: tensor<4xi32>, %e: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{expected integers of i8 or i16, got 'tensor<4xi32>'}}
  %0 = nn.dequantize from !quant.uniform<i8:f32, 5.0e-02:3> ins(%x : tensor<4xi32>) outs(%e : tensor<4xf32>)
  return %0 : tensor<4xf32>
}

// -----

func.func @f(%a: tensor<4x8xf32>, %b: tensor<8x16xi8>, %bias: tensor<16xi32>, %m: tensor<16xi32>, %e: tensor<4x16xi8>) -> tensor<4x16xi8> {
  // expected-error @below {{expected lhs of i8 or i16, got 'tensor<4x8xf32>'}}
  %0 = nn.quantized_matmul ins(%a, %b, %bias, %m : tensor<4x8xf32>, tensor<8x16xi8>, tensor<16xi32>, tensor<16xi32>) outs(%e : tensor<4x16xi8>) shift 7 zero -3
  return %0 : tensor<4x16xi8>
}

// -----

func.func @f(%a: tensor<4x8xi8>, %b: tensor<8x16xi16>, %bias: tensor<16xi32>, %m: tensor<16xi32>, %e: tensor<4x16xi8>) -> tensor<4x16xi8> {
  // expected-error @below {{expected rhs of i8, got 'tensor<8x16xi16>'}}
  %0 = nn.quantized_matmul ins(%a, %b, %bias, %m : tensor<4x8xi8>, tensor<8x16xi16>, tensor<16xi32>, tensor<16xi32>) outs(%e : tensor<4x16xi8>) shift 7 zero -3
  return %0 : tensor<4x16xi8>
}

// -----

func.func @f(%a: tensor<4x8xi8>, %b: tensor<8x16xi8>, %bias: tensor<16xi64>, %m: tensor<16xi32>, %e: tensor<4x16xi8>) -> tensor<4x16xi8> {
  // expected-error @below {{expected bias of i32, got 'tensor<16xi64>'}}
  %0 = nn.quantized_matmul ins(%a, %b, %bias, %m : tensor<4x8xi8>, tensor<8x16xi8>, tensor<16xi64>, tensor<16xi32>) outs(%e : tensor<4x16xi8>) shift 7 zero -3
  return %0 : tensor<4x16xi8>
}

// -----

func.func @f(%a: tensor<4x8xi8>, %b: tensor<8x16xi8>, %bias: tensor<16xi32>, %m: tensor<16xi32>, %e: tensor<4x16xi8>) -> tensor<4x16xi8> {
  // expected-error @below {{expected shift from 0 to 31, got 32}}
  %0 = nn.quantized_matmul ins(%a, %b, %bias, %m : tensor<4x8xi8>, tensor<8x16xi8>, tensor<16xi32>, tensor<16xi32>) outs(%e : tensor<4x16xi8>) shift 32 zero -3
  return %0 : tensor<4x16xi8>
}

// -----

func.func @f(%a: tensor<4x8xi8>, %b: tensor<8x16xi8>, %bias: tensor<16xi32>, %m: tensor<16xi32>, %e: tensor<4x16xi8>) -> tensor<4x16xi8> {
  // expected-error @below {{expected a zero of i8 from -128 to 127, got 128}}
  %0 = nn.quantized_matmul ins(%a, %b, %bias, %m : tensor<4x8xi8>, tensor<8x16xi8>, tensor<16xi32>, tensor<16xi32>) outs(%e : tensor<4x16xi8>) shift 7 zero 128
  return %0 : tensor<4x16xi8>
}

// -----

func.func @f(%a: tensor<4x8xi8>, %b: tensor<8x16x1xi8>, %bias: tensor<16xi32>, %m: tensor<16xi32>, %e: tensor<4x16xi8>) -> tensor<4x16xi8> {
  // expected-error @below {{expected [M, K] by [K, N] or [ceil(N / p), ceil(K / 4), p, 4] into [M, N], got 'tensor<4x8xi8>' by 'tensor<8x16x1xi8>' into 'tensor<4x16xi8>'}}
  %0 = nn.quantized_matmul ins(%a, %b, %bias, %m : tensor<4x8xi8>, tensor<8x16x1xi8>, tensor<16xi32>, tensor<16xi32>) outs(%e : tensor<4x16xi8>) shift 7 zero -3
  return %0 : tensor<4x16xi8>
}

// -----

func.func @f(%a: tensor<4x8xi8>, %b: tensor<9x16xi8>, %bias: tensor<16xi32>, %m: tensor<16xi32>, %e: tensor<4x16xi8>) -> tensor<4x16xi8> {
  // expected-error @below {{expected rhs of shape [8, 16], got 'tensor<9x16xi8>'}}
  %0 = nn.quantized_matmul ins(%a, %b, %bias, %m : tensor<4x8xi8>, tensor<9x16xi8>, tensor<16xi32>, tensor<16xi32>) outs(%e : tensor<4x16xi8>) shift 7 zero -3
  return %0 : tensor<4x16xi8>
}

// -----

func.func @f(%a: tensor<4x8xi8>, %b: tensor<1x2x?x4xi8>, %bias: tensor<16xi32>, %m: tensor<16xi32>, %e: tensor<4x16xi8>) -> tensor<4x16xi8> {
  // expected-error @below {{expected panels of a static width and bytes in fours, got 'tensor<1x2x?x4xi8>'}}
  %0 = nn.quantized_matmul ins(%a, %b, %bias, %m : tensor<4x8xi8>, tensor<1x2x?x4xi8>, tensor<16xi32>, tensor<16xi32>) outs(%e : tensor<4x16xi8>) shift 7 zero -3
  return %0 : tensor<4x16xi8>
}

// -----

func.func @f(%a: tensor<4x8xi8>, %b: tensor<1x3x32x4xi8>, %bias: tensor<16xi32>, %m: tensor<16xi32>, %e: tensor<4x16xi8>) -> tensor<4x16xi8> {
  // expected-error @below {{expected packed rhs of shape [1, 2, 32, 4], got 'tensor<1x3x32x4xi8>'}}
  %0 = nn.quantized_matmul ins(%a, %b, %bias, %m : tensor<4x8xi8>, tensor<1x3x32x4xi8>, tensor<16xi32>, tensor<16xi32>) outs(%e : tensor<4x16xi8>) shift 7 zero -3
  return %0 : tensor<4x16xi8>
}

// -----

func.func @f(%a: tensor<4x8xi8>, %b: tensor<8x16xi8>, %bias: tensor<16xi32>, %m: tensor<16xi32>, %e: tensor<5x16xi8>) -> tensor<5x16xi8> {
  // expected-error @below {{expected init of shape [4, 16], got 'tensor<5x16xi8>'}}
  %0 = nn.quantized_matmul ins(%a, %b, %bias, %m : tensor<4x8xi8>, tensor<8x16xi8>, tensor<16xi32>, tensor<16xi32>) outs(%e : tensor<5x16xi8>) shift 7 zero -3
  return %0 : tensor<5x16xi8>
}

// -----

func.func @f(%a: tensor<4x8xi8>, %b: tensor<8x16xi8>, %bias: tensor<16xi32>, %m: tensor<15xi32>, %e: tensor<4x16xi8>) -> tensor<4x16xi8> {
  // expected-error @below {{expected multiplier of shape [16], got 'tensor<15xi32>'}}
  %0 = nn.quantized_matmul ins(%a, %b, %bias, %m : tensor<4x8xi8>, tensor<8x16xi8>, tensor<16xi32>, tensor<15xi32>) outs(%e : tensor<4x16xi8>) shift 7 zero -3
  return %0 : tensor<4x16xi8>
}

// -----

func.func @f(%a: tensor<4x131073xi8>, %b: tensor<131073x16xi8>, %bias: tensor<16xi32>, %m: tensor<16xi32>, %e: tensor<4x16xi8>) -> tensor<4x16xi8> {
  // expected-error @below {{a sum of 131073 products may overflow 32 bits; at most 131072 fit}}
  %0 = nn.quantized_matmul ins(%a, %b, %bias, %m : tensor<4x131073xi8>, tensor<131073x16xi8>, tensor<16xi32>, tensor<16xi32>) outs(%e : tensor<4x16xi8>) shift 7 zero -3
  return %0 : tensor<4x16xi8>
}

// -----

func.func @f(%x: tensor<2x2xf32>, %e: tensor<2x2xi8>) -> tensor<2x2xi8> {
  // expected-error @below {{expected scales along the last dimension, got}}
  %0 = nn.quantize as !quant.uniform<i8:f32:0, {0.5:3, 0.25:3}> ins(%x : tensor<2x2xf32>) outs(%e : tensor<2x2xi8>)
  return %0 : tensor<2x2xi8>
}

// -----

func.func @f(%x: tensor<2x2xf32>, %e: tensor<2x2xi8>) -> tensor<2x2xi8> {
  // expected-error @below {{expected one zero for all columns, got}}
  %0 = nn.quantize as !quant.uniform<i8:f32:1, {0.5:3, 0.25:4}> ins(%x : tensor<2x2xf32>) outs(%e : tensor<2x2xi8>)
  return %0 : tensor<2x2xi8>
}

// -----

func.func @f(%x: tensor<2x3xi8>, %e: tensor<2x3xf32>) -> tensor<2x3xf32> {
  // expected-error @below {{expected 3 scales, got 2}}
  %0 = nn.dequantize from !quant.uniform<i8:f32:1, {0.5:3, 0.25:3}> ins(%x : tensor<2x3xi8>) outs(%e : tensor<2x3xf32>)
  return %0 : tensor<2x3xf32>
}
