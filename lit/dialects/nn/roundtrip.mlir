// Every example of the dialect's documentation parses, prints and verifies.
// RUN: tercet-opt %s --verify-roundtrip

nn.weight @dense = #nn.transpose<#nn.file<"model.onnx", offset = 64, bytes = 24> : tensor<3x2xf32>, perm = [1, 0]> : tensor<2x3xf32>
nn.weight @half = #nn.cast<#nn.file<"model.onnx", offset = 0, bytes = 12, digest = "00ff"> : tensor<6xf16>> : tensor<6xf32>
nn.weight @inline = dense<[1.0, 2.0]> : tensor<2xf32>
nn.weight @joined = #nn.concat<[dense<1.0> : tensor<2xf32>, dense<2.0> : tensor<3xf32>], axis = 0> : tensor<5xf32>
nn.weight @part = #nn.slice<dense<1.0> : tensor<4x4xf32>, offsets = [1, 0]> : tensor<2x4xf32>
nn.weight @flat = #nn.reshape<dense<1.0> : tensor<2x4xf32>> : tensor<8xf32>
nn.weight @panels = #nn.pack<dense<1.0> : tensor<8x30xf32>, panel = 16> : tensor<2x8x16xf32>

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

func.func @packed_matmul(%a: tensor<4x8xf32>, %b: tensor<2x8x16xf32>, %c: tensor<4x30xf32>) -> tensor<4x30xf32> {
  %0 = nn.packed_matmul ins(%a, %b : tensor<4x8xf32>, tensor<2x8x16xf32>) outs(%c : tensor<4x30xf32>)
  return %0 : tensor<4x30xf32>
}

func.func @packed_matmul_on_memrefs(%a: memref<4x8xf32>, %b: memref<2x8x16xf32>, %c: memref<4x30xf32>) {
  nn.packed_matmul ins(%a, %b : memref<4x8xf32>, memref<2x8x16xf32>) outs(%c : memref<4x30xf32>)
  return
}
