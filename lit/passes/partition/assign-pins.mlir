// RUN: tercet-opt %s '--partition-assign-pins=pins=*MatMul*=a,enc/0*=b' | FileCheck %s

#a = #soc.cpu<"a", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#b = #soc.cpu<"b", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#a, #b], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
  // Patterns see the names of source nodes, also within fused locations, and
  // later ones win.
  // CHECK-LABEL: @names
  // CHECK: soc.group on "a"
  // CHECK: soc.group on "b"
  // CHECK: soc.group on "b"
  func.func @names(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = soc.group (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    } loc("enc/1/MatMul"("MatMul"))
    %1 = soc.group (%0) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    } loc("enc/0/MatMul"("MatMul"))
    %2 = soc.group (%1) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    } loc(fused["head"("Add"), "enc/0/Add"("Add")])
    return %2 : tensor<4xf32>
  }

  // What no pattern matches stays undecided.
  // CHECK-LABEL: @unmatched
  // CHECK: soc.group(%arg0)
  func.func @unmatched(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = soc.group (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    } loc("enc/1/Add"("Add"))
    return %0 : tensor<4xf32>
  }

  // The text's own word stands: a variant and shares are more than a pin. An
  // engine alone is a pin like the others.
  // CHECK-LABEL: @decided
  // CHECK: soc.group on "b" variant
  // CHECK: soc.group shares [#soc.share<"a"
  // CHECK: soc.group on "a"(
  func.func @decided(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = soc.group on "b" variant #rows (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    } loc("enc/1/MatMul"("MatMul"))
    %1 = soc.group shares [#soc.share<"a", begin = 0, size = 4, variant = #rows>] (%0) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    } loc("enc/0/MatMul"("MatMul"))
    %2 = soc.group on "b" (%1) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    } loc("enc/1/MatMul"("MatMul"))
    return %2 : tensor<4xf32>
  }
}
