// Weights in groups: recipes and operations parse, print and verify.
// RUN: tercet-opt %s --verify-roundtrip

#q4_0 = #nn.groups<32 in 18 group 32 planes [<bits = 4, run = 16, at = 2>] zero 8 scale f16 at 0>
#i8g32 = #nn.groups<32 in 40 group 32 planes [<bits = 8, run = 1, at = 0>] codes signed scale f32 at 32 sum at 36>
nn.weight @blocks = #nn.file<"w.gguf", offset = 0, bytes = 864> : tensor<24x2x18xi8>
nn.weight @floats = #nn.decode<#nn.file<"w.gguf", offset = 0, bytes = 864> : tensor<24x2x18xi8>, format = #q4_0> : tensor<24x64xf32>
nn.weight @made = #nn.encode<dense<1.0> : tensor<24x64xf32>, format = #q4_0> : tensor<24x2x18xi8>
nn.weight @joined = #nn.join_groups<dense<1> : tensor<24x64xi8>, scales = dense<1.0> : tensor<24x2xf32>, format = #q4_0> : tensor<24x2x18xi8>
nn.weight @joined2 = #nn.join_groups<dense<1> : tensor<24x64xi8>, scales = dense<1.0> : tensor<24x2xf32> shifts = dense<1.0> : tensor<24x2xf32>, format = #nn.groups<32 in 20 group 32 planes [<bits = 4, run = 16, at = 4>] scale f16 at 0 shift minimum at 2>> : tensor<24x2x20xi8>
nn.weight @panels = #nn.pack_groups<#nn.file<"w.gguf", offset = 0, bytes = 864> : tensor<24x2x18xi8>, format = #q4_0, panel = 16> : tensor<2x2x288xi8>
nn.weight @book = #nn.decode<#nn.file<"w.gguf", offset = 0, bytes = 816> : tensor<24x2x17xi8>, format = #nn.groups<32 in 17 group 32 planes [<bits = 4, run = 16, at = 1>] codebook [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12] scale half_e8m0 at 0>> : tensor<24x64xf32>
nn.weight @nested = #nn.decode<#nn.file<"w.gguf", offset = 0, bytes = 420> : tensor<2x1x210xi8>, format = #nn.groups<256 in 210 group 16 planes [<bits = 4, run = 64, at = 0>, <bits = 2, run = 32, at = 128>] zero 32 scale f16 at 208 subscale i8 at 192>> : tensor<2x256xf32>

func.func @encode_groups(%x: tensor<4x64xf32>, %e: tensor<4x2x40xi8>) -> tensor<4x2x40xi8> {
  %0 = nn.encode_groups #i8g32 ins(%x : tensor<4x64xf32>) outs(%e : tensor<4x2x40xi8>)
  return %0 : tensor<4x2x40xi8>
}

func.func @encode_around_the_middle(%x: tensor<4x64xf32>, %e: tensor<4x2x18xi8>) -> tensor<4x2x18xi8> {
  %0 = nn.encode_groups #q4_0 ins(%x : tensor<4x64xf32>) outs(%e : tensor<4x2x18xi8>)
  return %0 : tensor<4x2x18xi8>
}

func.func @group_matmul(%a: tensor<4x64xf32>, %w: tensor<24x2x18xi8>, %q: tensor<4x2x40xi8>, %p: tensor<2x2x288xi8>, %h: tensor<2x64x16xf16>, %c: tensor<4x24xf32>) -> tensor<4x24xf32> {
  %0 = nn.group_matmul format #q4_0 ins(%a, %w : tensor<4x64xf32>, tensor<24x2x18xi8>) outs(%c : tensor<4x24xf32>)
  %1 = nn.group_matmul format #q4_0 panel 16 lhs #i8g32 ins(%q, %p : tensor<4x2x40xi8>, tensor<2x2x288xi8>) outs(%0 : tensor<4x24xf32>)
  %2 = nn.group_matmul panel 16 ins(%a, %h : tensor<4x64xf32>, tensor<2x64x16xf16>) outs(%1 : tensor<4x24xf32>)
  return %2 : tensor<4x24xf32>
}

func.func @group_gather(%w: tensor<10x2x18xi8>, %half: tensor<2x64x8xf16>, %i: tensor<4xi64>, %e: tensor<4x64xf32>) -> (tensor<4x64xf32>, tensor<4x64xf32>) {
  %0 = nn.group_gather format #q4_0 of 10 ins(%w, %i : tensor<10x2x18xi8>, tensor<4xi64>) outs(%e : tensor<4x64xf32>)
  %1 = nn.group_gather panel 8 of 10 ins(%half, %i : tensor<2x64x8xf16>, tensor<4xi64>) outs(%e : tensor<4x64xf32>)
  return %0, %1 : tensor<4x64xf32>, tensor<4x64xf32>
}
