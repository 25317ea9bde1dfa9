// RUN: tercet-opt %s '--partition-assign-pins=pins=MatMul,=a,MatMul=,Mat\=a,MatMul=npu,Conv*=a' --verify-diagnostics

#a = #soc.cpu<"a", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#b = #soc.cpu<"b", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#a, #b], memories = [#dram]>

// All pins that are wrong are reported at once: no engine, no pattern, an
// escape of nothing, an engine that the machine lacks, a pattern without nodes.
// expected-error @below {{--pin: expected PATTERN=ENGINE, got 'MatMul'}}
// expected-error @below {{--pin: expected PATTERN=ENGINE, got '=a'}}
// expected-error @below {{--pin: expected PATTERN=ENGINE, got 'MatMul='}}
// expected-error @below {{--pin: 'Mat\' is no pattern}}
// expected-error @below {{--pin MatMul=npu: machine 'board' has no engine 'npu'; try --print-soc to see its engines}}
// expected-error @below {{--pin Conv*=a: no node has a name that matches; try --stop-after graph to see the names}}
module attributes {soc.machine = #machine} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = soc.group (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    } loc("MatMul")
    return %0 : tensor<4xf32>
  }
}
