// RUN: tercet-opt %s --tile-assign-scratch -split-input-file --verify-diagnostics

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 128>

soc.kernel @unbounded(%a: memref<1xindex>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  %zero = arith.constant 0 : index
  %n = memref.load %a[%zero] : memref<1xindex>
  // expected-error @below {{tile-local memory of unbounded size}}
  %0 = memref.alloc(%n) : memref<?xf32>
  soc.return
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 128>

soc.kernel @blocks(%a: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  %0 = memref.alloc() : memref<4xf32>
  scf.forall (%i) = (0) to (4) step (1) {
    // expected-error @below {{tile-local memory must be allocated in one block}}
    %1 = memref.alloc() : memref<4xf32>
    memref.copy %0, %1 : memref<4xf32> to memref<4xf32>
  }
  soc.return
}
