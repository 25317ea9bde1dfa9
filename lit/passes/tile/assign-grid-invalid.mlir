// RUN: tercet-opt %s --tile-assign-grid -split-input-file --verify-diagnostics

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 128>

soc.kernel @second(%a: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  // expected-note @below {{first grid here}}
  scf.forall (%i) = (0) to (4) step (1) {
  }
  // expected-error @below {{is the kernel's second grid; expected at most one}}
  scf.forall (%i) = (0) to (4) step (1) {
  }
  soc.return
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 128>

soc.kernel @rank(%a: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  // expected-error @below {{has 4 dimensions; a grid has at most 3}}
  scf.forall (%i, %j, %k, %l) = (0, 0, 0, 0) to (4, 4, 4, 4) step (1, 1, 1, 1) {
  }
  soc.return
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 128>

soc.kernel @tensors(%a: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  %0 = tensor.empty() : tensor<4xf32>
  // expected-error @below {{expected a forall on memrefs, without results}}
  %1 = scf.forall (%i) = (0) to (4) step (1) shared_outs(%o = %0) -> (tensor<4xf32>) {
  }
  soc.return
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 128>

// Each worker runs the kernel for its tiles: what stands beside the grid would
// run for every one of them.
soc.kernel @beside(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  // expected-error @below {{would run once a tile; expected nothing beside the grid}}
  memref.copy %a, %b : memref<4xf32> to memref<4xf32>
  // expected-note @below {{grid here}}
  scf.forall (%i) = (0) to (4) step (1) {
  }
  soc.return
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 128>

soc.kernel @dynamic(%a: memref<1xindex>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  %zero = arith.constant 0 : index
  %four = arith.constant 4 : index
  %n = memref.dim %a, %zero : memref<1xindex>
  // expected-error @below {{expected constant bounds of the grid's dimension 0}}
  scf.forall (%i) = (0) to (%n) step (1) {
  }
  soc.return
}
