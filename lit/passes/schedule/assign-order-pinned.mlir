// RUN: tercet-opt %s --schedule-assign-order | FileCheck %s

#figures = #soc.performance<launch_ps = 100, synchronise_ps = 1000, bandwidth_bytes_per_second = 1000000000000, cache_bytes_per_second = 0,
  operations_per_second = {}, efficiency_percent = {}>
#a = #soc.cpu<"a", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0, performance = #figures>
#b = #soc.cpu<"b", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0, performance = #figures>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#a, #b], memories = [#dram]>
#ms = #soc.variant<"ms", precision = f32, tiles = [1], panels = [0], time_ps = 900, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
  // The sequence that the text gives is kept, whatever the numbers; those
  // without one follow program order. Nothing is predicted
  // then, and what the text predicts is of another order.
  // CHECK-LABEL: @pinned(%arg0: tensor<4xf32>, %arg1: tensor<4xf32>, %arg2: tensor<4xf32>)
  // CHECK-NOT: soc.schedule
  // CHECK: soc.task on "a" order 0 variant {{.*}}(%arg1)
  // CHECK: soc.task on "a" order 1 variant {{.*}}(%arg0)
  // CHECK: soc.task on "a" order 2 variant {{.*}}(%arg2)
  func.func @pinned(%x: tensor<4xf32>, %y: tensor<4xf32>, %z: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
      attributes {soc.schedule = #soc.proof<9, lower_bound = 9, "old">} {
    %0, %t0 = soc.task on "a" order 7 start_ps 3 variant #ms (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p0: tensor<4xf32>):
      soc.yield %p0 : tensor<4xf32>
    }
    %1, %t1 = soc.task on "a" order 5 variant #ms (%y) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p0: tensor<4xf32>):
      soc.yield %p0 : tensor<4xf32>
    }
    %2, %t2 = soc.task on "a" variant #ms (%z) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p0: tensor<4xf32>):
      soc.yield %p0 : tensor<4xf32>
    }
    return %0, %1, %2 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  }

  // Each queue has a sequence of its own; tokens are added as ever, and views
  // follow what they view.
  // CHECK-LABEL: @queues
  // CHECK: %[[A:.*]], %[[T:.*]] = soc.task on "a" order 0
  // CHECK: %[[V:.*]] = tensor.expand_shape %[[A]]
  // CHECK: soc.task on "b" order 0 {{.*}}(%[[V]]) after(%[[T]])
  func.func @queues(%x: tensor<4xf32>) -> tensor<2x2xf32> {
    %0, %t0 = soc.task on "a" order 3 variant #ms (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p0: tensor<4xf32>):
      soc.yield %p0 : tensor<4xf32>
    }
    %v = tensor.expand_shape %0 [[0, 1]] output_shape [2, 2] : tensor<4xf32> into tensor<2x2xf32>
    %1, %t1 = soc.task on "b" order 3 variant #ms (%v) after () : (tensor<2x2xf32>) -> tensor<2x2xf32> {
    ^bb0(%p0: tensor<2x2xf32>):
      soc.yield %p0 : tensor<2x2xf32>
    }
    return %1 : tensor<2x2xf32>
  }
}
