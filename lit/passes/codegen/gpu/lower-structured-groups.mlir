// RUN: tercet-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(gpu-lower-structured)))' -split-input-file | FileCheck %s
// RUN: tercet-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(gpu-lower-structured{profile=dot})))' -split-input-file | FileCheck %s --check-prefix=DOT

#q4_0 = #nn.groups<32 in 18 group 32 planes [<bits = 4, run = 16, at = 2>] zero 8 scale f16 at 0>
#i8g32 = #nn.groups<32 in 40 group 32 planes [<bits = 8, run = 1, at = 0>] codes signed scale f32 at 32 sum at 36>

// One row: 8 threads have four of the 32 columns each, and 16 share their sums.
// Weights come in whole words of four columns, of which a panel has 16.
gpu.module @m {
  // CHECK-LABEL: gpu.func @thin
  // CHECK-SAME: workgroup({{.*}} : memref<2048xi8, #gpu.address_space<workgroup>>)
  // CHECK: scf.for {{.*}} step %c16{{.*}} iter_args({{.*}}) -> (vector<4xf32>)
  // CHECK-COUNT-4: vector.load {{.*}} {alignment = 16 : i64} : memref<?xi8>, vector<16xi8>
  // CHECK: vector.load {{.*}} {alignment = 8 : i64} : memref<?xi8>, vector<8xi8>
  // CHECK: vector.bitcast {{.*}} : vector<8xi8> to vector<4xf16>
  // Products of bytes are exact in f32.
  // CHECK-COUNT-32: math.fma
  // CHECK: gpu.barrier
  // CHECK: scf.for
  // CHECK: memref.store
  // CHECK: gpu.return
  // DOT-LABEL: gpu.func @thin
  // DOT: scf.for
  // Eight words in each of four columns, and one fma of the group.
  // DOT-COUNT-32: vector.reduction <add>, {{.*}} : vector<4xi32> into i32
  // DOT: math.fma
  // DOT-NOT: math.fma
  // DOT: gpu.return
  gpu.func @thin(%a: memref<1x8x40xi8>, %w: memref<2x8x288xi8>, %c: memref<1x32xf32>) kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    %z = arith.constant 0.0 : f32
    linalg.fill ins(%z : f32) outs(%c : memref<1x32xf32>)
    nn.group_matmul format #q4_0 panel 16 lhs #i8g32 ins(%a, %w : memref<1x8x40xi8>, memref<2x8x288xi8>) outs(%c : memref<1x32xf32>)
    gpu.return
  }
}

// -----

#q8_0 = #nn.groups<32 in 34 group 32 planes [<bits = 8, run = 1, at = 2>] codes signed scale f16 at 0>

// Many rows in floats: each thread has four columns of four rows, and decodes a
// weight once for them. What follows element by element goes along.
gpu.module @m {
  // CHECK-LABEL: gpu.func @tall
  // CHECK-NOT: workgroup
  // CHECK: scf.for {{.*}} -> (vector<4xf32>, vector<4xf32>, vector<4xf32>, vector<4xf32>)
  // CHECK-COUNT-8: vector.load {{.*}} {alignment = 16 : i64} : memref<?xi8>, vector<16xi8>
  // CHECK: arith.mulf {{.*}} : vector<4xf32>
  // CHECK: vector.load {{.*}} {alignment = 16 : i64} : memref<?xf32>, vector<4xf32>
  // CHECK: math.exp
  // CHECK-NOT: gpu.barrier
  // CHECK: gpu.return
  // DOT-LABEL: gpu.func @tall
  // DOT-NOT: vector.reduction
  // DOT: gpu.return
  gpu.func @tall(%a: memref<32x64xf32>, %w: memref<4x2x544xi8>, %c: memref<32x64xf32>) kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    %z = arith.constant 0.0 : f32
    linalg.fill ins(%z : f32) outs(%c : memref<32x64xf32>)
    nn.group_matmul format #q8_0 panel 16 ins(%a, %w : memref<32x64xf32>, memref<4x2x544xi8>) outs(%c : memref<32x64xf32>)
    linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]} outs(%c : memref<32x64xf32>) {
    ^bb0(%o: f32):
      %y = math.exp %o : f32
      linalg.yield %y : f32
    }
    gpu.return
  }
}

// -----

#i8g32 = #nn.groups<32 in 40 group 32 planes [<bits = 8, run = 1, at = 0>] codes signed scale f32 at 32 sum at 36>

// A thread rounds a group, and stores it in words.
gpu.module @m {
  // CHECK-LABEL: gpu.func @encode
  // CHECK-COUNT-8: vector.load {{.*}} {alignment = 16 : i64} : memref<?xf32>, vector<4xf32>
  // CHECK: arith.divf
  // CHECK: math.roundeven
  // CHECK-COUNT-10: vector.store {{.*}} {alignment = 4 : i64} : memref<?xi8>, vector<4xi8>
  // CHECK-NOT: vector.store
  // CHECK: gpu.return
  gpu.func @encode(%x: memref<2x64xf32>, %q: memref<2x2x40xi8>) kernel attributes {known_block_size = array<i32: 4, 1, 1>} {
    nn.encode_groups #i8g32 ins(%x : memref<2x64xf32>) outs(%q : memref<2x2x40xi8>)
    gpu.return
  }
}

// -----

// Panels of four columns begin at multiples of 8 bytes only.
gpu.module @m {
  // CHECK-LABEL: gpu.func @narrow
  // CHECK-COUNT-4: vector.load {{.*}} {alignment = 8 : i64} : memref<?xi8>, vector<16xi8>
  // CHECK: gpu.return
  gpu.func @narrow(%a: memref<1x64xf32>, %w: memref<8x2x72xi8>, %c: memref<1x32xf32>) kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    nn.group_matmul format #nn.groups<32 in 18 group 32 planes [<bits = 4, run = 16, at = 2>] zero 8 scale f16 at 0> panel 4
      ins(%a, %w : memref<1x64xf32>, memref<8x2x72xi8>) outs(%c : memref<1x32xf32>)
    gpu.return
  }
}

// -----

// Weights in narrow floats are widened as they are multiplied; 61 terms are 15
// fours and one.
gpu.module @m {
  // CHECK-LABEL: gpu.func @floats
  // CHECK: scf.for {{.*}} to %c60{{.*}} step %c64
  // CHECK-COUNT-4: vector.load {{.*}} : memref<?xf16>, vector<4xf16>
  // CHECK-COUNT-4: math.fma
  // CHECK: scf.for {{.*}} to %c61{{.*}} step %c16
  // CHECK: memref.load {{.*}} : memref<?xf32>
  // CHECK: math.fma
  // CHECK: gpu.return
  gpu.func @floats(%a: memref<1x61xf32>, %w: memref<2x61x16xf16>, %c: memref<1x32xf32>) kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    nn.group_matmul panel 16 ins(%a, %w : memref<1x61xf32>, memref<2x61x16xf16>) outs(%c : memref<1x32xf32>)
    gpu.return
  }
}
