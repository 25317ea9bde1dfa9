// RUN: tercet-opt %s --verify-tile | FileCheck %s

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 64>

// CHECK-LABEL: @accepted
func.func @accepted(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0, %t = soc.task on "cpu" variant #rows (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %e = tensor.empty() : tensor<4xf32>
    %1 = soc.call @kernel ins(%a : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
    soc.yield %1 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows, scratch_bytes = 64 : i64} {
  scf.forall (%i) = (0) to (4) step (1) {
  }
  soc.return
}
