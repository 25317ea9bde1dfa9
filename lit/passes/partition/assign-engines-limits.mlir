// RUN: tercet-opt %s --partition-assign-engines -split-input-file | FileCheck %s

#costly = #soc.performance<launch_ps = 9000, synchronise_ps = 1000, bandwidth_bytes_per_second = 1000000000000, cache_bytes_per_second = 0,
  operations_per_second = {}, efficiency_percent = {}>
#cheap = #soc.performance<launch_ps = 0, synchronise_ps = 1000, bandwidth_bytes_per_second = 1000000000000, cache_bytes_per_second = 0,
  operations_per_second = {}, efficiency_percent = {}>
#a = #soc.cpu<"a", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0, performance = #costly>
#b = #soc.cpu<"b", memory = "tcm", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0, performance = #cheap>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#tcm = #soc.memory<"tcm", bytes = 1000, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#a, #b], memories = [#dram, #tcm]>
#small = #soc.variant<"small", precision = f32, tiles = [0], panels = [0], time_ps = 10000, scratch_bytes = 0, resident_bytes = 400>
#large = #soc.variant<"large", precision = f32, tiles = [0], panels = [0], time_ps = 10000, scratch_bytes = 0, resident_bytes = 600>
#excess = #soc.variant<"excess", precision = f32, tiles = [0], panels = [0], time_ps = 10000, scratch_bytes = 0, resident_bytes = 601>

module attributes {soc.machine = #machine} {
  // All 1000 bytes of the cheaper engine's memory may be taken by weights.
  // CHECK-LABEL: @fits
  // CHECK: soc.group on "b"
  // CHECK: soc.group on "b"
  func.func @fits(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = soc.group on "b" variant #small (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    %1 = soc.group variant #large (%0) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    return %1 : tensor<4xf32>
  }

  // One byte more, and the second group goes to the dearer engine.
  // CHECK-LABEL: @excess
  // CHECK: soc.group on "b"
  // CHECK: soc.group on "a" {{.*}}#soc.alternative<"b", "limit", cost_ps = 0, "its weights do not fit the memory beside what else is there">
  func.func @excess(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = soc.group on "b" variant #small (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    %1 = soc.group variant #excess (%0) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    return %1 : tensor<4xf32>
  }
}

// -----

#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 1, cache_bytes_per_second = 0,
  operations_per_second = {}, efficiency_percent = {}>
#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#npu = #soc.engine<"npu", target = "vendor", kind = "npu", memories = ["dram"], performance = #figures, properties = {}>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>

// An engine whose target is neither built in nor loaded is left out.
// CHECK-LABEL: @absent
// CHECK: soc.group on "cpu"
// CHECK-SAME: #soc.alternative<"npu", "absent", cost_ps = 0, "its target 'vendor' is not part of this build of Tercet">
module attributes {soc.machine = #soc.machine<"board", workers = 1, engines = [#npu, #cpu], memories = [#dram]>} {
  func.func @absent(%x: tensor<64x64xf32>) -> tensor<64x64xf32> {
    %0 = soc.group (%x) : (tensor<64x64xf32>) -> tensor<64x64xf32> {
    ^bb0(%y: tensor<64x64xf32>):
      %e = tensor.empty() : tensor<64x64xf32>
      %1 = linalg.exp ins(%y : tensor<64x64xf32>) outs(%e : tensor<64x64xf32>) -> tensor<64x64xf32>
      soc.yield %1 : tensor<64x64xf32>
    }
    return %0 : tensor<64x64xf32>
  }
}
