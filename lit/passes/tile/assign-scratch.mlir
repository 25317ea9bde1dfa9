// RUN: tercet-opt %s --tile-assign-scratch | FileCheck %s

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 128>

// The third may lie where the first was: that one is read for the last time
// before. Places are aligned to 64 bytes.
// CHECK-LABEL: soc.kernel @reuse
// CHECK-SAME: scratch_bytes = 128 : i64
// CHECK: soc.scratch [[A:[0-9]+]] : memref<4xf32>
// CHECK: soc.scratch [[B:[0-9]+]] : memref<4xf32>
// CHECK: soc.scratch [[A]] : memref<8xf32>
// CHECK-NOT: memref.alloc
soc.kernel @reuse(%a: memref<4xf32>, %b: memref<8xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  %0 = memref.alloc() : memref<4xf32>
  memref.copy %a, %0 : memref<4xf32> to memref<4xf32>
  %1 = memref.alloc() : memref<4xf32>
  memref.copy %0, %1 : memref<4xf32> to memref<4xf32>
  memref.dealloc %0 : memref<4xf32>
  %2 = memref.alloc() : memref<8xf32>
  memref.copy %2, %b : memref<8xf32> to memref<8xf32>
  memref.copy %1, %a : memref<4xf32> to memref<4xf32>
  soc.return
}

// A view keeps what it views alive.
// CHECK-LABEL: soc.kernel @view
// CHECK-SAME: scratch_bytes = 128 : i64
soc.kernel @view(%a: memref<4xf32>, %b: memref<2xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  %0 = memref.alloc() : memref<4xf32>
  %v = memref.subview %0[0] [2] [1] : memref<4xf32> to memref<2xf32, strided<[1]>>
  %1 = memref.alloc() : memref<4xf32>
  memref.copy %a, %1 : memref<4xf32> to memref<4xf32>
  memref.copy %v, %b : memref<2xf32, strided<[1]>> to memref<2xf32>
  soc.return
}

// The last tile is smaller; its memory is as large as the others'.
// CHECK-LABEL: soc.kernel @bounded
// CHECK-SAME: scratch_bytes = 64 : i64
// CHECK: %[[S:.*]] = soc.scratch 0 : memref<12xi8>
// CHECK: memref.view %[[S]][%{{.*}}][%{{.*}}] : memref<12xi8> to memref<?xf32>
soc.kernel @bounded(%a: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  scf.forall (%i) = (0) to (4) step (3) {
    %n = affine.min affine_map<(d) -> (3, 4 - d)>(%i)
    %0 = memref.alloc(%n) : memref<?xf32>
    %s = memref.subview %a[%i] [%n] [1] : memref<4xf32> to memref<?xf32, strided<[1], offset: ?>>
    memref.copy %0, %s : memref<?xf32> to memref<?xf32, strided<[1], offset: ?>>
  }
  soc.return
}
