// A product with weights in groups becomes modules that spirv-val accepts, with and without sums of
// products of bytes.
// REQUIRES: spirv-val
// RUN: tercet-opt %s --pass-pipeline='builtin.module(tercet-vulkan-codegen)' | %python %S/Inputs/validate.py | FileCheck %s
// RUN: tercet-opt %s --pass-pipeline='builtin.module(tercet-vulkan-codegen{profiles=dot})' | %python %S/Inputs/validate.py | FileCheck %s
// RUN: tercet-opt %s --pass-pipeline='builtin.module(tercet-vulkan-codegen)' | FileCheck %s --check-prefix=BASE
// RUN: tercet-opt %s --pass-pipeline='builtin.module(tercet-vulkan-codegen{profiles=dot})' | FileCheck %s --check-prefix=DOT

#variant = #soc.variant<"thin-group-product", precision = f32, tiles = [0, 0], panels = [0, 16], time_ps = 1, scratch_bytes = 0>

// CHECK: product: valid
// BASE: requires #spirv.vce<v1.3, [Shader{{.*}}], []>
// BASE-NOT: spirv.SDot
// DOT: requires #spirv.vce<v1.3, [{{.*}}DotProductInput4x8BitPacked{{.*}}], [SPV_KHR_integer_dot_product]>
// Weights are vectors of words.
// DOT: spirv.Load "StorageBuffer" %{{.*}} : vector<4xi32>
// DOT: spirv.SDot %{{.*}}, %{{.*}}, <PackedVectorFormat4x8Bit> : i32 -> i32
soc.kernel @product(%a: memref<2x8x40xi8>, %w: memref<2x8x288xi8>, %c: memref<2x32xf32>) attributes {engine = "gpu", alignments = array<i64: 64, 64, 64>,
    num_inputs = 2 : i64, variant = #variant, scratch_bytes = 0 : i64, grid = array<i64: 1, 1, 1>} {
  %z = arith.constant 0.0 : f32
  linalg.fill ins(%z : f32) outs(%c : memref<2x32xf32>)
  nn.group_matmul format #nn.groups<32 in 18 group 32 planes [<bits = 4, run = 16, at = 2>] zero 8 scale f16 at 0> panel 16
    lhs #nn.groups<32 in 40 group 32 planes [<bits = 8, run = 1, at = 0>] codes signed scale f32 at 32 sum at 36>
    ins(%a, %w : memref<2x8x40xi8>, memref<2x8x288xi8>) outs(%c : memref<2x32xf32>)
  soc.return
}
