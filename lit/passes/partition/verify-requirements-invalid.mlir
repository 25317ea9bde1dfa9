// RUN: tercet-opt %s '--partition-verify-requirements=engines=*MatMul=b forbid-fallback' -split-input-file --verify-diagnostics

#a = #soc.cpu<"a", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#b = #soc.cpu<"b", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#a, #b], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
  func.func @elsewhere(%x: tensor<4xf32>) -> tensor<4xf32> {
    // Where it runs, where it has to, and why it does not: costs in
    // microseconds where there are any.
    // expected-error @unknown {{runs on 'a', and is required to run on 'b'}}
    // expected-note @unknown {{engine 'a': chosen, 2 us}}
    // expected-note @unknown {{engine 'b': slower, 3 us, it takes longer there}}
    %0 = soc.group on "a" variant #rows among [#soc.alternative<"a", "chosen", cost_ps = 1500000, "">, #soc.alternative<"b", "slower", cost_ps = 3000000, "it takes longer there">] (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    } loc("MatMul")
    // A share on another engine is not on the one required.
    // expected-error @unknown {{runs on 'a' and 'b', and is required to run on 'b'}}
    %1 = soc.group shares [#soc.share<"a", begin = 0, size = 2, variant = #rows>, #soc.share<"b", begin = 2, size = 2, variant = #rows>] (%0) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    } loc("MatMul")
    // Fallback is forbidden, whatever the name.
    // expected-error @unknown {{falls back to 'a', since engine 'b' does not run it: no elements of type i4; try without --forbid-fallback}}
    %2 = soc.group on "a" variant #rows among [#soc.alternative<"a", "chosen", cost_ps = 1, "">, #soc.alternative<"b", "unsupported", cost_ps = 0, "no elements of type i4">] (%1) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    } loc("Cast")
    // expected-error @unknown {{falls back to 'a', since engine 'b' does not run it: its target is not built}}
    %3 = soc.group on "a" variant #rows among [#soc.alternative<"a", "chosen", cost_ps = 1, "">, #soc.alternative<"b", "absent", cost_ps = 0, "its target is not built">] (%2) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    } loc("Cast")
    return %3 : tensor<4xf32>
  }
}

// -----

#a = #soc.cpu<"a", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#b = #soc.cpu<"b", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#a, #b], memories = [#dram]>

// A requirement of nothing is a mistake in the name.
// expected-error @below {{--require-engine *MatMul=b: no node has a name that matches}}
module attributes {soc.machine = #machine} {
}

// -----

#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>

// expected-error @below {{--require-engine *MatMul=b: machine 'board' has no engine 'b'}}
module attributes {soc.machine = #soc.machine<"board", workers = 1, engines = [], memories = [#dram]>} {
}
