// RUN: tercet-opt %s --partition-assign-engines | FileCheck %s

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#fast = #soc.cpu<"fast", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#twin = #soc.cpu<"twin", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#cpu, #fast, #twin], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
  // Of three engines the two with the faster clock predict the least time; the
  // earlier of them wins the tie.
  // CHECK-LABEL: @fastest
  // CHECK: soc.group on "fast" variant
  func.func @fastest(%x: tensor<4096xf32>) -> tensor<4096xf32> {
    %0 = soc.group (%x) : (tensor<4096xf32>) -> tensor<4096xf32> {
    ^bb0(%y: tensor<4096xf32>):
      %e = tensor.empty() : tensor<4096xf32>
      %1 = linalg.exp ins(%y : tensor<4096xf32>) outs(%e : tensor<4096xf32>) -> tensor<4096xf32>
      soc.yield %1 : tensor<4096xf32>
    }
    return %0 : tensor<4096xf32>
  }

  // An engine that the text names is kept; only its variant is chosen.
  // CHECK-LABEL: @engine_pinned
  // CHECK: soc.group on "cpu" variant
  func.func @engine_pinned(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = soc.group on "cpu" (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }

  // So is a variant.
  // CHECK-LABEL: @variant_pinned
  // CHECK: soc.group on "twin" variant <"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>(%arg0)
  func.func @variant_pinned(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = soc.group on "twin" variant #rows (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}
