// RUN: tercet-opt %s --schedule-assign-order | FileCheck %s

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

// Program order where nothing is better.
// CHECK-LABEL: @program_order
// CHECK: soc.task on "cpu" order 0
// CHECK: soc.task on "cpu" order 1
func.func @program_order(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0, %t = soc.task on "cpu" variant #rows (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a0: tensor<4xf32>):
    soc.yield %a0 : tensor<4xf32>
  }
  %1, %u = soc.task on "cpu" variant #rows (%0) after () : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a0: tensor<4xf32>):
    soc.yield %a0 : tensor<4xf32>
  }
  return %1 : tensor<4xf32>
}

// An order that the text gives is kept, and the others follow.
// CHECK-LABEL: @pinned
// CHECK: soc.task on "cpu" order 5
// CHECK: soc.task on "cpu" order 6
func.func @pinned(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0, %t = soc.task on "cpu" order 5 variant #rows (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a0: tensor<4xf32>):
    soc.yield %a0 : tensor<4xf32>
  }
  %1, %u = soc.task on "cpu" variant #rows (%0) after () : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a0: tensor<4xf32>):
    soc.yield %a0 : tensor<4xf32>
  }
  return %1 : tensor<4xf32>
}

// Each engine counts for itself; the reader on another engine waits for the
// writer's token, the reader on the same does not.
// CHECK-LABEL: @tokens
// CHECK: %[[A:.*]], %[[T:.*]] = soc.task on "cpu" order 0 {{.*}}(%arg0) after()
// CHECK: soc.task on "npu" order 0 {{.*}}(%[[A]]) after(%[[T]])
// CHECK: soc.task on "cpu" order 1 {{.*}}(%[[A]]) after()
func.func @tokens(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0, %t = soc.task on "cpu" variant #rows (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a0: tensor<4xf32>):
    soc.yield %a0 : tensor<4xf32>
  }
  %1, %u = soc.task on "npu" variant #rows (%0) after () : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a0: tensor<4xf32>):
    soc.yield %a0 : tensor<4xf32>
  }
  %2, %v = soc.task on "cpu" variant #rows (%0) after () : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a0: tensor<4xf32>):
    soc.yield %a0 : tensor<4xf32>
  }
  return %1, %2 : tensor<4xf32>, tensor<4xf32>
}
