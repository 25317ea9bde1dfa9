// RUN: tercet-opt %s --plan-assign-memory | FileCheck %s

#a = #soc.cpu<"a", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 1, cache_bytes_per_second = 0,
  operations_per_second = {}, efficiency_percent = {}>
#b = #soc.engine<"b", target = "vendor", kind = "npu", memories = ["tcm", "dram"], performance = #figures, properties = {}>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#tcm = #soc.memory<"tcm", bytes = 4096, alignment = 256, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#a, #b], memories = [#dram, #tcm]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>

// A result lies in the first memory of the engine that computes it which its
// readers address as well: what b hands to itself in its own, what it shares
// with a in the other. Each memory has an arena, and offsets in it are aligned
// as the memory wants; the first engine's arena has the plain name.
// CHECK-LABEL: cmd.entry @memories
// CHECK-DAG: %[[AB:.*]] = cmd.buffer @arena[0 for 128]
// CHECK-DAG: %[[BB:.*]] = cmd.buffer @arena_tcm[0 for 128]
// CHECK-DAG: %[[BA:.*]] = cmd.buffer @arena[0 for 128]
// CHECK: cmd.pool @arena arena in "dram" bytes 128 alignment 64
// CHECK: cmd.pool @arena_tcm arena in "tcm" bytes 256 alignment 256
module attributes {soc.machine = #machine} {
  soc.kernel @copy(%a0: memref<32xf32>, %a1: memref<32xf32>) attributes {engine = "a", num_inputs = 1 : i64, variant = #rows} {
    soc.return
  }
  func.func @memories(%x: tensor<32xf32>) -> tensor<32xf32> {
    %0, %t0 = soc.task on "a" order 0 variant #rows (%x) after () : (tensor<32xf32>) -> tensor<32xf32> {
    ^bb0(%p0: tensor<32xf32>):
      %e = tensor.empty() : tensor<32xf32>
      %r = soc.call @copy ins(%p0 : tensor<32xf32>) outs(%e : tensor<32xf32>) -> tensor<32xf32>
      soc.yield %r : tensor<32xf32>
    }
    %1, %t1 = soc.task on "b" order 0 variant #rows (%0) after (%t0) : (tensor<32xf32>) -> tensor<32xf32> {
    ^bb0(%p0: tensor<32xf32>):
      %e = tensor.empty() : tensor<32xf32>
      %r = soc.call @copy ins(%p0 : tensor<32xf32>) outs(%e : tensor<32xf32>) -> tensor<32xf32>
      soc.yield %r : tensor<32xf32>
    }
    %2, %t2 = soc.task on "b" order 1 variant #rows (%1) after () : (tensor<32xf32>) -> tensor<32xf32> {
    ^bb0(%p0: tensor<32xf32>):
      %e = tensor.empty() : tensor<32xf32>
      %r = soc.call @copy ins(%p0 : tensor<32xf32>) outs(%e : tensor<32xf32>) -> tensor<32xf32>
      soc.yield %r : tensor<32xf32>
    }
    %3, %t3 = soc.task on "a" order 1 variant #rows (%2) after (%t2) : (tensor<32xf32>) -> tensor<32xf32> {
    ^bb0(%p0: tensor<32xf32>):
      %e = tensor.empty() : tensor<32xf32>
      %r = soc.call @copy ins(%p0 : tensor<32xf32>) outs(%e : tensor<32xf32>) -> tensor<32xf32>
      soc.yield %r : tensor<32xf32>
    }
    return %3 : tensor<32xf32>
  }
}
