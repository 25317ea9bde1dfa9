// RUN: tercet-opt %s --partition-assign-engines -split-input-file | FileCheck %s

#slow = #soc.cpu<"slow", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#fast = #soc.cpu<"fast", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#twin = #soc.cpu<"twin", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#slow, #fast, #twin], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
  // Of three engines the two with the faster clock predict the least time; the
  // earlier of them wins the tie. What became of each is said, and that no
  // placement takes less. (Softmax along the one dimension cannot be shared.)
  // CHECK-LABEL: @fastest
  // CHECK-SAME: soc.partition = #soc.proof<[[V:[0-9]+]], lower_bound = [[V]],
  // CHECK: soc.group on "fast" variant <"rows", precision = f32, tiles = [0]
  // CHECK-SAME: among [#soc.alternative<"slow", "slower", cost_ps = {{[1-9][0-9]*}}, {{[^>]*}}>,
  // CHECK-SAME: #soc.alternative<"fast", "chosen", cost_ps = [[V]], "{{[0-9.]+}} us to run, 0.000 us to move">,
  // CHECK-SAME: #soc.alternative<"twin", "tie", cost_ps = [[V]], {{.*}}>]
  func.func @fastest(%x: tensor<4096xf32>) -> tensor<4096xf32> {
    %0 = soc.group (%x) : (tensor<4096xf32>) -> tensor<4096xf32> {
    ^bb0(%y: tensor<4096xf32>):
      %e = tensor.empty() : tensor<4096xf32>
      %1 = linalg.softmax dimension(0) ins(%y : tensor<4096xf32>) outs(%e : tensor<4096xf32>) -> tensor<4096xf32>
      soc.yield %1 : tensor<4096xf32>
    }
    return %0 : tensor<4096xf32>
  }

  // An engine that the text names is kept; only its variant is chosen.
  // CHECK-LABEL: @engine_pinned
  // CHECK: soc.group on "slow" variant
  // CHECK-SAME: #soc.alternative<"slow", "chosen"
  // CHECK-SAME: #soc.alternative<"fast", "pinned", cost_ps = 0, "it is pinned to engine 'slow'">
  func.func @engine_pinned(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = soc.group on "slow" (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }

  // So is a variant.
  // CHECK-LABEL: @variant_pinned
  // CHECK: soc.group on "twin" variant <"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0> among
  func.func @variant_pinned(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = soc.group on "twin" variant #rows (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }

  // A function without groups has nothing to prove.
  // CHECK-LABEL: @no_groups(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  func.func @no_groups(%x: tensor<4xf32>) -> tensor<4xf32> {
    return %x : tensor<4xf32>
  }
}

// -----

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>

// With one engine there are no alternatives.
// CHECK-LABEL: @one_engine
// CHECK: soc.group on "cpu" variant
// CHECK-NOT: among
// CHECK: return
module attributes {soc.machine = #soc.machine<"board", workers = 1, engines = [#cpu], memories = [#dram]>} {
  func.func @one_engine(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = soc.group (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}
