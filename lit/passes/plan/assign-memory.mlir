// RUN: tercet-opt %s --plan-assign-memory -split-input-file | FileCheck %s

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 2, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 2, engines = [#cpu], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>

// A chain of three: the last writes the output itself; the second takes other
// memory than the first, whose bytes it still reads. Names come from nn.name,
// where there is one.
// CHECK-LABEL: cmd.entry @chain
// CHECK: %[[X:.*]] = cmd.input 0 "x" : tensor<32xf32>
// CHECK: %[[Y:.*]] = cmd.output 0 "output0" : tensor<32xf32>
// CHECK: %[[A:.*]] = cmd.buffer @arena[{{0|128}} for 128]
// CHECK: %[[B:.*]] = cmd.buffer @arena[{{0|128}} for 128]
// CHECK: cmd.dispatch @copy on "cpu"(%[[X]], %[[A]]) offsets [0, 0] bytes [128, 128] grid [1, 1, 1] predicted_ps 5
// CHECK: cmd.dispatch @copy on "cpu"(%[[A]], %[[B]])
// CHECK: cmd.dispatch @copy on "cpu"(%[[B]], %[[Y]])
// CHECK: cmd.pool @arena arena in "dram" bytes 256 alignment 64 lower_bound 256
// CHECK-NOT: cmd.pool @weights
module attributes {soc.machine = #machine} {
  soc.kernel @copy(%a0: memref<32xf32>, %a1: memref<32xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
    soc.return
  }
  func.func @chain(%x: tensor<32xf32> {nn.name = "x"}) -> tensor<32xf32> {
    %0, %t = soc.task on "cpu" order 0 variant #rows (%x) after () : (tensor<32xf32>) -> tensor<32xf32> {
    ^bb0(%p0: tensor<32xf32>):
      %e = tensor.empty() : tensor<32xf32>
      %r = soc.call @copy ins(%p0 : tensor<32xf32>) outs(%e : tensor<32xf32>) -> tensor<32xf32>
      soc.yield %r : tensor<32xf32>
    }
    %1, %u = soc.task on "cpu" order 1 variant #rows (%0) after () : (tensor<32xf32>) -> tensor<32xf32> {
    ^bb0(%p0: tensor<32xf32>):
      %e = tensor.empty() : tensor<32xf32>
      %r = soc.call @copy ins(%p0 : tensor<32xf32>) outs(%e : tensor<32xf32>) -> tensor<32xf32>
      soc.yield %r : tensor<32xf32>
    }
    %2, %v = soc.task on "cpu" order 2 variant #rows (%1) after () : (tensor<32xf32>) -> tensor<32xf32> {
    ^bb0(%p0: tensor<32xf32>):
      %e = tensor.empty() : tensor<32xf32>
      %r = soc.call @copy ins(%p0 : tensor<32xf32>) outs(%e : tensor<32xf32>) -> tensor<32xf32>
      soc.yield %r : tensor<32xf32>
    }
    return %2 : tensor<32xf32>
  }
}

// -----

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 2, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 2, engines = [#cpu], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>

// The same with a kernel that works in place: one buffer of 128 bytes is enough.
// CHECK-LABEL: cmd.entry @in_place
// CHECK: cmd.buffer @arena[0 for 128]
// CHECK: cmd.buffer @arena[0 for 128]
// CHECK: cmd.pool @arena arena in "dram" bytes 128
module attributes {soc.machine = #machine} {
  soc.kernel @exp(%a0: memref<32xf32>, %a1: memref<32xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows, in_place = array<i64: 0>} {
    soc.return
  }
  func.func @in_place(%x: tensor<32xf32>) -> tensor<32xf32> {
    %0, %t = soc.task on "cpu" order 0 variant #rows (%x) after () : (tensor<32xf32>) -> tensor<32xf32> {
    ^bb0(%p0: tensor<32xf32>):
      %e = tensor.empty() : tensor<32xf32>
      %r = soc.call @exp ins(%p0 : tensor<32xf32>) outs(%e : tensor<32xf32>) -> tensor<32xf32>
      soc.yield %r : tensor<32xf32>
    }
    %1, %u = soc.task on "cpu" order 1 variant #rows (%0) after () : (tensor<32xf32>) -> tensor<32xf32> {
    ^bb0(%p0: tensor<32xf32>):
      %e = tensor.empty() : tensor<32xf32>
      %r = soc.call @exp ins(%p0 : tensor<32xf32>) outs(%e : tensor<32xf32>) -> tensor<32xf32>
      soc.yield %r : tensor<32xf32>
    }
    %2, %v = soc.task on "cpu" order 2 variant #rows (%1) after () : (tensor<32xf32>) -> tensor<32xf32> {
    ^bb0(%p0: tensor<32xf32>):
      %e = tensor.empty() : tensor<32xf32>
      %r = soc.call @exp ins(%p0 : tensor<32xf32>) outs(%e : tensor<32xf32>) -> tensor<32xf32>
      soc.yield %r : tensor<32xf32>
    }
    return %2 : tensor<32xf32>
  }
}
