// RUN: tercet-opt %s --verify-partition -split-input-file --verify-diagnostics

// expected-error @below {{expected a #soc.machine}}
module {
}

// -----

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#cpu], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
  func.func @left(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error @below {{'soc.group' op is left after the partition stage}}
    %0 = soc.group (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    // expected-error @below {{machine 'board' has no engine 'npu'}}
    %1, %t = soc.task on "npu" variant #rows (%0) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    return %1 : tensor<4xf32>
  }
}

// -----

#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 1, cache_bytes_per_second = 0, operations_per_second = {}, efficiency_percent = {}>
#npu = #soc.engine<"npu", target = "vendor", kind = "npu", memories = ["dram"], performance = #figures, properties = {}>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

// Tasks in a text can name an engine that only another build can use.
module attributes {soc.machine = #soc.machine<"board", workers = 1, engines = [#npu], memories = [#dram]>} {
  func.func @absent(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error @below {{engine 'npu': its target 'vendor' is not part of this build of Tercet}}
    %0, %t = soc.task on "npu" variant #rows (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}
