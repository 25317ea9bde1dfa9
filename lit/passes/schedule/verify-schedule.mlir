// RUN: tercet-opt %s --verify-schedule | FileCheck %s

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

// Orders may have gaps; within a queue no token is needed, across queues one is.
// CHECK-LABEL: @accepted
// CHECK-COUNT-3: soc.task
func.func @accepted(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0, %t = soc.task on "cpu" order 0 variant #rows (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a0: tensor<4xf32>):
    soc.yield %a0 : tensor<4xf32>
  }
  %1, %u = soc.task on "cpu" order 2 variant #rows (%0) after () : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a0: tensor<4xf32>):
    soc.yield %a0 : tensor<4xf32>
  }
  %2, %w = soc.task on "npu" order 0 variant #rows (%1) after (%u) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a0: tensor<4xf32>):
    soc.yield %a0 : tensor<4xf32>
  }
  return %2 : tensor<4xf32>
}
