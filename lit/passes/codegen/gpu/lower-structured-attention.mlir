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

  // One query at a position over a cache of halves: 16 threads have a query, so
  // eight slots of 16 threads have this one, each with every eighth block of 32
  // keys, and put together what they have. No key behind the position is read.
  // CHECK-LABEL: gpu.func @cached
  // CHECK-SAME: %{{[a-z0-9]+}}: memref<1x1x4x64xf32>, %{{[a-z0-9]+}}: memref<1x300x2x64xf16>, %{{[a-z0-9]+}}: memref<1x300x2x64xf16>, %{{[a-z0-9]+}}: memref<1x1x4x64xf32>, %[[CONTROL:[a-z0-9]+]]: memref<4xi32>
  // CHECK: %[[WORD:.*]] = memref.load %[[CONTROL]]
  // CHECK: %[[POSITION:.*]] = arith.index_cast %[[WORD]]
  // CHECK: arith.divui
  // CHECK: %[[PAST:.*]] = arith.addi %[[POSITION]]
  // CHECK: %[[END:.*]] = arith.minsi %[[PAST]]
  // CHECK: scf.for {{.*}} to %[[END]] step %{{.*}} iter_args({{.*}}) -> (f32, f32, vector<4xf32>)
  // Its own blocks.
  // CHECK: vector.load {{.*}} memref<?xf16>, vector<4xf16>
  // CHECK: arith.cmpi sle, %{{.*}}, %[[OWN:.*]] : index
  // CHECK: math.exp
  // Greatest scores, weights and sums of the slots.
  // CHECK: scf.yield
  // CHECK-COUNT-7: arith.maxnumf
  // CHECK: math.exp
  // CHECK: arith.divf
  // CHECK: vector.store
  // CHECK: gpu.return
  gpu.func @cached(%q: memref<1x1x4x64xf32>, %k: memref<1x300x2x64xf16>, %v: memref<1x300x2x64xf16>, %o: memref<1x1x4x64xf32>, %control: memref<4xi32>)
      kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    %two = arith.constant 2 : index
    %word = memref.load %control[%two] : memref<4xi32>
    %p = arith.index_cast %word : i32 to index
    nn.cached_attention ins(%q, %k, %v : memref<1x1x4x64xf32>, memref<1x300x2x64xf16>, memref<1x300x2x64xf16>) at %p outs(%o : memref<1x1x4x64xf32>) scale 1.250000e-01
    gpu.return
  }
}
