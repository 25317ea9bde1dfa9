// Loop nests with the cheapest loop vectorised.
// RUN: tercet-opt %s --pass-pipeline='builtin.module(soc.kernel(cpu-lower-structured))' | FileCheck %s

#machine = #soc.machine<"one-core", workers = 1,
  engines = [#soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
             cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>],
  memories = [#soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 10000000000>]>
#v = #soc.variant<"v", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

#all = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
module attributes {soc.machine = #machine} {

// Contiguous dimensions are one loop.
// CHECK-LABEL: soc.kernel @elementwise
// CHECK: scf.for %{{.*}} = %{{.*}} to %c256{{.*}} step %c8
// CHECK-NOT: scf.for
// CHECK: math.exp %{{.*}} : vector<8xf32>
soc.kernel @elementwise(%x: memref<4x64xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  linalg.generic {indexing_maps = [#all], iterator_types = ["parallel", "parallel"]} outs(%x : memref<4x64xf32>) {
  ^bb0(%e: f32):
    %r = math.exp %e : f32
    linalg.yield %r : f32
  }
  soc.return
}

// A row's scalar is loaded, and what depends on it alone computed, once a row.
// CHECK-LABEL: soc.kernel @uniform
// CHECK: scf.for
// CHECK: memref.load
// CHECK: math.sqrt %{{.*}} : f32
// CHECK: scf.for
// CHECK: arith.divf %{{.*}} : vector<8xf32>
soc.kernel @uniform(%s: memref<4xf32>, %x: memref<4x64xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  linalg.generic {indexing_maps = [#row, #all], iterator_types = ["parallel", "parallel"]} ins(%s : memref<4xf32>) outs(%x : memref<4x64xf32>) {
  ^bb0(%m: f32, %e: f32):
    %q = math.sqrt %m : f32
    %r = arith.divf %e, %q : f32
    linalg.yield %r : f32
  }
  soc.return
}

// Four accumulators, combined by halves at the end.
// CHECK-LABEL: soc.kernel @reduction
// CHECK: scf.for {{.*}} iter_args
// CHECK-COUNT-4: arith.maximumf %{{.*}} : vector<8xf32>
// CHECK: vector.shuffle {{.*}} [0, 1, 2, 3]
soc.kernel @reduction(%x: memref<4x64xf32>, %y: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]} ins(%x : memref<4x64xf32>) outs(%y : memref<4xf32>) {
  ^bb0(%e: f32, %s: f32):
    %r = arith.maximumf %e, %s : f32
    linalg.yield %r : f32
  }
  soc.return
}

// Squares are turned in registers.
// CHECK-LABEL: soc.kernel @transpose
// CHECK-COUNT-8: vector.load
// CHECK-COUNT-24: vector.shuffle
// CHECK-COUNT-8: vector.store
soc.kernel @transpose(%x: memref<16x32xf32>, %y: memref<32x16xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  linalg.transpose ins(%x : memref<16x32xf32>) outs(%y : memref<32x16xf32>) permutation = [1, 0]
  soc.return
}
}
