// A loop that may not run: what follows has the value that the loop began with.
// Upstream's variable for its result is written in the body alone.
// RUN: tercet-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(vulkan-lower-storage)),vulkan-convert-to-spirv)' | FileCheck %s

gpu.module @m {
  // CHECK-LABEL: spirv.module @m
  // CHECK: %[[FIRST:.*]] = spirv.Load "StorageBuffer"
  // CHECK: spirv.mlir.loop
  // CHECK: spirv.mlir.merge
  // CHECK: %[[LAST:.*]] = spirv.Load "Function"
  // CHECK: %[[RUNS:.*]] = spirv.SLessThan
  // CHECK: %[[VALUE:.*]] = spirv.Select %[[RUNS]], %[[LAST]], %[[FIRST]] : i1, f32
  // CHECK: spirv.Store "StorageBuffer" %{{.*}}, %[[VALUE]] : f32
  gpu.func @m(%a: memref<?xf32>, %b: memref<?xf32>) kernel attributes {known_block_size = array<i32: 8, 1, 1>} {
    %t = gpu.thread_id x
    %c4 = arith.constant 4 : index
    %c1 = arith.constant 1 : index
    %x = memref.load %a[%t] : memref<?xf32>
    %r = scf.for %i = %t to %c4 step %c1 iter_args(%s = %x) -> (f32) {
      %y = memref.load %a[%i] : memref<?xf32>
      %z = arith.addf %s, %y : f32
      scf.yield %z : f32
    }
    memref.store %r, %b[%t] : memref<?xf32>
    gpu.return
  }
}
