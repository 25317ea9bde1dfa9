// Bodies that look at memory or indices, and tails.
// RUN: tercet-opt %s --pass-pipeline='builtin.module(soc.kernel(cpu-lower-structured))' | FileCheck %s

#machine = #soc.machine<"one-core", workers = 1,
  engines = [#soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v4", features = "",
             cores = 1, vector_bits = 512, vector_registers = 32, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>],
  memories = [#soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 10000000000>]>
#v = #soc.variant<"v", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

#all = affine_map<(i, j) -> (i, j)>
module attributes {soc.machine = #machine} {

// The row is chosen once, its elements are loaded as vectors.
// CHECK-LABEL: soc.kernel @gather
// CHECK: cf.assert
// CHECK: scf.for
// CHECK: vector.load %{{.*}} : memref<10x64xf32>, vector<16xf32>
soc.kernel @gather(%data: memref<10x64xf32>, %index: memref<6xindex>, %y: memref<6x64xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  %limit = arith.constant 10 : index
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i)>, #all], iterator_types = ["parallel", "parallel"]} ins(%index : memref<6xindex>) outs(%y : memref<6x64xf32>) {
  ^bb0(%i: index, %o: f32):
    %in = arith.cmpi ult, %i, %limit : index
    cf.assert %in, "index out of range"
    %j = linalg.index 1 : index
    %v = memref.load %data[%i, %j] : memref<10x64xf32>
    linalg.yield %v : f32
  }
  soc.return
}

// One element over: a masked vector.
// CHECK-LABEL: soc.kernel @tail
// CHECK: vector.store
// CHECK: vector.create_mask %c1
// CHECK: vector.maskedstore
soc.kernel @tail(%x: memref<33xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]} outs(%x : memref<33xf32>) {
  ^bb0(%e: f32):
    %r = arith.mulf %e, %e : f32
    linalg.yield %r : f32
  }
  soc.return
}

// A division may trap, so no lane may run that is not there.
// CHECK-LABEL: soc.kernel @division
// CHECK-NOT: vector.create_mask
// CHECK: arith.divsi %{{.*}} : i32
soc.kernel @division(%x: memref<33xi32>, %y: memref<33xi32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]} ins(%x : memref<33xi32>) outs(%y : memref<33xi32>) {
  ^bb0(%e: i32, %o: i32):
    %r = arith.divsi %o, %e : i32
    linalg.yield %r : i32
  }
  soc.return
}

// CHECK-LABEL: soc.kernel @copy
// CHECK: vector.load
// CHECK-NOT: memref.copy
soc.kernel @copy(%x: memref<4x16xf32>, %y: memref<4x16xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  memref.copy %x, %y : memref<4x16xf32> to memref<4x16xf32>
  soc.return
}
}
