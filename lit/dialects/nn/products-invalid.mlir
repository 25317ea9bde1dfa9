// RUN: tercet-opt %s -split-input-file --verify-diagnostics

func.func @f(%q: tensor<4x2x8xf32>, %k: tensor<1x6x2x8xf32>, %v: tensor<1x6x2x8xf32>, %e: tensor<1x4x2x8xf32>) -> tensor<1x4x2x8xf32> {
  // expected-error @below {{expected query, key and value of rank 4 [B, S, H, D]}}
  %r = nn.attention ins(%q, %k, %v : tensor<4x2x8xf32>, tensor<1x6x2x8xf32>, tensor<1x6x2x8xf32>) outs(%e : tensor<1x4x2x8xf32>) scale 1.0
  return %r : tensor<1x4x2x8xf32>
}

// -----

func.func @f(%q: tensor<1x4x2x8xf32>, %k: tensor<1x6x2x4xf32>, %v: tensor<1x6x2x8xf32>, %e: tensor<1x4x2x8xf32>) -> tensor<1x4x2x8xf32> {
  // expected-error @below {{shapes of query 'tensor<1x4x2x8xf32>', key 'tensor<1x6x2x4xf32>' and value 'tensor<1x6x2x8xf32>' do not go together}}
  %r = nn.attention ins(%q, %k, %v : tensor<1x4x2x8xf32>, tensor<1x6x2x4xf32>, tensor<1x6x2x8xf32>) outs(%e : tensor<1x4x2x8xf32>) scale 1.0
  return %r : tensor<1x4x2x8xf32>
}

// -----

func.func @f(%q: tensor<1x4x3x8xf32>, %k: tensor<1x6x2x8xf32>, %v: tensor<1x6x2x8xf32>, %e: tensor<1x4x3x8xf32>) -> tensor<1x4x3x8xf32> {
  // expected-error @below {{3 query heads cannot share 2 key heads evenly}}
  %r = nn.attention ins(%q, %k, %v : tensor<1x4x3x8xf32>, tensor<1x6x2x8xf32>, tensor<1x6x2x8xf32>) outs(%e : tensor<1x4x3x8xf32>) scale 1.0
  return %r : tensor<1x4x3x8xf32>
}

// -----

func.func @f(%q: tensor<1x4x2x8xf32>, %k: tensor<1x6x2x8xf32>, %v: tensor<1x6x2x8xf32>, %e: tensor<1x4x2x8xf32>, %m: tensor<4x6xf32>) -> tensor<1x4x2x8xf32> {
  // expected-error @below {{expected a mask of rank 4, got 'tensor<4x6xf32>'}}
  %r = nn.attention ins(%q, %k, %v : tensor<1x4x2x8xf32>, tensor<1x6x2x8xf32>, tensor<1x6x2x8xf32>) mask(%m : tensor<4x6xf32>) outs(%e : tensor<1x4x2x8xf32>) scale 1.0
  return %r : tensor<1x4x2x8xf32>
}

// -----

func.func @f(%q: tensor<1x4x2x8xf32>, %k: tensor<1x6x2x8xf32>, %v: tensor<1x6x2x8xf32>, %e: tensor<1x4x2x8xf32>, %m: tensor<1x1x5x6xf32>) -> tensor<1x4x2x8xf32> {
  // expected-error @below {{mask 'tensor<1x1x5x6xf32>' does not broadcast to [B, H, S, T]}}
  %r = nn.attention ins(%q, %k, %v : tensor<1x4x2x8xf32>, tensor<1x6x2x8xf32>, tensor<1x6x2x8xf32>) mask(%m : tensor<1x1x5x6xf32>) outs(%e : tensor<1x4x2x8xf32>) scale 1.0
  return %r : tensor<1x4x2x8xf32>
}

// -----

func.func @f(%q: tensor<1x4x2x8xf32>, %k: tensor<1x6x2x8xf32>, %v: tensor<1x6x2x8xf32>, %e: tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32> {
  // expected-error @below {{expected init of shape [1, 4, 2, 8], got 'tensor<1x2x4x8xf32>'}}
  %r = nn.attention ins(%q, %k, %v : tensor<1x4x2x8xf32>, tensor<1x6x2x8xf32>, tensor<1x6x2x8xf32>) outs(%e : tensor<1x2x4x8xf32>) scale 1.0
  return %r : tensor<1x2x4x8xf32>
}

// -----

func.func @f(%a: tensor<4x8xf32>, %b: tensor<8x30xf32>, %c: tensor<4x30xf32>) -> tensor<4x30xf32> {
  // expected-error @below {{expected [M, K] by [ceil(N / p), K, p] into [M, N], got 'tensor<4x8xf32>' by 'tensor<8x30xf32>' into 'tensor<4x30xf32>'}}
  %r = nn.packed_matmul ins(%a, %b : tensor<4x8xf32>, tensor<8x30xf32>) outs(%c : tensor<4x30xf32>)
  return %r : tensor<4x30xf32>
}

// -----

func.func @f(%a: tensor<4x8xf32>, %b: tensor<2x8x?xf32>, %c: tensor<4x30xf32>) -> tensor<4x30xf32> {
  // expected-error @below {{expected a static panel, got 'tensor<2x8x?xf32>'}}
  %r = nn.packed_matmul ins(%a, %b : tensor<4x8xf32>, tensor<2x8x?xf32>) outs(%c : tensor<4x30xf32>)
  return %r : tensor<4x30xf32>
}

// -----

func.func @f(%a: tensor<4x8xf32>, %b: tensor<2x9x16xf32>, %c: tensor<4x30xf32>) -> tensor<4x30xf32> {
  // expected-error @below {{'tensor<4x8xf32>' by 'tensor<2x9x16xf32>' does not give 'tensor<4x30xf32>'}}
  %r = nn.packed_matmul ins(%a, %b : tensor<4x8xf32>, tensor<2x9x16xf32>) outs(%c : tensor<4x30xf32>)
  return %r : tensor<4x30xf32>
}

// -----

func.func @f(%a: tensor<4x8xf32>, %b: tensor<3x8x16xf32>, %c: tensor<4x30xf32>) -> tensor<4x30xf32> {
  // expected-error @below {{30 columns in panels of 16 are not 3 panels}}
  %r = nn.packed_matmul ins(%a, %b : tensor<4x8xf32>, tensor<3x8x16xf32>) outs(%c : tensor<4x30xf32>)
  return %r : tensor<4x30xf32>
}
