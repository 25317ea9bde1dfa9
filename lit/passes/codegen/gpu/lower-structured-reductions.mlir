// Sums of rows, by eight neighbouring threads each: through workgroup memory, and
// by subgroups where all threads have one sum and the profile has those.
// RUN: tercet-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(gpu-lower-structured)))' | FileCheck %s --check-prefixes=CHECK,TREE
// RUN: tercet-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(gpu-lower-structured{profile=subgroup_arithmetic})))' | FileCheck %s --check-prefixes=CHECK,SUBGROUP

gpu.module @m {
  // CHECK-LABEL: gpu.func @rows
  // CHECK-NOT: gpu.subgroup_reduce
  // CHECK: scf.for {{.*}} iter_args
  // CHECK-COUNT-4: gpu.barrier
  // CHECK: gpu.return
  gpu.func @rows(%a: memref<16x64xf32>, %b: memref<16xf32>) kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    linalg.reduce { arith.addf } ins(%a : memref<16x64xf32>) outs(%b : memref<16xf32>) dimensions = [1]
    gpu.return
  }

  // CHECK-LABEL: gpu.func @row
  // TREE-COUNT-8: gpu.barrier
  // SUBGROUP: gpu.subgroup_reduce maxnumf %{{.*}} : (f32) -> f32
  // SUBGROUP: gpu.lane_id
  // SUBGROUP: gpu.subgroup_id
  // SUBGROUP-COUNT-1: gpu.barrier
  // SUBGROUP: gpu.num_subgroups
  // SUBGROUP-NOT: gpu.barrier
  // CHECK: gpu.return
  gpu.func @row(%a: memref<1x2048xf32>, %b: memref<1xf32>) kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    linalg.reduce { arith.maxnumf } ins(%a : memref<1x2048xf32>) outs(%b : memref<1xf32>) dimensions = [1]
    gpu.return
  }

  // As many results as threads: each has its own.
  // CHECK-LABEL: gpu.func @many
  // CHECK-NOT: gpu.barrier
  // CHECK: gpu.return
  gpu.func @many(%a: memref<128x64xf32>, %b: memref<128xf32>) kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    linalg.reduce { arith.addf } ins(%a : memref<128x64xf32>) outs(%b : memref<128xf32>) dimensions = [1]
    gpu.return
  }

  // A product of elements is no sum of what it began with.
  // CHECK-LABEL: gpu.func @ordered
  // CHECK-NOT: gpu.barrier
  // CHECK: gpu.return
  gpu.func @ordered(%a: memref<1x2048xf32>, %b: memref<1xf32>) kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    linalg.reduce { arith.subf } ins(%a : memref<1x2048xf32>) outs(%b : memref<1xf32>) dimensions = [1]
    gpu.return
  }
}
