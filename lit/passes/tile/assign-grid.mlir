// RUN: tercet-opt %s --tile-assign-grid | FileCheck %s

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 128>

// The last dimension is x; a tile that is cut off at the end counts.
// CHECK-LABEL: soc.kernel @two
// CHECK-SAME: grid = array<i64: 3, 4, 1>
soc.kernel @two(%a: memref<16x16xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  scf.forall (%i, %j) = (0, 0) to (16, 16) step (4, 7) {
  }
  soc.return
}

// CHECK-LABEL: soc.kernel @three
// CHECK-SAME: grid = array<i64: 2, 3, 5>
soc.kernel @three(%a: memref<16x16xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  scf.forall (%i, %j, %k) = (0, 0, 0) to (5, 3, 2) step (1, 1, 1) {
  }
  soc.return
}

// Without a loop the kernel is one tile; a loop inside of a tile is no grid.
// CHECK-LABEL: soc.kernel @none
// CHECK-SAME: grid = array<i64: 1, 1, 1>
soc.kernel @none(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  memref.copy %a, %b : memref<4xf32> to memref<4xf32>
  soc.return
}
