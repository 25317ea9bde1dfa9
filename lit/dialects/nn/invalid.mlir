// RUN: tercet-opt %s -split-input-file --verify-diagnostics

// expected-error @below {{expected a recipe of static tensor type, got 'f32'}}
nn.weight @w = 1.0 : f32

// -----

func.func @f() -> tensor<4xf32> {
  // expected-error @below {{no nn.weight @nowhere in this module}}
  %r = nn.get_weight @nowhere : tensor<4xf32>
  return %r : tensor<4xf32>
}

// -----

// expected-note @below {{weight defined here}}
nn.weight @w = dense<1.0> : tensor<4xf32>
func.func @f() -> tensor<5xf32> {
  // expected-error @below {{expected type 'tensor<4xf32>', got 'tensor<5xf32>'}}
  %r = nn.get_weight @w : tensor<5xf32>
  return %r : tensor<5xf32>
}

// -----

func.func @f(%x: tensor<4xi32>) -> tensor<4xi32> {
  // expected-error @below {{expected floating-point elements, got 'tensor<4xi32>'}}
  %r = nn.activation silu ins(%x : tensor<4xi32>) outs(%x : tensor<4xi32>)
  return %r : tensor<4xi32>
}

// -----

func.func @f(%x: tensor<4xf32>, %e: tensor<4xf16>) -> tensor<4xf16> {
  // expected-error @below {{expected one element type, got 'tensor<4xf32>'}}
  %r = nn.activation silu ins(%x : tensor<4xf32>) outs(%e : tensor<4xf16>)
  return %r : tensor<4xf16>
}

// -----

func.func @f(%x: tensor<4xf32>, %e: tensor<5xf32>) -> tensor<5xf32> {
  // expected-error @below {{expected init of shape [4], got 'tensor<5xf32>'}}
  %r = nn.activation silu ins(%x : tensor<4xf32>) outs(%e : tensor<5xf32>)
  return %r : tensor<5xf32>
}

// -----

func.func @f(%x: tensor<f32>, %s: tensor<8xf32>) -> tensor<f32> {
  // expected-error @below {{'nn.layer_norm' op expected at least one dimension}}
  %r = nn.layer_norm ins(%x, %s : tensor<f32>, tensor<8xf32>) outs(%x : tensor<f32>) epsilon 1.0e-5
  return %r : tensor<f32>
}

// -----

func.func @f(%x: tensor<4x8xf32>, %s: tensor<4xf32>) -> tensor<4x8xf32> {
  // expected-error @below {{expected scale of shape [8], got 'tensor<4xf32>'}}
  %r = nn.layer_norm ins(%x, %s : tensor<4x8xf32>, tensor<4xf32>) outs(%x : tensor<4x8xf32>) epsilon 1.0e-5
  return %r : tensor<4x8xf32>
}

// -----

func.func @f(%x: tensor<4x8xf32>, %s: tensor<8xf32>, %b: tensor<4xf32>) -> tensor<4x8xf32> {
  // expected-error @below {{expected bias of shape [8], got 'tensor<4xf32>'}}
  %r = nn.layer_norm ins(%x, %s : tensor<4x8xf32>, tensor<8xf32>) bias(%b : tensor<4xf32>) outs(%x : tensor<4x8xf32>) epsilon 1.0e-5
  return %r : tensor<4x8xf32>
}

// -----

func.func @f(%x: tensor<f32>, %s: tensor<8xf32>) -> tensor<f32> {
  // expected-error @below {{'nn.rms_norm' op expected at least one dimension}}
  %r = nn.rms_norm ins(%x, %s : tensor<f32>, tensor<8xf32>) outs(%x : tensor<f32>) epsilon 1.0e-5
  return %r : tensor<f32>
}

// -----

func.func @f(%x: tensor<1x4x2x7xf32>, %t: tensor<1x4x7xf32>) -> tensor<1x4x2x7xf32> {
  // expected-error @below {{expected [B, S, H, D] with an even D, got 'tensor<1x4x2x7xf32>'}}
  %r = nn.rope ins(%x, %t, %t : tensor<1x4x2x7xf32>, tensor<1x4x7xf32>, tensor<1x4x7xf32>) outs(%x : tensor<1x4x2x7xf32>)
  return %r : tensor<1x4x2x7xf32>
}

// -----

func.func @f(%x: tensor<1x4x2x8xf32>, %t: tensor<1x5x8xf32>) -> tensor<1x4x2x8xf32> {
  // expected-error @below {{expected tables of shape [B or 1, S, D], got 'tensor<1x5x8xf32>'}}
  %r = nn.rope ins(%x, %t, %t : tensor<1x4x2x8xf32>, tensor<1x5x8xf32>, tensor<1x5x8xf32>) outs(%x : tensor<1x4x2x8xf32>)
  return %r : tensor<1x4x2x8xf32>
}

// -----

func.func @f(%d: tensor<10x8xf32>, %i: tensor<4xi64>, %e: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // expected-error @below {{axis 2 is outside of 'tensor<10x8xf32>'}}
  %r = nn.gather axis 2 ins(%d, %i : tensor<10x8xf32>, tensor<4xi64>) outs(%e : tensor<4x8xf32>)
  return %r : tensor<4x8xf32>
}

// -----

func.func @f(%d: tensor<10x8xf32>, %i: tensor<4xf32>, %e: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // expected-error @below {{expected integer indices, got 'tensor<4xf32>'}}
  %r = nn.gather axis 0 ins(%d, %i : tensor<10x8xf32>, tensor<4xf32>) outs(%e : tensor<4x8xf32>)
  return %r : tensor<4x8xf32>
}

// -----

func.func @f(%d: tensor<10x8xf32>, %i: tensor<4xi64>, %e: tensor<4x8xf16>) -> tensor<4x8xf16> {
  // expected-error @below {{expected elements of 'f32', got 'tensor<4x8xf16>'}}
  %r = nn.gather axis 0 ins(%d, %i : tensor<10x8xf32>, tensor<4xi64>) outs(%e : tensor<4x8xf16>)
  return %r : tensor<4x8xf16>
}

// -----

func.func @f(%d: tensor<10x8xf32>, %i: tensor<4xi64>, %e: tensor<4x10xf32>) -> tensor<4x10xf32> {
  // expected-error @below {{expected init of shape [4, 8], got 'tensor<4x10xf32>'}}
  %r = nn.gather axis 0 ins(%d, %i : tensor<10x8xf32>, tensor<4xi64>) outs(%e : tensor<4x10xf32>)
  return %r : tensor<4x10xf32>
}
