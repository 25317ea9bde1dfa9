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
#long = #soc.variant<"long", precision = f32, tiles = [1], panels = [0], time_ps = 90000, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
  // Two groups shared alike: the second reads slices of what the first joins,
  // each the rows of one part. Neither engine waits for the other, although the
  // whole consists of both; and the text stays in order, although the second
  // part is there long after the first.
  // CHECK-LABEL: @alike
  // CHECK-DAG: %[[A:.*]], %{{.*}} = soc.task on "a" order 0 {{.*}}(%arg0) after()
  // CHECK-DAG: %[[Z:.*]], %{{.*}} = soc.task on "b" order 0 {{.*}}(%arg1) after()
  // CHECK-DAG: %[[B:.*]], %{{.*}} = soc.task on "b" order 1 {{.*}}(%[[Z]]) after()
  // CHECK: tensor.concat dim(0) %[[A]], %[[B]]
  // CHECK-DAG: soc.task on "a" order 1 {{.*}} after()
  // CHECK-DAG: soc.task on "b" order 2 {{.*}} after()
  func.func @alike(%x: tensor<1x8xf32>, %y: tensor<1x8xf32>) -> tensor<2x8xf32> {
    %0, %t0 = soc.task on "a" variant #ms (%x) after () : (tensor<1x8xf32>) -> tensor<1x8xf32> {
    ^bb0(%p: tensor<1x8xf32>):
      soc.yield %p : tensor<1x8xf32>
    }
    %9, %t9 = soc.task on "b" variant #long (%y) after () : (tensor<1x8xf32>) -> tensor<1x8xf32> {
    ^bb0(%p: tensor<1x8xf32>):
      soc.yield %p : tensor<1x8xf32>
    }
    %1, %t1 = soc.task on "b" variant #ms (%9) after () : (tensor<1x8xf32>) -> tensor<1x8xf32> {
    ^bb0(%p: tensor<1x8xf32>):
      soc.yield %p : tensor<1x8xf32>
    }
    %j = tensor.concat dim(0) %0, %1 : (tensor<1x8xf32>, tensor<1x8xf32>) -> tensor<2x8xf32>
    %u = tensor.extract_slice %j[0, 0] [1, 8] [1, 1] : tensor<2x8xf32> to tensor<1x8xf32>
    %v = tensor.extract_slice %j[1, 0] [1, 8] [1, 1] : tensor<2x8xf32> to tensor<1x8xf32>
    %2, %t2 = soc.task on "a" variant #ms (%u) after () : (tensor<1x8xf32>) -> tensor<1x8xf32> {
    ^bb0(%p: tensor<1x8xf32>):
      soc.yield %p : tensor<1x8xf32>
    }
    %3, %t3 = soc.task on "b" variant #ms (%v) after () : (tensor<1x8xf32>) -> tensor<1x8xf32> {
    ^bb0(%p: tensor<1x8xf32>):
      soc.yield %p : tensor<1x8xf32>
    }
    %k = tensor.concat dim(0) %2, %3 : (tensor<1x8xf32>, tensor<1x8xf32>) -> tensor<2x8xf32>
    return %k : tensor<2x8xf32>
  }

  // Rows of both parts are waited for, through a reshape too.
  // CHECK-LABEL: @across
  // CHECK-DAG: %{{.*}}, %[[T:.*]] = soc.task on "a" order 0 {{.*}}(%arg0)
  // CHECK-DAG: soc.task on "b" order 0 {{.*}}(%arg1)
  // CHECK: soc.task on "b" order 1 {{.*}} after(%[[T]])
  func.func @across(%x: tensor<1x8xf32>, %y: tensor<1x8xf32>) -> tensor<9xf32> {
    %0, %t0 = soc.task on "a" variant #ms (%x) after () : (tensor<1x8xf32>) -> tensor<1x8xf32> {
    ^bb0(%p: tensor<1x8xf32>):
      soc.yield %p : tensor<1x8xf32>
    }
    %1, %t1 = soc.task on "b" variant #ms (%y) after () : (tensor<1x8xf32>) -> tensor<1x8xf32> {
    ^bb0(%p: tensor<1x8xf32>):
      soc.yield %p : tensor<1x8xf32>
    }
    %j = tensor.concat dim(0) %0, %1 : (tensor<1x8xf32>, tensor<1x8xf32>) -> tensor<2x8xf32>
    %f = tensor.collapse_shape %j [[0, 1]] : tensor<2x8xf32> into tensor<16xf32>
    %u = tensor.extract_slice %f[7] [9] [1] : tensor<16xf32> to tensor<9xf32>
    %2, %t2 = soc.task on "b" variant #ms (%u) after () : (tensor<9xf32>) -> tensor<9xf32> {
    ^bb0(%p: tensor<9xf32>):
      soc.yield %p : tensor<9xf32>
    }
    return %2 : tensor<9xf32>
  }
}
