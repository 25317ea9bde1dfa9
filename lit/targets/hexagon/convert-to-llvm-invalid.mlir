// RUN: tercet-opt %s --pass-pipeline='builtin.module(hexagon-convert-to-llvm)' -split-input-file --verify-diagnostics

#v = #soc.variant<"rows", precision = i8, tiles = [0], panels = [0], time_ps = 1, scratch_bytes = 0>
soc.kernel @left(%a: memref<4xi8>, %b: memref<4xi8>) attributes {engine = "npu", num_inputs = 1 : i64, variant = #v} {
  // expected-error @below {{failed to legalize operation 'nn.rescale'}}
  nn.rescale ins(%a : memref<4xi8>) outs(%b : memref<4xi8>) multiplier 9000 offset 0 shift 20 zero 3
  soc.return
}

// -----

#v = #soc.variant<"rows", precision = i8, tiles = [0], panels = [0], time_ps = 1, scratch_bytes = 0>
soc.kernel @two_grids(%a: memref<4xi8>) attributes {engine = "npu", num_inputs = 0 : i64, variant = #v} {
  // expected-note @below {{first grid here}}
  scf.forall (%i) in (4) {
  }
  // expected-error @below {{is the kernel's second grid; expected at most one}}
  scf.forall (%i) in (4) {
  }
  soc.return
}
