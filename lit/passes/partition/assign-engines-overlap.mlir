// RUN: tercet-opt %s --partition-assign-engines | FileCheck %s

#figures_a = #soc.performance<launch_ps = 1000, synchronise_ps = 1000, bandwidth_bytes_per_second = 1000000000000, cache_bytes_per_second = 0,
  operations_per_second = {}, efficiency_percent = {}>
#figures_b = #soc.performance<launch_ps = 1000, synchronise_ps = 1000, bandwidth_bytes_per_second = 1000000000000, cache_bytes_per_second = 0,
  operations_per_second = {}, efficiency_percent = {}>
#a = #soc.cpu<"a", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0, performance = #figures_a>
#b = #soc.cpu<"b", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0, performance = #figures_b>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#a, #b], memories = [#dram]>
#one = #soc.variant<"one", precision = f32, tiles = [0], panels = [0], time_ps = 10000, scratch_bytes = 0>
#two = #soc.variant<"two", precision = f32, tiles = [0], panels = [0, 0], time_ps = 10000, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
  // One engine alone takes least time in all, but two branches at once end
  // sooner: the proof is that of the serial time, and the engine that was not
  // taken for the second branch is said to be busy.
  // CHECK-LABEL: @branches
  // CHECK-SAME: #soc.proof<33000, lower_bound = 33000, "{{.*}}; serial time, before overlap">
  // CHECK: soc.group on "[[ONE:a|b]]"
  // CHECK-NOT: soc.group on "[[ONE]]"
  // CHECK: soc.group on "{{a|b}}" variant <"one"
  // CHECK-SAME: #soc.alternative<"[[ONE]]", "overlap",
  // CHECK: soc.group on "[[ONE]]" variant <"two"
  func.func @branches(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = soc.group variant #one (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    %1 = soc.group variant #one (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    %2 = soc.group variant #two (%0, %1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>, %z: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    return %2 : tensor<4xf32>
  }

  // In a chain nothing can overlap.
  // CHECK-LABEL: @chain
  // CHECK-SAME: #soc.proof<22000, lower_bound = 22000, "{{[^,]*}}">
  // CHECK: soc.group on "a"
  // CHECK: soc.group on "a"
  func.func @chain(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = soc.group variant #one (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    %1 = soc.group variant #one (%0) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    return %1 : tensor<4xf32>
  }
}
