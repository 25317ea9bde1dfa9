// RUN: tercet-opt %s '--partition-verify-requirements=engines=*MatMul=b forbid-fallback' | FileCheck %s

#a = #soc.cpu<"a", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#b = #soc.cpu<"b", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#a, #b], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

// On the engine that is required; elsewhere because that costs less, which is
// no fallback; and on any engine where nothing is required. Shares on one
// engine are on that engine. Nothing is changed.
// CHECK-LABEL: @accepted
// CHECK: soc.group on "b"
// CHECK: soc.group shares [#soc.share<"b"
// CHECK: soc.group on "a"
module attributes {soc.machine = #machine} {
  func.func @accepted(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = soc.group on "b" variant #rows among [#soc.alternative<"a", "slower", cost_ps = 2000000, "it takes longer there">, #soc.alternative<"b", "chosen", cost_ps = 1000000, "">] (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    } loc("enc/MatMul"("MatMul"))
    %1 = soc.group shares [#soc.share<"b", begin = 0, size = 2, variant = #rows>, #soc.share<"b", begin = 2, size = 2, variant = #rows>] (%0) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    } loc("enc/MatMul"("MatMul"))
    %2 = soc.group on "a" variant #rows (%1) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    } loc("enc/Add"("Add"))
    return %2 : tensor<4xf32>
  }
}
