// RUN: tercet-opt %s --partition-assign-engines -split-input-file | FileCheck %s

// A launch takes 700 ps less on b; a token from one engine to the other takes 1000.
#figures_a = #soc.performance<launch_ps = 1000, synchronise_ps = 1000, bandwidth_bytes_per_second = 1000000000000, cache_bytes_per_second = 0,
  operations_per_second = {}, efficiency_percent = {}>
#figures_b = #soc.performance<launch_ps = 300, synchronise_ps = 1000, bandwidth_bytes_per_second = 1000000000000, cache_bytes_per_second = 0,
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
  // By itself the second group is cheaper on b. It stays beside its producer,
  // since waiting costs more than it gains.
  // CHECK-LABEL: @beside
  // CHECK-SAME: #soc.proof<22000, lower_bound = 22000
  // CHECK: soc.group on "a"
  // CHECK: soc.group on "a" {{.*}}#soc.alternative<"b", "transfer", cost_ps = 11300,
  func.func @beside(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = soc.group on "a" variant #one (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    %1 = soc.group variant #one (%0) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    return %1 : tensor<4xf32>
  }

  // Two readers gain 1400 on b and wait once, whatever they read of the tensor:
  // 11000 + 1000 + 2 * 10300.
  // CHECK-LABEL: @once
  // CHECK-SAME: #soc.proof<32600, lower_bound = 32600
  // CHECK: soc.group on "a"
  // CHECK: soc.group on "b"
  // CHECK: soc.group on "b"
  func.func @once(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = soc.group on "a" variant #one (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    %1 = soc.group variant #one (%0) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    %2 = soc.group variant #two (%0, %1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>, %z: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    return %2 : tensor<4xf32>
  }
}

// -----

#slow_caches = #soc.performance<launch_ps = 0, synchronise_ps = 1000, bandwidth_bytes_per_second = 1000000000000, cache_bytes_per_second = 500000000000,
  operations_per_second = {}, efficiency_percent = {}>
#coherent = #soc.performance<launch_ps = 0, synchronise_ps = 3000, bandwidth_bytes_per_second = 1000000000000, cache_bytes_per_second = 0,
  operations_per_second = {}, efficiency_percent = {}>
#a = #soc.cpu<"a", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0, performance = #slow_caches>
#b = #soc.cpu<"b", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0, performance = #coherent>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#one = #soc.variant<"one", precision = f32, tiles = [0], panels = [0], time_ps = 10000, scratch_bytes = 0>

// 1024 bytes to b: its token, 3000; cleaning the caches of a, 2 ps a byte. Of a
// slice of half of it only 512 bytes count.
module attributes {soc.machine = #soc.machine<"board", workers = 1, engines = [#a, #b], memories = [#dram]>} {
  // CHECK-LABEL: @whole
  // CHECK-SAME: #soc.proof<25048, lower_bound = 25048
  func.func @whole(%x: tensor<256xf32>) -> tensor<256xf32> {
    %0 = soc.group on "a" variant #one (%x) : (tensor<256xf32>) -> tensor<256xf32> {
    ^bb0(%y: tensor<256xf32>):
      soc.yield %y : tensor<256xf32>
    }
    %1 = soc.group on "b" variant #one (%0) : (tensor<256xf32>) -> tensor<256xf32> {
    ^bb0(%y: tensor<256xf32>):
      soc.yield %y : tensor<256xf32>
    }
    return %1 : tensor<256xf32>
  }

  // CHECK-LABEL: @slice
  // CHECK-SAME: #soc.proof<24024, lower_bound = 24024
  func.func @slice(%x: tensor<256xf32>) -> tensor<128xf32> {
    %0 = soc.group on "a" variant #one (%x) : (tensor<256xf32>) -> tensor<256xf32> {
    ^bb0(%y: tensor<256xf32>):
      soc.yield %y : tensor<256xf32>
    }
    %v = tensor.extract_slice %0[64] [128] [1] : tensor<256xf32> to tensor<128xf32>
    %1 = soc.group on "b" variant #one (%v) : (tensor<128xf32>) -> tensor<128xf32> {
    ^bb0(%y: tensor<128xf32>):
      soc.yield %y : tensor<128xf32>
    }
    return %1 : tensor<128xf32>
  }
}
