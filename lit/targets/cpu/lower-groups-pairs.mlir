// Machines that multiply two rows at once do so for pairs of rows, and take the
// last one of an odd number by itself; all of them sum exactly.
// RUN: tercet-opt %s --pass-pipeline='builtin.module(soc.kernel(cpu-lower-groups))' | FileCheck %s

#machine = #soc.machine<"one-core", workers = 1,
  engines = [#soc.cpu<"cpu", memory = "dram", triple = "aarch64-linux-gnu", cpu = "neoverse-n2", features = "",
             cores = 1, vector_bits = 128, vector_registers = 32, megahertz = 3000, l1_bytes = 65536, l2_bytes = 1048576, l3_bytes = 0>],
  memories = [#soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 10000000000>]>
#v = #soc.variant<"v", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
#q8_0 = #nn.groups<32 in 34 group 32 planes [<bits = 8, run = 1, at = 2>] codes signed scale f16 at 0>
#i8g32 = #nn.groups<32 in 40 group 32 planes [<bits = 8, run = 1, at = 0>] codes signed scale f32 at 32 sum at 36>

module attributes {soc.machine = #machine} {

// Four pairs of vectors of codes, two halves of the columns each; then the third
// row, with sums of four products.
// CHECK-LABEL: soc.kernel @three
// CHECK-COUNT-8: llvm.call_intrinsic "llvm.aarch64.neon.usmmla.v4i32.v16i8"
// CHECK-NOT: usmmla
// CHECK-COUNT-8: llvm.call_intrinsic "llvm.aarch64.neon.usdot.v4i32.v16i8"
// CHECK-COUNT-3: math.fma {{.*}} vector<4xf32>
soc.kernel @three(%a: memref<3x4x40xi8>, %b: memref<1x4x136xi8>, %c: memref<3x4xf32>) attributes {engine = "cpu", num_inputs = 2 : i64, variant = #v} {
  nn.group_matmul format #q8_0 panel 4 lhs #i8g32 ins(%a, %b : memref<3x4x40xi8>, memref<1x4x136xi8>) outs(%c : memref<3x4xf32>)
  soc.return
}

// CHECK-LABEL: soc.kernel @row
// CHECK-NOT: usmmla
// CHECK: llvm.call_intrinsic "llvm.aarch64.neon.usdot.v4i32.v16i8"
soc.kernel @row(%a: memref<1x4x40xi8>, %b: memref<1x4x136xi8>, %c: memref<1x4xf32>) attributes {engine = "cpu", num_inputs = 2 : i64, variant = #v} {
  nn.group_matmul format #q8_0 panel 4 lhs #i8g32 ins(%a, %b : memref<1x4x40xi8>, memref<1x4x136xi8>) outs(%c : memref<1x4xf32>)
  soc.return
}

}
