// RUN: tercet-opt %s --gpu-lower-kernels | FileCheck %s

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 64>

// The grid's last dimension is x. Memories are flat, what is known of their alignment is stated,
// and scratch is a view of the workgroup's memory. There are threads for eight results.
// CHECK-LABEL: gpu.module @tile {
// CHECK: gpu.func @tile(%[[A:.*]]: memref<?xf32>, %[[B:.*]]: memref<?xf32>) workgroup(%[[W:.*]] : memref<32xi8, #gpu.address_space<workgroup>>) kernel
// CHECK-SAME: known_block_size = array<i32: 8, 1, 1>, known_grid_size = array<i32: 3, 2, 1>
// CHECK: %[[ALIGNED:.*]] = memref.assume_alignment %[[A]], 16
// CHECK: memref.reinterpret_cast %[[ALIGNED]] to offset: [0], sizes: [4, 6], strides: [6, 1]
// CHECK: %[[Y:.*]] = gpu.block_id y
// CHECK: arith.muli %[[Y]], %c2
// CHECK: %[[X:.*]] = gpu.block_id x
// CHECK: memref.view %[[W]]
// CHECK-NOT: scf.forall
// CHECK: gpu.return
soc.kernel @tile(%a: memref<4x6xf32>, %b: memref<4x6xf32>) attributes {engine = "gpu", num_inputs = 1 : i64,
    variant = #rows, scratch_bytes = 32 : i64, grid = array<i64: 3, 2, 1>, alignments = array<i64: 16, 16>} {
  %zero = arith.constant 0.0 : f32
  scf.forall (%i, %j) = (0, 0) to (4, 6) step (2, 2) {
    %x = memref.subview %a[%i, %j] [2, 2] [1, 1] : memref<4x6xf32> to memref<2x2xf32, strided<[6, 1], offset: ?>>
    %y = memref.subview %b[%i, %j] [2, 2] [1, 1] : memref<4x6xf32> to memref<2x2xf32, strided<[6, 1], offset: ?>>
    %s = soc.scratch 0 : memref<2x2x2xf32>
    %t = memref.subview %s[0, 0, 0] [1, 2, 2] [1, 1, 1] : memref<2x2x2xf32> to memref<2x2xf32, strided<[2, 1]>>
    linalg.fill ins(%zero : f32) outs(%s : memref<2x2x2xf32>)
    memref.copy %x, %t : memref<2x2xf32, strided<[6, 1], offset: ?>> to memref<2x2xf32, strided<[2, 1]>>
    memref.copy %t, %y : memref<2x2xf32, strided<[2, 1]>> to memref<2x2xf32, strided<[6, 1], offset: ?>>
  }
  soc.return
}

// Scalars come from the control block, behind its two words, and a check that fails writes the
// first. The block is the last argument, and the only one of static shape.
// CHECK-LABEL: gpu.func @scalars(
// CHECK-SAME: memref<?xf32>, %[[CONTROL:.*]]: memref<6xi32>)
// CHECK: %[[WORD:.*]] = memref.load %[[CONTROL]][%c4]
// CHECK: %[[SCALAR:.*]] = arith.index_cast %[[WORD]] : i32 to index
// CHECK: %[[FITS:.*]] = arith.cmpi ult, %[[SCALAR]]
// CHECK: %[[WRONG:.*]] = arith.xori %[[FITS]], %true
// CHECK: scf.if %[[WRONG]] {
// CHECK: memref.atomic_rmw maxu %c1_i32, %[[CONTROL]][%c0
soc.kernel @scalars(%a: memref<4xf32>, %p: index, %q: index) attributes {engine = "gpu", num_inputs = 0 : i64,
    variant = #rows, scratch_bytes = 0 : i64, grid = array<i64: 1, 1, 1>} {
  %c4 = arith.constant 4 : index
  %fits = arith.cmpi ult, %q, %c4 : index
  cf.assert %fits, "out of range"
  soc.return
}

// Whatever the number of results, a workgroup has the profile's threads at most.
// CHECK-LABEL: gpu.func @many
// CHECK-SAME: known_block_size = array<i32: 128, 1, 1>
soc.kernel @many(%a: memref<4096xf32>, %b: memref<4096xf32>) attributes {engine = "gpu", num_inputs = 1 : i64,
    variant = #rows, scratch_bytes = 0 : i64, grid = array<i64: 1, 1, 1>} {
  memref.copy %a, %b : memref<4096xf32> to memref<4096xf32>
  soc.return
}
