// RUN: tercet-opt %s --schedule-assign-order | FileCheck %s

// Each task takes 100 + 900 ps, a token between the engines 1000.
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
  // Program order where nothing is better. On one engine a task starts when the
  // one before it has ended.
  // CHECK-LABEL: @program_order
  // CHECK-SAME: soc.schedule = #soc.proof<2000, lower_bound = 2000,
  // CHECK: soc.task on "a" order 0 start_ps 0
  // CHECK: soc.task on "a" order 1 start_ps 1000
  func.func @program_order(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0, %t0 = soc.task on "a" variant #ms (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p0: tensor<4xf32>):
      soc.yield %p0 : tensor<4xf32>
    }
    %1, %t1 = soc.task on "a" variant #ms (%0) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p0: tensor<4xf32>):
      soc.yield %p0 : tensor<4xf32>
    }
    return %1 : tensor<4xf32>
  }

  // Each engine counts for itself; the reader on another engine waits for the
  // writer's token and starts that much later, the reader on the same does not.
  // CHECK-LABEL: @tokens
  // CHECK-SAME: soc.schedule = #soc.proof<3000, lower_bound = 3000,
  // CHECK: %[[A:.*]], %[[T:.*]] = soc.task on "a" order 0 start_ps 0 {{.*}}(%arg0) after()
  // CHECK-DAG: soc.task on "b" order 0 start_ps 2000 {{.*}}(%[[A]]) after(%[[T]])
  // CHECK-DAG: soc.task on "a" order 1 start_ps 1000 {{.*}}(%[[A]]) after()
  func.func @tokens(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
    %0, %t0 = soc.task on "a" variant #ms (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p0: tensor<4xf32>):
      soc.yield %p0 : tensor<4xf32>
    }
    %1, %t1 = soc.task on "b" variant #ms (%0) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p0: tensor<4xf32>):
      soc.yield %p0 : tensor<4xf32>
    }
    %2, %t2 = soc.task on "a" variant #ms (%0) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p0: tensor<4xf32>):
      soc.yield %p0 : tensor<4xf32>
    }
    return %1, %2 : tensor<4xf32>, tensor<4xf32>
  }

  // Engines run at the same time: what the other engine waits for goes first,
  // although it stands last.
  // CHECK-LABEL: @overlap
  // CHECK-SAME: soc.schedule = #soc.proof<3000, lower_bound = 3000,
  // CHECK: %[[P:.*]], %[[T:.*]] = soc.task on "a" order 0 start_ps 0 {{.*}}(%arg1)
  // CHECK-DAG: soc.task on "a" order 1 start_ps 1000 {{.*}}(%arg0)
  // CHECK-DAG: soc.task on "b" order 0 start_ps 2000 {{.*}}(%[[P]]) after(%[[T]])
  func.func @overlap(%x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
    %0, %t0 = soc.task on "a" variant #ms (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p0: tensor<4xf32>):
      soc.yield %p0 : tensor<4xf32>
    }
    %1, %t1 = soc.task on "a" variant #ms (%y) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p0: tensor<4xf32>):
      soc.yield %p0 : tensor<4xf32>
    }
    %2, %t2 = soc.task on "b" variant #ms (%1) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p0: tensor<4xf32>):
      soc.yield %p0 : tensor<4xf32>
    }
    return %0, %2 : tensor<4xf32>, tensor<4xf32>
  }

  // A token in the text is kept, also where nothing is read; no second one is
  // added for the same task.
  // CHECK-LABEL: @given_tokens
  // CHECK: %[[A:.*]], %[[T:.*]] = soc.task on "a"
  // CHECK: soc.task on "b" order 0 start_ps 2000 {{.*}}(%[[A]]) after(%[[T]])
  // CHECK: soc.task on "b" order 1 start_ps 3000 {{.*}}(%arg0) after(%[[T]])
  func.func @given_tokens(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
    %0, %t0 = soc.task on "a" variant #ms (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p0: tensor<4xf32>):
      soc.yield %p0 : tensor<4xf32>
    }
    %1, %t1 = soc.task on "b" variant #ms (%0) after (%t0) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p0: tensor<4xf32>):
      soc.yield %p0 : tensor<4xf32>
    }
    %2, %t2 = soc.task on "b" variant #ms (%x) after (%t0) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p0: tensor<4xf32>):
      soc.yield %p0 : tensor<4xf32>
    }
    return %1, %2 : tensor<4xf32>, tensor<4xf32>
  }

  // A function without tasks has nothing to prove.
  // CHECK-LABEL: @no_tasks(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  func.func @no_tasks(%x: tensor<4xf32>) -> tensor<4xf32> {
    return %x : tensor<4xf32>
  }
}
