// RUN: tercet-opt %s --plan-assign-memory -split-input-file | FileCheck %s

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 2, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 2, engines = [#cpu], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>

// An input that is read again later keeps its memory; so does one that a task
// reads twice. The application's own input is never overwritten.
// CHECK-LABEL: cmd.entry @alive
// CHECK: cmd.pool @arena arena in "dram" bytes 256
module attributes {soc.machine = #machine} {
  soc.kernel @add(%a0: memref<32xf32>, %a1: memref<32xf32>, %a2: memref<32xf32>) attributes {engine = "cpu", num_inputs = 2 : i64, variant = #rows, in_place = array<i64: 0, 1>} {
    soc.return
  }
  func.func @alive(%x: tensor<32xf32>) -> tensor<32xf32> {
    %0, %t = soc.task on "cpu" order 0 variant #rows (%x, %x) after () : (tensor<32xf32>, tensor<32xf32>) -> tensor<32xf32> {
    ^bb0(%p0: tensor<32xf32>, %p1: tensor<32xf32>):
      %e = tensor.empty() : tensor<32xf32>
      %r = soc.call @add ins(%p0, %p1 : tensor<32xf32>, tensor<32xf32>) outs(%e : tensor<32xf32>) -> tensor<32xf32>
      soc.yield %r : tensor<32xf32>
    }
    %1, %u = soc.task on "cpu" order 1 variant #rows (%0, %0) after () : (tensor<32xf32>, tensor<32xf32>) -> tensor<32xf32> {
    ^bb0(%p0: tensor<32xf32>, %p1: tensor<32xf32>):
      %e = tensor.empty() : tensor<32xf32>
      %r = soc.call @add ins(%p0, %p1 : tensor<32xf32>, tensor<32xf32>) outs(%e : tensor<32xf32>) -> tensor<32xf32>
      soc.yield %r : tensor<32xf32>
    }
    %2, %v = soc.task on "cpu" order 2 variant #rows (%1, %0) after () : (tensor<32xf32>, tensor<32xf32>) -> tensor<32xf32> {
    ^bb0(%p0: tensor<32xf32>, %p1: tensor<32xf32>):
      %e = tensor.empty() : tensor<32xf32>
      %r = soc.call @add ins(%p0, %p1 : tensor<32xf32>, tensor<32xf32>) outs(%e : tensor<32xf32>) -> tensor<32xf32>
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

// Scratch is for every worker, beside what the task reads and writes. A view
// is the memory of what it views; what is returned as it came is copied.
// CHECK-LABEL: cmd.entry @others
// CHECK-DAG: %[[IN:.*]] = cmd.input 0 "input0" : tensor<8x4xf32>
// CHECK-DAG: %[[SAME:.*]] = cmd.output 1 "output1" : tensor<8x4xf32>
// CHECK-DAG: %[[W:.*]] = cmd.weight @w @weights[0 for 128]
// CHECK-DAG: %[[S:.*]] = cmd.buffer @arena[0 for 384]
// CHECK: cmd.dispatch @add on "cpu"(%[[IN]], %[[W]], %{{.*}}) offsets [0, 0, 0] bytes [128, 128, 128] grid [4, 2, 1] scratch(%[[S]] stride 192)
// CHECK: cmd.copy %[[IN]][0] to %[[SAME]][0] bytes 128 on "cpu"
// CHECK: cmd.pool @arena arena in "dram" bytes 384
// CHECK: cmd.pool @weights weights in "dram" bytes 128
module attributes {soc.machine = #machine} {
  nn.weight @w = dense<1.0> : tensor<32xf32>
  soc.kernel @add(%a0: memref<32xf32>, %a1: memref<32xf32>, %a2: memref<32xf32>) attributes {engine = "cpu", num_inputs = 2 : i64, variant = #rows, scratch_bytes = 192 : i64, grid = array<i64: 4, 2, 1>} {
    soc.return
  }
  func.func @others(%x: tensor<8x4xf32>) -> (tensor<32xf32>, tensor<8x4xf32>) {
    %w = nn.get_weight @w : tensor<32xf32>
    %v = tensor.collapse_shape %x [[0, 1]] : tensor<8x4xf32> into tensor<32xf32>
    %0, %t = soc.task on "cpu" order 0 variant #rows (%v, %w) after () : (tensor<32xf32>, tensor<32xf32>) -> tensor<32xf32> {
    ^bb0(%p0: tensor<32xf32>, %p1: tensor<32xf32>):
      %e = tensor.empty() : tensor<32xf32>
      %r = soc.call @add ins(%p0, %p1 : tensor<32xf32>, tensor<32xf32>) outs(%e : tensor<32xf32>) -> tensor<32xf32>
      soc.yield %r : tensor<32xf32>
    }
    return %0, %x : tensor<32xf32>, tensor<8x4xf32>
  }
}
