// RUN: tercet-opt %s --verify-tile -split-input-file --verify-diagnostics

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 64>

soc.kernel @tensor(%a: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows, scratch_bytes = 0 : i64} {
  // expected-error @below {{still computes a tensor after the tile stage}}
  %0 = tensor.empty() : tensor<4xf32>
  soc.return
}
// expected-error @below {{does not say how much scratch it needs}}
soc.kernel @unknown(%a: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}
// expected-error @below {{needs 128 bytes of scratch where variant 'rows' promised 64}}
soc.kernel @scratch(%a: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows, scratch_bytes = 128 : i64} {
  soc.return
}
// expected-error @below {{has 2 grids, expected one at most}}
soc.kernel @grids(%a: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows, scratch_bytes = 0 : i64} {
  scf.forall (%i) = (0) to (4) step (1) {
  }
  scf.forall (%i) = (0) to (4) step (1) {
  }
  soc.return
}
soc.kernel @rank(%a: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows, scratch_bytes = 0 : i64} {
  // expected-error @below {{expected a grid of at most three dimensions and constant bounds}}
  scf.forall (%i, %j, %k, %l) = (0, 0, 0, 0) to (4, 4, 4, 4) step (1, 1, 1, 1) {
  }
  soc.return
}
func.func @no_call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{is not one call of a kernel after the tile stage}}
  %0, %t = soc.task on "cpu" variant #rows (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    soc.yield %a : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}
