// RUN: tercet-opt %s --tile-outline-kernels | FileCheck %s

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

// A task that yields its input is a copy. The file has no operation on tensors,
// so the pass has to load what it builds.
// CHECK: soc.call @copy ins
// CHECK: soc.kernel @copy(
// CHECK: bufferization.materialize_in_destination
func.func @same(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0, %t = soc.task on "cpu" variant #rows (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    soc.yield %a : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}
