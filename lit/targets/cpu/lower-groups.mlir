// Products with weights in groups become sums of products of bytes.
// RUN: tercet-opt %s --pass-pipeline='builtin.module(soc.kernel(cpu-lower-groups))' | FileCheck %s

#machine = #soc.machine<"one-core", workers = 1,
  engines = [#soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "cascadelake", features = "",
             cores = 1, vector_bits = 512, vector_registers = 32, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>],
  memories = [#soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 10000000000>]>
#v = #soc.variant<"v", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
#q4_0 = #nn.groups<32 in 18 group 32 planes [<bits = 4, run = 16, at = 2>] zero 8 scale f16 at 0>
#i8g32 = #nn.groups<32 in 40 group 32 planes [<bits = 8, run = 1, at = 0>] codes signed scale f32 at 32 sum at 36>

module attributes {soc.machine = #machine} {

// One row streams four panels at once; each adds eight sums of four products,
// scaled by one addition.
// CHECK-LABEL: soc.kernel @row
// CHECK-NOT: linalg.fill
// CHECK: scf.for {{.*}} iter_args
// CHECK-COUNT-4: memref.prefetch
// CHECK-COUNT-8: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK: math.fma {{.*}} vector<16xf32>
// CHECK-NOT: math.fma {{.*}} vector<16xf32>
// CHECK: memref.prefetch
// CHECK-COUNT-3: math.fma {{.*}} vector<16xf32>
// CHECK-NOT: nn.group_matmul
soc.kernel @row(%a: memref<1x4x40xi8>, %b: memref<4x4x288xi8>, %c: memref<1x64xf32>) attributes {engine = "cpu", num_inputs = 2 : i64, variant = #v} {
  %z = arith.constant 0.0 : f32
  linalg.fill ins(%z : f32) outs(%c : memref<1x64xf32>)
  nn.group_matmul format #q4_0 panel 16 lhs #i8g32 ins(%a, %b : memref<1x4x40xi8>, memref<4x4x288xi8>) outs(%c : memref<1x64xf32>)
  soc.return
}

// A panel that is filled in part is stored under a mask; without a fill sums
// start with what is there.
// CHECK-LABEL: soc.kernel @part
// CHECK: vector.maskedload
// CHECK: scf.for
// CHECK: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK: vector.maskedstore
soc.kernel @part(%a: memref<1x4x40xi8>, %b: memref<1x4x288xi8>, %c: memref<1x9xf32>) attributes {engine = "cpu", num_inputs = 2 : i64, variant = #v} {
  nn.group_matmul format #q4_0 panel 16 lhs #i8g32 ins(%a, %b : memref<1x4x40xi8>, memref<1x4x288xi8>) outs(%c : memref<1x9xf32>)
  soc.return
}

// Floats are widened as they are multiplied.
// CHECK-LABEL: soc.kernel @half
// CHECK: arith.extf {{.*}} vector<16xf16> to vector<16xf32>
// CHECK: math.fma
soc.kernel @half(%a: memref<1x64xf32>, %b: memref<1x64x16xf16>, %c: memref<1x16xf32>) attributes {engine = "cpu", num_inputs = 2 : i64, variant = #v} {
  nn.group_matmul panel 16 ins(%a, %b : memref<1x64xf32>, memref<1x64x16xf16>) outs(%c : memref<1x16xf32>)
  soc.return
}

// CHECK-LABEL: soc.kernel @encode
// CHECK: vector.reduction <maxui>
// CHECK: vector.reduction <add>
// CHECK: arith.trunci
// CHECK-NOT: nn.encode_groups
soc.kernel @encode(%x: memref<4x64xf32>, %q: memref<4x2x40xi8>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  nn.encode_groups #i8g32 ins(%x : memref<4x64xf32>) outs(%q : memref<4x2x40xi8>)
  soc.return
}

// Around the middle: the farthest value's sign decides the scale's, and two codes share a byte.
// CHECK-LABEL: soc.kernel @encode_nibbles
// CHECK: vector.reduction <maxui>
// CHECK: vector.reduction <maxsi>
// CHECK: arith.negf
// CHECK: arith.minsi {{.*}} vector<16xi32>
// CHECK: arith.truncf {{.*}} : f32 to f16
// CHECK: arith.shli {{.*}} vector<16xi32>
// CHECK: arith.ori {{.*}} vector<16xi32>
// CHECK: arith.trunci {{.*}} vector<16xi32> to vector<16xi8>
// CHECK-NOT: nn.encode_groups
soc.kernel @encode_nibbles(%x: memref<4x64xf32>, %q: memref<4x2x18xi8>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  nn.encode_groups #q4_0 ins(%x : memref<4x64xf32>) outs(%q : memref<4x2x18xi8>)
  soc.return
}
}
