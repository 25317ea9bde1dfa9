// RUN: tercet-opt %s --verify-partition | FileCheck %s

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#cpu], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

// A task on an engine of the machine is accepted.
// CHECK-LABEL: @accepted
// CHECK: soc.task on "cpu"
module attributes {soc.machine = #machine} {
  func.func @accepted(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0, %t = soc.task on "cpu" variant #rows (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}
