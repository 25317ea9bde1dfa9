// RUN: tercet-opt %s --plan-assign-memory | FileCheck %s

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 2, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#cpu], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>

// A part of a concatenation that a task computes is computed in its place; an
// input is copied there. A slice is read where it lies.
// CHECK-LABEL: cmd.entry @join
// CHECK: %[[X:.*]] = cmd.input 0 "x"
// CHECK: %[[Y:.*]] = cmd.output 0
// CHECK: %[[J:.*]] = cmd.buffer @arena[0 for 96]
// CHECK: cmd.dispatch @small on "cpu"(%[[X]], %[[J]]) offsets [0, 0] bytes [32, 32]
// CHECK: cmd.copy %[[X]][0] to %[[J]][32] bytes 32
// CHECK: cmd.copy %[[J]][0] to %[[J]][64] bytes 32
// CHECK: cmd.dispatch @small on "cpu"(%[[J]], %[[Y]]) offsets [64, 0] bytes [32, 32]
// CHECK: cmd.pool @arena arena in "dram" bytes 128
module attributes {soc.machine = #machine} {
  soc.kernel @small(%a0: memref<1x8xf32>, %a1: memref<1x8xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
    soc.return
  }
  func.func @join(%x: tensor<1x8xf32> {nn.name = "x"}) -> tensor<1x8xf32> {
    %0, %t = soc.task on "cpu" order 0 variant #rows (%x) after () : (tensor<1x8xf32>) -> tensor<1x8xf32> {
    ^bb0(%p: tensor<1x8xf32>):
      %e = tensor.empty() : tensor<1x8xf32>
      %r = soc.call @small ins(%p : tensor<1x8xf32>) outs(%e : tensor<1x8xf32>) -> tensor<1x8xf32>
      soc.yield %r : tensor<1x8xf32>
    }
    %1 = tensor.concat dim(0) %0, %x, %0 : (tensor<1x8xf32>, tensor<1x8xf32>, tensor<1x8xf32>) -> tensor<3x8xf32>
    %2 = tensor.extract_slice %1[2, 0] [1, 8] [1, 1] : tensor<3x8xf32> to tensor<1x8xf32>
    %3, %u = soc.task on "cpu" order 1 variant #rows (%2) after () : (tensor<1x8xf32>) -> tensor<1x8xf32> {
    ^bb0(%p: tensor<1x8xf32>):
      %e = tensor.empty() : tensor<1x8xf32>
      %r = soc.call @small ins(%p : tensor<1x8xf32>) outs(%e : tensor<1x8xf32>) -> tensor<1x8xf32>
      soc.yield %r : tensor<1x8xf32>
    }
    return %3 : tensor<1x8xf32>
  }
}
