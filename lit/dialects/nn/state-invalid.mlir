// RUN: tercet-opt %s -split-input-file --verify-diagnostics

func.func @f(%x: tensor<1x4x3x8xf32>, %p: index, %c: tensor<1x16x2x8xf16>) -> tensor<1x16x2x8xf16> {
  // expected-error @below {{rows 'tensor<1x4x3x8xf32>' do not fit into a cache 'tensor<1x16x2x8xf16>'}}
  %0 = nn.cache_update ins(%x : tensor<1x4x3x8xf32>) at %p outs(%c : tensor<1x16x2x8xf16>)
  return %0 : tensor<1x16x2x8xf16>
}

// -----

func.func @f(%x: tensor<1x17x2x8xf32>, %p: index, %c: tensor<1x16x2x8xf16>) -> tensor<1x16x2x8xf16> {
  // expected-error @below {{expected at most the 16 rows of the cache, got 'tensor<1x17x2x8xf32>'}}
  %0 = nn.cache_update ins(%x : tensor<1x17x2x8xf32>) at %p outs(%c : tensor<1x16x2x8xf16>)
  return %0 : tensor<1x16x2x8xf16>
}

// -----

func.func @f(%x: tensor<1x4x2x8xi8>, %p: index, %c: tensor<1x16x2x8xf16>) -> tensor<1x16x2x8xf16> {
  // expected-error @below {{expected floating-point elements}}
  %0 = nn.cache_update ins(%x : tensor<1x4x2x8xi8>) at %p outs(%c : tensor<1x16x2x8xf16>)
  return %0 : tensor<1x16x2x8xf16>
}

// -----

func.func @f(%q: tensor<1x4x3x8xf32>, %c: tensor<1x16x2x8xf16>, %p: index) -> tensor<1x4x3x8xf32> {
  // expected-error @below {{3 query heads cannot share 2 key heads evenly}}
  %0 = nn.cached_attention ins(%q, %c, %c : tensor<1x4x3x8xf32>, tensor<1x16x2x8xf16>, tensor<1x16x2x8xf16>) at %p outs(%q : tensor<1x4x3x8xf32>) scale 1.0
  return %0 : tensor<1x4x3x8xf32>
}

// -----

func.func @f(%q: tensor<1x4x4x8xf16>, %c: tensor<1x16x2x8xf32>, %p: index) -> tensor<1x4x4x8xf16> {
  // expected-error @below {{expected floats of at most the query's width, got 'tensor<1x16x2x8xf32>'}}
  %0 = nn.cached_attention ins(%q, %c, %c : tensor<1x4x4x8xf16>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>) at %p outs(%q : tensor<1x4x4x8xf16>) scale 1.0
  return %0 : tensor<1x4x4x8xf16>
}

// -----

// The mask of a causal attention is the same for all rows.
func.func @f(%q: tensor<1x4x4x8xf32>, %c: tensor<1x16x2x8xf16>, %m: tensor<1x1x4x16xf32>, %p: index) -> tensor<1x4x4x8xf32> {
  // expected-error @below {{expected a mask [B or 1, H or 1, 1, T] of the query's type, got 'tensor<1x1x4x16xf32>'}}
  %0 = nn.cached_attention ins(%q, %c, %c : tensor<1x4x4x8xf32>, tensor<1x16x2x8xf16>, tensor<1x16x2x8xf16>) mask(%m : tensor<1x1x4x16xf32>) at %p outs(%q : tensor<1x4x4x8xf32>) scale 1.0
  return %0 : tensor<1x4x4x8xf32>
}

// -----

func.func @f(%q: tensor<1x4x4x8xf32>, %c: tensor<1x16x2x8xf16>, %p: index) -> tensor<1x4x4x8xf32> {
  // expected-error @below {{expected a window of at least 1, got 0}}
  %0 = nn.cached_attention ins(%q, %c, %c : tensor<1x4x4x8xf32>, tensor<1x16x2x8xf16>, tensor<1x16x2x8xf16>) at %p outs(%q : tensor<1x4x4x8xf32>) scale 1.0 window 0
  return %0 : tensor<1x4x4x8xf32>
}

// -----

func.func @f(%x: tensor<1x4x2x8xf32>, %t: tensor<1x3x8xf32>, %p: index) -> tensor<1x4x2x8xf32> {
  // expected-error @below {{expected tables of shape [1, T, D] with T of at least S, got 'tensor<1x3x8xf32>'}}
  %0 = nn.rope ins(%x, %t, %t : tensor<1x4x2x8xf32>, tensor<1x3x8xf32>, tensor<1x3x8xf32>) at %p outs(%x : tensor<1x4x2x8xf32>)
  return %0 : tensor<1x4x2x8xf32>
}

// -----

// expected-error @below {{expected a range that is not empty, got 3 to 2}}
func.func private @f(%p: index {nn.range = #nn.range<3, 2>})

// -----

// expected-error @below {{expected an even number of rotated dimensions from 2 to 8, got 10}}
nn.weight @cos = #nn.rope_table<cos, theta = 1.0e+04 : f64, rotary = 10, attention = 1.0 : f64> : tensor<1x16x8xf32>

// -----

// expected-error @below {{expected floats in [1, heads, 1, positions]}}
nn.weight @bias = #nn.alibi<dense<[0.25, 0.0625]> : tensor<2xf64>> : tensor<1x3x1x16xf32>

// -----

#q8_0 = #nn.groups<32 in 34 group 32 planes [<bits = 8, run = 1, at = 2>] codes signed scale f16 at 0>
func.func @f(%x: tensor<1x4x2x64xf16>, %p: index, %c: tensor<1x16x2x68xi8>) -> tensor<1x16x2x68xi8> {
  // expected-error @below {{expected rows of f32 with a format, got 'tensor<1x4x2x64xf16>'}}
  %0 = nn.cache_update format #q8_0 ins(%x : tensor<1x4x2x64xf16>) at %p outs(%c : tensor<1x16x2x68xi8>)
  return %0 : tensor<1x16x2x68xi8>
}

// -----

#q8_0 = #nn.groups<32 in 34 group 32 planes [<bits = 8, run = 1, at = 2>] codes signed scale f16 at 0>
func.func @f(%x: tensor<1x4x2x48xf32>, %p: index, %c: tensor<1x16x2x68xi8>) -> tensor<1x16x2x68xi8> {
  // expected-error @below {{expected heads of whole blocks of 32 elements, got 48}}
  %0 = nn.cache_update format #q8_0 ins(%x : tensor<1x4x2x48xf32>) at %p outs(%c : tensor<1x16x2x68xi8>)
  return %0 : tensor<1x16x2x68xi8>
}

// -----

#q8_0 = #nn.groups<32 in 34 group 32 planes [<bits = 8, run = 1, at = 2>] codes signed scale f16 at 0>
func.func @f(%x: tensor<1x4x2x64xf32>, %p: index, %c: tensor<1x16x2x64xi8>) -> tensor<1x16x2x64xi8> {
  // expected-error @below {{expected a cache with 68 bytes for the 64 elements of a head, got 'tensor<1x16x2x64xi8>'}}
  %0 = nn.cache_update format #q8_0 ins(%x : tensor<1x4x2x64xf32>) at %p outs(%c : tensor<1x16x2x64xi8>)
  return %0 : tensor<1x16x2x64xi8>
}

// -----

// Of a minimum there is no rule by which it would be made.
#q4_1 = #nn.groups<32 in 20 group 32 planes [<bits = 4, run = 16, at = 4>] scale f16 at 0 shift minimum at 2>
func.func @f(%x: tensor<1x4x2x64xf32>, %p: index, %c: tensor<1x16x2x40xi8>) -> tensor<1x16x2x40xi8> {
  // expected-error @below {{expected a format that can be made as the program runs, without sums}}
  %0 = nn.cache_update format #q4_1 ins(%x : tensor<1x4x2x64xf32>) at %p outs(%c : tensor<1x16x2x40xi8>)
  return %0 : tensor<1x16x2x40xi8>
}

// -----

#q8_0 = #nn.groups<32 in 34 group 32 planes [<bits = 8, run = 1, at = 2>] codes signed scale f16 at 0>
func.func @f(%q: tensor<1x4x4x64xf32>, %k: tensor<1x16x2x68xi8>, %v: tensor<1x16x2x34xi8>, %p: index) -> tensor<1x4x4x64xf32> {
  // expected-error @below {{expected a value with 68 bytes for the 64 elements of a head, got 'tensor<1x16x2x34xi8>'}}
  %0 = nn.cached_attention format #q8_0 ins(%q, %k, %v : tensor<1x4x4x64xf32>, tensor<1x16x2x68xi8>, tensor<1x16x2x34xi8>) at %p outs(%q : tensor<1x4x4x64xf32>) scale 1.0
  return %0 : tensor<1x4x4x64xf32>
}

// -----

#q8_0 = #nn.groups<32 in 34 group 32 planes [<bits = 8, run = 1, at = 2>] codes signed scale f16 at 0>
func.func @f(%q: tensor<1x4x4x64xf16>, %k: tensor<1x16x2x68xi8>, %p: index) -> tensor<1x4x4x64xf16> {
  // expected-error @below {{expected a query of f32 with a format, got 'tensor<1x4x4x64xf16>'}}
  %0 = nn.cached_attention format #q8_0 ins(%q, %k, %k : tensor<1x4x4x64xf16>, tensor<1x16x2x68xi8>, tensor<1x16x2x68xi8>) at %p outs(%q : tensor<1x4x4x64xf16>) scale 1.0
  return %0 : tensor<1x4x4x64xf16>
}
