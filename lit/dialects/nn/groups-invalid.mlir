// What a description of groups, its recipes and its operations refuse.
// RUN: tercet-opt %s --split-input-file --verify-diagnostics

#q4_0 = #nn.groups<32 in 18 group 32 planes [<bits = 4, run = 16, at = 2>] zero 8 scale f16 at 0>
// expected-error @below {{expected blocks of 18 bytes in [N, B, 18] of i8, got 'tensor<24x2x17xi8>'}}
nn.weight @w = #nn.decode<dense<1> : tensor<24x2x17xi8>, format = #q4_0> : tensor<24x64xf32>

// -----

#q4_0 = #nn.groups<32 in 18 group 32 planes [<bits = 4, run = 16, at = 2>] zero 8 scale f16 at 0>
// expected-error @below {{blocks of 32 elements in 'tensor<24x2x18xi8>' do not decode to 'tensor<24x65xf32>'}}
nn.weight @w = #nn.decode<dense<1> : tensor<24x2x18xi8>, format = #q4_0> : tensor<24x65xf32>

// -----

// The scale would lie on the codes.
// expected-error @below {{expected 2 bytes for the scales in the block and of its own, got byte 3 of 18}}
#bad = #nn.groups<32 in 18 group 32 planes [<bits = 4, run = 16, at = 2>] zero 8 scale f16 at 3>

// -----

// expected-error @below {{bits of element 14 in #nn.plane<bits = 4, run = 16, at = 4> lie outside of the block or are another's}}
#bad = #nn.groups<32 in 18 group 32 planes [<bits = 4, run = 16, at = 4>] scale f16 at 0>

// -----

// expected-error @below {{expected a run of 1 for bits that do not divide 8, got 16}}
#bad = #nn.plane<bits = 3, run = 16, at = 2>

// -----

// expected-error @below {{expected a code book of 16 for unsigned codes, got}}
#bad = #nn.groups<32 in 18 group 32 planes [<bits = 4, run = 16, at = 2>] codebook [1, 2] scale f16 at 0>

// -----

// A block of 20 elements is no multiple of 32.
#odd = #nn.groups<20 in 12 group 20 planes [<bits = 4, run = 1, at = 2>] zero 8 scale f16 at 0>
// expected-error @below {{expected blocks of a multiple of 32 elements in groups of a multiple of 16 with a scale}}
nn.weight @w = #nn.pack_groups<dense<1> : tensor<24x2x12xi8>, format = #odd, panel = 16> : tensor<2x2x192xi8>

// -----

#q4_0 = #nn.groups<32 in 18 group 32 planes [<bits = 4, run = 16, at = 2>] zero 8 scale f16 at 0>
// expected-error @below {{expected shifts just where the format has them}}
nn.weight @w = #nn.join_groups<dense<1> : tensor<24x64xi8>, scales = dense<1.0> : tensor<24x2xf32> shifts = dense<1.0> : tensor<24x2xf32>, format = #q4_0> : tensor<24x2x18xi8>

// -----

#q4_1 = #nn.groups<32 in 20 group 32 planes [<bits = 4, run = 16, at = 4>] scale f16 at 0 shift minimum at 2>
func.func @format(%x: tensor<4x64xf32>, %e: tensor<4x2x20xi8>) -> tensor<4x2x20xi8> {
  // expected-error @below {{expected signed codes of 8 bits without a zero or unsigned ones around the middle}}
  %0 = nn.encode_groups #q4_1 ins(%x : tensor<4x64xf32>) outs(%e : tensor<4x2x20xi8>)
  return %0 : tensor<4x2x20xi8>
}

// -----

#q4_0 = #nn.groups<32 in 18 group 32 planes [<bits = 4, run = 16, at = 2>] zero 8 scale f16 at 0>
func.func @panels(%a: tensor<4x64xf32>, %w: tensor<1x2x288xi8>, %c: tensor<4x24xf32>) -> tensor<4x24xf32> {
  // expected-error @below {{expected packed blocks of shape [2, 2, 288], got 'tensor<1x2x288xi8>'}}
  %0 = nn.group_matmul format #q4_0 panel 16 ins(%a, %w : tensor<4x64xf32>, tensor<1x2x288xi8>) outs(%c : tensor<4x24xf32>)
  return %0 : tensor<4x24xf32>
}

// -----

#i8g32 = #nn.groups<32 in 40 group 32 planes [<bits = 8, run = 1, at = 0>] codes signed scale f32 at 32 sum at 36>
func.func @sides(%q: tensor<4x2x40xi8>, %h: tensor<24x64xf16>, %c: tensor<4x24xf32>) -> tensor<4x24xf32> {
  // expected-error @below {{a left-hand side in groups needs a right-hand side in groups}}
  %0 = nn.group_matmul lhs #i8g32 ins(%q, %h : tensor<4x2x40xi8>, tensor<24x64xf16>) outs(%c : tensor<4x24xf32>)
  return %0 : tensor<4x24xf32>
}

// -----

#q4_0 = #nn.groups<32 in 18 group 32 planes [<bits = 4, run = 16, at = 2>] zero 8 scale f16 at 0>
func.func @rows(%w: tensor<10x2x18xi8>, %i: tensor<4xi64>, %e: tensor<4x64xf32>) -> tensor<4x64xf32> {
  // expected-error @below {{expected blocks of shape [9, 2, 18], got 'tensor<10x2x18xi8>'}}
  %0 = nn.group_gather format #q4_0 of 9 ins(%w, %i : tensor<10x2x18xi8>, tensor<4xi64>) outs(%e : tensor<4x64xf32>)
  return %0 : tensor<4x64xf32>
}
