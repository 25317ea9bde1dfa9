// RUN: tercet-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(gpu-lower-memory,canonicalize)))' | FileCheck %s

gpu.module @kernels {
  // Through a chain of views, one index: 5 rows on, every second of them, 3 columns on.
  // CHECK-LABEL: gpu.func @views
  // CHECK-SAME: %[[A:.*]]: memref<?xf32>, %[[I:.*]]: index, %[[J:.*]]: index
  // CHECK: %[[ROWS:.*]] = arith.muli %[[I]], %c16
  // CHECK: %[[FROM:.*]] = arith.addi %[[ROWS]], %c43
  // CHECK: %[[INDEX:.*]] = arith.addi %[[FROM]], %[[J]]
  // CHECK: memref.load %[[A]][%[[INDEX]]]
  // CHECK-NOT: memref.subview
  gpu.func @views(%a: memref<?xf32>, %i: index, %j: index) -> f32 {
    %m = memref.reinterpret_cast %a to offset: [0], sizes: [4, 4, 8], strides: [32, 8, 1] : memref<?xf32> to memref<4x4x8xf32>
    %c = memref.collapse_shape %m [[0, 1], [2]] : memref<4x4x8xf32> into memref<16x8xf32>
    %s = memref.subview %c[5, 3] [4, 4] [2, 1] : memref<16x8xf32> to memref<4x4xf32, strided<[16, 1], offset: 43>>
    %e = memref.expand_shape %s [[0], [1, 2]] output_shape [4, 4, 1] : memref<4x4xf32, strided<[16, 1], offset: 43>> into memref<4x4x1xf32, strided<[16, 1, 1], offset: 43>>
    %c0 = arith.constant 0 : index
    %v = memref.load %e[%i, %j, %c0] : memref<4x4x1xf32, strided<[16, 1, 1], offset: 43>>
    gpu.return %v : f32
  }

  // Workgroup memory: a flat view for each place in it, in its own type. What the alignment of an
  // argument is stays known.
  // CHECK-LABEL: gpu.func @workgroup
  // CHECK-SAME: %[[A:.*]]: memref<?xf32>, %[[I:.*]]: index) workgroup(%[[W:.*]] :
  // CHECK: %[[ALIGNED:.*]] = memref.assume_alignment %[[A]], 16
  // CHECK: %[[V:.*]] = vector.load %[[ALIGNED]][%[[I]]] {alignment = 16 : i64}
  // CHECK: %[[VIEW:.*]] = memref.view %[[W]][%c64][] : {{.*}} to memref<16xf32, #gpu.address_space<workgroup>>
  // CHECK: memref.store %{{.*}}, %[[VIEW]][%{{.*}}]
  gpu.func @workgroup(%a: memref<?xf32>, %i: index) workgroup(%w : memref<128xi8, #gpu.address_space<workgroup>>) kernel {
    %aligned = memref.assume_alignment %a, 16 : memref<?xf32>
    %m = memref.reinterpret_cast %aligned to offset: [0], sizes: [4, 8], strides: [8, 1] : memref<?xf32> to memref<4x8xf32>
    %c0 = arith.constant 0 : index
    %c64 = arith.constant 64 : index
    %v = vector.load %m[%c0, %i] {alignment = 16} : memref<4x8xf32>, vector<4xf32>
    %x = vector.extract %v[2] : f32 from vector<4xf32>
    %view = memref.view %w[%c64][] : memref<128xi8, #gpu.address_space<workgroup>> to memref<2x4xf32, #gpu.address_space<workgroup>>
    %cast = memref.memory_space_cast %view : memref<2x4xf32, #gpu.address_space<workgroup>> to memref<2x4xf32>
    memref.store %x, %cast[%c0, %i] : memref<2x4xf32>
    gpu.return
  }

  // Nothing to do.
  // CHECK-LABEL: gpu.func @flat
  // CHECK-NEXT: memref.load %{{.*}}[%{{.*}}] : memref<?xi8>
  gpu.func @flat(%a: memref<?xi8>, %i: index) -> i8 {
    %v = memref.load %a[%i] : memref<?xi8>
    gpu.return %v : i8
  }
}
