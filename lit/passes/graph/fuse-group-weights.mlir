// Products and gathers read weights as they are stored.
// RUN: tercet-opt %s --graph-fuse-group-weights --canonicalize --cse | FileCheck %s

#q4_0 = #nn.groups<32 in 18 group 32 planes [<bits = 4, run = 16, at = 2>] zero 8 scale f16 at 0>
#q6_k = #nn.groups<256 in 210 group 16 planes [<bits = 4, run = 64, at = 0>, <bits = 2, run = 32, at = 128>] zero 32 scale f16 at 208 subscale i8 at 192>
#odd = #nn.groups<20 in 12 group 20 planes [<bits = 4, run = 1, at = 2>] zero 8 scale f16 at 0>

// One weight has the blocks of the embedding for the gather and the product.
// CHECK-DAG: nn.weight @[[BLOCKS:[a-z]+_[0-9]+]] = #nn.file<"m.gguf", offset = 0, bytes = 864> : tensor<24x2x18xi8>
// CHECK-DAG: nn.weight @[[HALF:half_[0-9]+]] = #nn.file<"m.gguf", offset = 0, bytes = 3072> : tensor<24x64xf16>
nn.weight @table = #nn.decode<#nn.file<"m.gguf", offset = 0, bytes = 864> : tensor<24x2x18xi8>, format = #q4_0> : tensor<24x64xf32>
nn.weight @head = #nn.transpose<#nn.decode<#nn.file<"m.gguf", offset = 0, bytes = 864> : tensor<24x2x18xi8>, format = #q4_0> : tensor<24x64xf32>, perm = [1, 0]> : tensor<64x24xf32>
nn.weight @exact = #nn.transpose<#nn.decode<#nn.file<"m.gguf", offset = 864, bytes = 864> : tensor<24x2x18xi8>, format = #q4_0> : tensor<24x64xf32>, perm = [1, 0]> : tensor<64x24xf32> float_activations
nn.weight @small = #nn.transpose<#nn.decode<#nn.file<"m.gguf", offset = 0, bytes = 420> : tensor<2x1x210xi8>, format = #q6_k> : tensor<2x256xf32>, perm = [1, 0]> : tensor<256x2xf32>
nn.weight @half = #nn.transpose<#nn.cast<#nn.file<"m.gguf", offset = 0, bytes = 3072> : tensor<24x64xf16>> : tensor<24x64xf32>, perm = [1, 0]> : tensor<64x24xf32>
nn.weight @odd = #nn.transpose<#nn.decode<#nn.file<"m.gguf", offset = 0, bytes = 576> : tensor<24x2x12xi8>, format = #odd> : tensor<24x40xf32>, perm = [1, 0]> : tensor<40x24xf32>

// Both products read one left-hand side, rounded once.
// CHECK-LABEL: @tied
// CHECK: %[[W:.*]] = nn.get_weight @[[BLOCKS]]
// CHECK: nn.group_gather format <32 in 18 {{.*}}> of 24 ins(%[[W]], %arg1
// CHECK: %[[Q:.*]] = nn.encode_groups <32 in 40 {{.*}}> ins(%arg0
// CHECK-NOT: nn.encode_groups
// CHECK: nn.group_matmul format <32 in 18 {{.*}}> lhs <32 in 40 {{.*}}> ins(%[[Q]], %[[W]]
// CHECK: nn.group_matmul {{.*}} ins(%[[Q]], %[[W]]
func.func @tied(%x: tensor<4x64xf32>, %i: tensor<4xi64>, %c: tensor<4x24xf32>, %d: tensor<4x24xf32>, %e: tensor<4x64xf32>) -> (tensor<4x64xf32>, tensor<4x24xf32>, tensor<4x24xf32>) {
  %t = nn.get_weight @table : tensor<24x64xf32>
  %h = nn.get_weight @head : tensor<64x24xf32>
  %0 = nn.gather axis 0 ins(%t, %i : tensor<24x64xf32>, tensor<4xi64>) outs(%e : tensor<4x64xf32>)
  %1 = linalg.matmul ins(%x, %h : tensor<4x64xf32>, tensor<64x24xf32>) outs(%c : tensor<4x24xf32>) -> tensor<4x24xf32>
  %2 = linalg.matmul ins(%x, %h : tensor<4x64xf32>, tensor<64x24xf32>) outs(%d : tensor<4x24xf32>) -> tensor<4x24xf32>
  return %0, %1, %2 : tensor<4x64xf32>, tensor<4x24xf32>, tensor<4x24xf32>
}

// A weight that asks for it keeps left-hand sides in f32, as narrow floats do.
// CHECK-LABEL: @floats
// CHECK-NOT: nn.encode_groups
// CHECK: nn.group_matmul format <32 in 18 {{[^>]*}}>] zero 8 scale f16 at 0> ins(%arg0
// CHECK: nn.group_matmul ins(%arg0, %{{.*}} : tensor<4x64xf32>, tensor<24x64xf16>)
func.func @floats(%x: tensor<4x64xf32>, %c: tensor<4x24xf32>) -> tensor<4x24xf32> {
  %w = nn.get_weight @exact : tensor<64x24xf32>
  %h = nn.get_weight @half : tensor<64x24xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<4x64xf32>, tensor<64x24xf32>) outs(%c : tensor<4x24xf32>) -> tensor<4x24xf32>
  %1 = linalg.matmul ins(%x, %h : tensor<4x64xf32>, tensor<64x24xf32>) outs(%0 : tensor<4x24xf32>) -> tensor<4x24xf32>
  return %1 : tensor<4x24xf32>
}

// Groups of 16 take a left-hand side in groups of 16.
// CHECK-LABEL: @short_groups
// CHECK: nn.encode_groups <16 in 24 {{.*}}> ins(%arg0 {{.*}} outs(%{{.*}} : tensor<4x16x24xi8>)
func.func @short_groups(%x: tensor<4x256xf32>, %c: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %w = nn.get_weight @small : tensor<256x2xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<4x256xf32>, tensor<256x2xf32>) outs(%c : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %0 : tensor<4x2xf32>
}

// What no kernel packs runs on decoded floats.
// CHECK-LABEL: @unchanged
// CHECK: linalg.matmul
func.func @unchanged(%x: tensor<4x40xf32>, %c: tensor<4x24xf32>) -> tensor<4x24xf32> {
  %w = nn.get_weight @odd : tensor<40x24xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<4x40xf32>, tensor<40x24xf32>) outs(%c : tensor<4x24xf32>) -> tensor<4x24xf32>
  return %0 : tensor<4x24xf32>
}
