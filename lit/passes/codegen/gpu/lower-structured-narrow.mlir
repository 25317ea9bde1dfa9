// Floats of fewer than 32 bits are storage: what is computed, and what a sum is
// kept in, is f32, in every profile.
// RUN: tercet-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(gpu-lower-structured)))' | FileCheck %s
// RUN: tercet-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(gpu-lower-structured{profile=float16+storage16})))' | FileCheck %s

#id = affine_map<(d0) -> (d0)>
gpu.module @m {
  // One rounding, at the end.
  // CHECK-LABEL: gpu.func @elementwise
  // CHECK: %[[X:.*]] = memref.load
  // CHECK: %[[W:.*]] = arith.extf %[[X]] : f16 to f32
  // CHECK: %[[C:.*]] = arith.constant 3.000000e+00 : f32
  // CHECK: %[[P:.*]] = arith.mulf %[[W]], %[[C]] : f32
  // CHECK: %[[E:.*]] = math.exp %[[P]] : f32
  // CHECK: %[[N:.*]] = arith.truncf %[[E]] : f32 to f16
  // CHECK: memref.store %[[N]]
  gpu.func @elementwise(%a: memref<7xf16>, %b: memref<7xf16>) kernel attributes {known_block_size = array<i32: 8, 1, 1>} {
    linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%a : memref<7xf16>) outs(%b : memref<7xf16>) {
    ^bb0(%x: f16, %o: f16):
      %c = arith.constant 3.0 : f16
      %p = arith.mulf %x, %c : f16
      %e = math.exp %p : f16
      linalg.yield %e : f16
    }
    gpu.return
  }

  // A conversion that is written down rounds; what looks at bits sees its type.
  // CHECK-LABEL: gpu.func @conversions
  // CHECK: %[[X:.*]] = memref.load
  // CHECK: %[[H:.*]] = arith.truncf %[[X]] : f32 to bf16
  // CHECK: arith.bitcast %[[H]] : bf16 to i16
  // CHECK: %[[B:.*]] = arith.bitcast %{{.*}} : i16 to bf16
  // CHECK: %[[F:.*]] = arith.extf %[[B]] : bf16 to f32
  // CHECK: memref.store %[[F]]
  gpu.func @conversions(%a: memref<7xf32>, %b: memref<7xf32>) kernel attributes {known_block_size = array<i32: 8, 1, 1>} {
    linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%a : memref<7xf32>) outs(%b : memref<7xf32>) {
    ^bb0(%x: f32, %o: f32):
      %h = arith.truncf %x : f32 to bf16
      %i = arith.bitcast %h : bf16 to i16
      %s = arith.constant 1 : i16
      %j = arith.shli %i, %s : i16
      %g = arith.bitcast %j : i16 to bf16
      %f = arith.extf %g : bf16 to f32
      linalg.yield %f : f32
    }
    gpu.return
  }

  // What is only moved keeps its bits.
  // CHECK-LABEL: gpu.func @copy
  // CHECK-NOT: arith.truncf
  // CHECK: memref.store
  gpu.func @copy(%a: memref<7xf16>, %b: memref<7xf16>) kernel attributes {known_block_size = array<i32: 8, 1, 1>} {
    memref.copy %a, %b : memref<7xf16> to memref<7xf16>
    gpu.return
  }

  // A sum of one thread.
  // CHECK-LABEL: gpu.func @sums
  // CHECK: scf.for {{.*}} iter_args(%{{.*}} = %{{.*}}) -> (f32)
  // CHECK: arith.addf {{.*}} : f32
  // CHECK: arith.truncf
  // CHECK-NEXT: memref.store
  gpu.func @sums(%a: memref<128x64xf16>, %b: memref<128xf16>) kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    linalg.reduce { arith.addf } ins(%a : memref<128x64xf16>) outs(%b : memref<128xf16>) dimensions = [1]
    gpu.return
  }

  // A sum of all threads: what they exchange is f32 too.
  // CHECK-LABEL: gpu.func @sum
  // CHECK: memref.view {{.*}} to memref<128xf32
  // CHECK: scf.for {{.*}} -> (f32)
  // CHECK: arith.truncf %{{.*}} : f32 to bf16
  // CHECK: gpu.return
  gpu.func @sum(%a: memref<1x2048xbf16>, %b: memref<1xbf16>) kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    linalg.reduce { arith.addf } ins(%a : memref<1x2048xbf16>) outs(%b : memref<1xbf16>) dimensions = [1]
    gpu.return
  }

  // What follows a product has its sum before it is rounded.
  // CHECK-LABEL: gpu.func @epilogue
  // CHECK: math.fma
  // CHECK-NOT: arith.truncf
  // CHECK: math.tanh {{.*}} : f32
  // CHECK: arith.truncf {{.*}} : f32 to f16
  // CHECK: gpu.return
  gpu.func @epilogue(%a: memref<32x8xf16>, %b: memref<8x4xf16>, %c: memref<32x4xf16>) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %zero = arith.constant 0.0 : f16
    linalg.fill ins(%zero : f16) outs(%c : memref<32x4xf16>)
    linalg.matmul ins(%a, %b : memref<32x8xf16>, memref<8x4xf16>) outs(%c : memref<32x4xf16>)
    linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} outs(%c : memref<32x4xf16>) {
    ^bb0(%o: f16):
      %t = math.tanh %o : f16
      linalg.yield %t : f16
    }
    gpu.return
  }
}
