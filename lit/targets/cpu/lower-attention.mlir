// Attention over caches becomes loops over blocks of 32 keys; its workspace is the last part of the scratch.
// RUN: tercet-opt %s --pass-pipeline='builtin.module(soc.kernel(cpu-lower-attention))' | FileCheck %s

#machine = #soc.machine<"one-core", workers = 1,
  engines = [#soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "cascadelake", features = "",
             cores = 1, vector_bits = 512, vector_registers = 32, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>],
  memories = [#soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 10000000000>]>
#v = #soc.variant<"v", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
#q8_0 = #nn.groups<32 in 34 group 32 planes [<bits = 8, run = 1, at = 2>] codes signed scale f16 at 0>
#q4_0 = #nn.groups<32 in 18 group 32 planes [<bits = 4, run = 16, at = 2>] zero 8 scale f16 at 0>

module attributes {soc.machine = #machine} {

// Keys that are there are widened, turned, and multiplied with the queries; a greater score scales down what was added.
// CHECK-LABEL: soc.kernel @floats
// CHECK-SAME: %[[P:[a-z0-9]+]]: index)
// CHECK-DAG: soc.scratch 64 : memref<32x64xf32>
// CHECK: %[[END:.*]] = arith.minsi %{{.*}}, %{{.*}} : index
// CHECK: scf.for %[[FROM:.*]] = %{{.*}} to %[[END]] step %{{.*}} {
// CHECK: arith.subi %[[END]], %[[FROM]]
// CHECK: arith.extf {{.*}} vector<16xf16> to vector<16xf32>
// CHECK: linalg.transpose
// CHECK: math.fma
// CHECK: arith.cmpi sle, {{.*}} vector<16xi32>
// CHECK: vector.reduction <maxnumf>
// CHECK: scf.if
// CHECK: math.exp {{.*}} : f32
// CHECK: math.exp {{.*}} : vector<16xf32>
// CHECK: math.fma
// CHECK: arith.divf {{.*}} vector<16xf32>
// CHECK-NOT: nn.cached_attention
soc.kernel @floats(%q: memref<1x1x4x64xf32>, %k: memref<1x96x2x64xf16>, %y: memref<1x1x4x64xf32>, %p: index) attributes {
    engine = "cpu", num_inputs = 2 : i64, variant = #v, scratch_bytes = 17920 : i64} {
  nn.cached_attention ins(%q, %k, %k : memref<1x1x4x64xf32>, memref<1x96x2x64xf16>, memref<1x96x2x64xf16>) at %p
    outs(%y : memref<1x1x4x64xf32>) scale 1.250000e-01
  soc.return
}

// Bytes are decoded where they are used.
// CHECK-LABEL: soc.kernel @bytes
// CHECK: vector.bitcast {{.*}} : vector<2xi8> to vector<1xf16>
// CHECK: arith.extsi {{.*}} vector<16xi8> to vector<16xi32>
// CHECK: arith.sitofp
// CHECK: arith.mulf
// CHECK: linalg.transpose
soc.kernel @bytes(%q: memref<1x1x4x64xf32>, %k: memref<1x96x2x68xi8>, %y: memref<1x1x4x64xf32>, %p: index) attributes {
    engine = "cpu", num_inputs = 2 : i64, variant = #v, scratch_bytes = 17920 : i64} {
  nn.cached_attention format #q8_0 ins(%q, %k, %k : memref<1x1x4x64xf32>, memref<1x96x2x68xi8>, memref<1x96x2x68xi8>) at %p
    outs(%y : memref<1x1x4x64xf32>) scale 1.250000e-01
  soc.return
}

// Two elements of a byte; a window begins at the block of the first key that is seen.
// CHECK-LABEL: soc.kernel @nibbles
// CHECK: arith.maxsi
// CHECK: arith.remui
// CHECK: arith.andi {{.*}} vector<16xi32>
// CHECK: arith.shrui {{.*}} vector<16xi32>
// CHECK: arith.cmpi sle, {{.*}} vector<16xi32>
// CHECK: arith.cmpi sgt, {{.*}} vector<16xi32>
soc.kernel @nibbles(%q: memref<1x1x4x64xf32>, %k: memref<1x96x2x36xi8>, %y: memref<1x1x4x64xf32>, %p: index) attributes {
    engine = "cpu", num_inputs = 2 : i64, variant = #v, scratch_bytes = 17920 : i64} {
  nn.cached_attention format #q4_0 ins(%q, %k, %k : memref<1x1x4x64xf32>, memref<1x96x2x36xi8>, memref<1x96x2x36xi8>) at %p
    outs(%y : memref<1x1x4x64xf32>) scale 1.250000e-01 window 40
  soc.return
}
}
