// RUN: tercet-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(gpu-lower-structured)))' | FileCheck %s

// 16 queries of one head: eight threads a query, each with four keys of a block
// of 32 and two vectors of a value. The scores are never in memory, only the
// weights of a block, in workgroup memory.
gpu.module @m {
  // CHECK-LABEL: gpu.func @attention
  // CHECK-SAME: workgroup({{.*}} : memref<2048xi8, #gpu.address_space<workgroup>>)
  // CHECK: scf.for {{.*}} iter_args({{.*}}) -> (f32, f32, vector<4xf32>, vector<4xf32>)
  // Scores of this thread's keys.
  // CHECK: scf.for {{.*}} -> (vector<4xf32>, vector<4xf32>, vector<4xf32>, vector<4xf32>)
  // CHECK-COUNT-4: math.fma
  // CHECK: gpu.barrier
  // CHECK-COUNT-4: memref.store
  // CHECK: gpu.barrier
  // CHECK-COUNT-32: arith.maxnumf
  // CHECK: math.exp
  // CHECK: gpu.barrier
  // CHECK-COUNT-4: math.exp
  // CHECK: gpu.barrier
  // Values times weights.
  // CHECK: scf.for {{.*}} -> (vector<4xf32>, vector<4xf32>)
  // CHECK-COUNT-2: math.fma
  // CHECK: arith.divf
  // CHECK: vector.store
  // CHECK: gpu.return
  gpu.func @attention(%q: memref<1x16x1x32xf32>, %k: memref<1x100x1x32xf32>, %v: memref<1x100x1x64xf32>, %o: memref<1x16x1x64xf32>)
      kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    nn.attention ins(%q, %k, %v : memref<1x16x1x32xf32>, memref<1x100x1x32xf32>, memref<1x100x1x64xf32>) outs(%o : memref<1x16x1x64xf32>) scale 2.500000e-01
    gpu.return
  }
}
