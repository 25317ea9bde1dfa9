// RUN: tercet-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(gpu-lower-structured)))' -split-input-file | FileCheck %s

// A product keeps its sums in registers: what fills them before, and what is
// computed of them, goes along, and workgroup memory is not touched.
gpu.module @m {
  // CHECK-LABEL: gpu.func @product
  // CHECK-NOT: linalg
  // CHECK-NOT: memref.store
  // Four terms of four columns at once, for each of a thread's rows.
  // CHECK: scf.for {{.*}} iter_args({{.*}}) -> (vector<4xf32>, vector<4xf32>)
  // CHECK-COUNT-4: vector.load {{.*}} {alignment = 16 : i64} : memref<?xf32>, vector<4xf32>
  // CHECK: vector.load {{.*}} {alignment = 16 : i64} : memref<?xf32>, vector<4xf32>
  // CHECK-COUNT-4: math.fma {{.*}} : vector<4xf32>
  // CHECK: }
  // CHECK: math.exp
  // CHECK: vector.store {{.*}} {alignment = 16 : i64} : memref<?xf32>, vector<4xf32>
  // CHECK-NOT: linalg
  // CHECK-NOT: gpu.barrier
  // CHECK: gpu.return
  gpu.func @product(%a: memref<16x32xf32>, %b: memref<32x64xf32>, %d: memref<16x64xf32>) workgroup(%s: memref<4096xi8, #gpu.address_space<workgroup>>)
      kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    %c0 = arith.constant 0 : index
    %z = arith.constant 0.0 : f32
    %v = memref.view %s[%c0][] : memref<4096xi8, #gpu.address_space<workgroup>> to memref<16x64xf32, #gpu.address_space<workgroup>>
    %c = memref.memory_space_cast %v : memref<16x64xf32, #gpu.address_space<workgroup>> to memref<16x64xf32>
    linalg.fill ins(%z : f32) outs(%c : memref<16x64xf32>)
    linalg.matmul ins(%a, %b : memref<16x32xf32>, memref<32x64xf32>) outs(%c : memref<16x64xf32>)
    linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
        ins(%c : memref<16x64xf32>) outs(%d : memref<16x64xf32>) {
    ^bb0(%x: f32, %o: f32):
      %y = math.exp %x : f32
      linalg.yield %y : f32
    }
    gpu.return
  }
}

// -----

// What somebody else reads as well is stored before.
gpu.module @m {
  // CHECK-LABEL: gpu.func @read_again
  // CHECK: math.fma
  // CHECK: vector.store
  // CHECK: gpu.barrier
  // CHECK: math.exp
  // CHECK: gpu.return
  gpu.func @read_again(%a: memref<16x32xf32>, %b: memref<32x64xf32>, %c: memref<16x64xf32>, %d: memref<16x64xf32>)
      kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    linalg.matmul ins(%a, %b : memref<16x32xf32>, memref<32x64xf32>) outs(%c : memref<16x64xf32>)
    linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
        ins(%c : memref<16x64xf32>) outs(%d : memref<16x64xf32>) {
    ^bb0(%x: f32, %o: f32):
      %y = math.exp %x : f32
      linalg.yield %y : f32
    }
    gpu.return
  }
}

// -----

// Columns that are no whole vectors go one by one, the last ones guarded.
gpu.module @m {
  // CHECK-LABEL: gpu.func @odd
  // CHECK-NOT: vector.store
  // CHECK: memref.store {{.*}} : memref<?xf32>
  // CHECK-NOT: vector.store
  // CHECK: gpu.return
  gpu.func @odd(%a: memref<16x32xf32>, %b: memref<32x33xf32>, %c: memref<16x33xf32>)
      kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    linalg.matmul ins(%a, %b : memref<16x32xf32>, memref<32x33xf32>) outs(%c : memref<16x33xf32>)
    gpu.return
  }
}

// -----

// One row: the threads share the sums of its columns, and add their parts up in
// workgroup memory of their own.
gpu.module @m {
  // CHECK-LABEL: gpu.func @thin
  // CHECK-SAME: workgroup({{.*}} : memref<2048xi8, #gpu.address_space<workgroup>>)
  // CHECK: scf.for
  // CHECK: math.fma
  // CHECK: vector.store {{.*}} : memref<512xf32, #gpu.address_space<workgroup>>, vector<4xf32>
  // CHECK: gpu.barrier
  // CHECK: scf.for
  // CHECK: memref.load {{.*}} : memref<512xf32, #gpu.address_space<workgroup>>
  // CHECK: memref.store {{.*}} : memref<?xf32>
  // CHECK: gpu.return
  gpu.func @thin(%a: memref<1x256xf32>, %b: memref<256x64xf32>, %c: memref<1x64xf32>)
      kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    linalg.matmul ins(%a, %b : memref<1x256xf32>, memref<256x64xf32>) outs(%c : memref<1x64xf32>)
    gpu.return
  }
}
