// RUN: tercet-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(gpu-lower-structured)))' | FileCheck %s

gpu.module @kernels {
  // Dimensions that memory walks as one are one; a thread computes every 32nd result.
  // CHECK-LABEL: gpu.func @merged
  // CHECK: %[[T:.*]] = gpu.thread_id x
  // CHECK: scf.for %{{.*}} = %[[T]] to %c64{{.*}} step %c32
  // CHECK-NOT: arith.divui
  // CHECK: memref.store
  gpu.func @merged(%a: memref<8x8xf32>, %b: memref<8x8xf32>) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    memref.copy %a, %b : memref<8x8xf32> to memref<8x8xf32>
    gpu.return
  }

  // Neighbours write neighbours: the output's last dimension changes fastest, though the
  // operation's does not.
  // CHECK-LABEL: gpu.func @transpose
  // CHECK: %[[T:.*]] = gpu.thread_id x
  // CHECK: scf.if
  // CHECK: %[[COLUMN:.*]] = arith.remui %[[T]], %c4
  // CHECK: %[[ROW:.*]] = arith.divui %[[T]], %c4
  gpu.func @transpose(%a: memref<4x2xf32>, %b: memref<2x4xf32>) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    linalg.transpose ins(%a : memref<4x2xf32>) outs(%b : memref<2x4xf32>) permutation = [1, 0]
    gpu.return
  }

  // A reduction is a loop of one thread, its value in a register. The sum waits for the fill,
  // which another thread may have done; a second reader of the same does not wait again.
  // CHECK-LABEL: gpu.func @sum
  // CHECK-NOT: gpu.barrier
  // CHECK: memref.store
  // CHECK: gpu.barrier
  // CHECK: scf.for {{.*}} iter_args
  // CHECK: gpu.barrier
  // CHECK: memref.load
  // CHECK-NOT: gpu.barrier
  // CHECK: gpu.return
  gpu.func @sum(%a: memref<8x4xf32>, %b: memref<8xf32>, %c: memref<8xf32>) kernel attributes {known_block_size = array<i32: 8, 1, 1>} {
    %zero = arith.constant 0.0 : f32
    linalg.fill ins(%zero : f32) outs(%b : memref<8xf32>)
    linalg.reduce { arith.addf } ins(%a : memref<8x4xf32>) outs(%b : memref<8xf32>) dimensions = [1]
    memref.copy %b, %c : memref<8xf32> to memref<8xf32>
    gpu.return
  }

  // What shares no memory needs no barrier.
  // CHECK-LABEL: gpu.func @apart
  // CHECK-NOT: gpu.barrier
  // CHECK: gpu.return
  gpu.func @apart() workgroup(%w : memref<64xi8, #gpu.address_space<workgroup>>) kernel attributes {known_block_size = array<i32: 8, 1, 1>} {
    %c0 = arith.constant 0 : index
    %c32 = arith.constant 32 : index
    %zero = arith.constant 0.0 : f32
    %a = memref.view %w[%c0][] : memref<64xi8, #gpu.address_space<workgroup>> to memref<8xf32, #gpu.address_space<workgroup>>
    %b = memref.view %w[%c32][] : memref<64xi8, #gpu.address_space<workgroup>> to memref<8xf32, #gpu.address_space<workgroup>>
    linalg.fill ins(%zero : f32) outs(%a : memref<8xf32, #gpu.address_space<workgroup>>)
    linalg.fill ins(%zero : f32) outs(%b : memref<8xf32, #gpu.address_space<workgroup>>)
    gpu.return
  }

  // A loop around operations is every thread's. An iteration waits for the one before; a single
  // store is one thread's.
  // CHECK-LABEL: gpu.func @loop
  // CHECK: scf.for
  // CHECK-NEXT: gpu.barrier
  // CHECK: memref.store
  // CHECK: gpu.barrier
  // CHECK: scf.if
  // CHECK-NEXT: memref.store
  gpu.func @loop(%a: memref<8xf32>, %b: memref<8xf32>, %n: index) kernel attributes {known_block_size = array<i32: 8, 1, 1>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %zero = arith.constant 0.0 : f32
    scf.for %i = %c0 to %n step %c1 {
      memref.copy %a, %b : memref<8xf32> to memref<8xf32>
      memref.store %zero, %b[%i] : memref<8xf32>
    }
    gpu.return
  }

  // Bounds that are known at run time, and the position of an element.
  // CHECK-LABEL: gpu.func @dynamic
  // CHECK-SAME: %[[A:[a-z0-9]*]]: memref<?xf32>
  // CHECK: %[[SIZE:.*]] = memref.dim %[[A]]
  // CHECK: scf.for %[[I:.*]] = %{{.*}} to %[[SIZE]] step %c8
  // CHECK: arith.index_cast %[[I]] : index to i32
  gpu.func @dynamic(%a: memref<?xf32>, %b: memref<?xf32>) kernel attributes {known_block_size = array<i32: 8, 1, 1>} {
    linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
        ins(%a : memref<?xf32>) outs(%b : memref<?xf32>) {
    ^bb0(%x: f32, %y: f32):
      %i = linalg.index 0 : index
      %w = arith.index_cast %i : index to i32
      %f = arith.sitofp %w : i32 to f32
      %s = arith.addf %x, %f : f32
      linalg.yield %s : f32
    }
    gpu.return
  }
}
