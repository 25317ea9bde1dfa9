// RUN: tercet-opt %s --plan-assign-memory -split-input-file --verify-diagnostics

#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 1, cache_bytes_per_second = 0,
  operations_per_second = {}, efficiency_percent = {}>
#npu = #soc.engine<"npu", target = "hexagon", kind = "npu", memories = ["dram"], performance = #figures,
  properties = {architecture = "v67", threads = 2 : i64}>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 4, engines = [#npu], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 192>

// The application's memory is out of a driver's reach, and nobody copies.
module attributes {soc.machine = #machine} {
  soc.kernel @k(%a0: memref<64xf32>, %a1: memref<64xf32>) attributes {engine = "npu", num_inputs = 1 : i64, variant = #rows, scratch_bytes = 0 : i64} {
    soc.return
  }
  // expected-error @below {{is an input or output of the entry and used on engine 'npu', which does not see the application's memory, and no CPU is there to copy it}}
  func.func @main(%x: tensor<64xf32>) -> tensor<64xf32> {
    %1, %t1 = soc.task on "npu" order 0 variant #rows (%x) after () : (tensor<64xf32>) -> tensor<64xf32> {
    ^bb0(%p0: tensor<64xf32>):
      %e = tensor.empty() : tensor<64xf32>
      %r = soc.call @k ins(%p0 : tensor<64xf32>) outs(%e : tensor<64xf32>) -> tensor<64xf32>
      soc.yield %r : tensor<64xf32>
    }
    return %1 : tensor<64xf32>
  }
}

// -----

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 4, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 1, cache_bytes_per_second = 0,
  operations_per_second = {}, efficiency_percent = {}>
#npu = #soc.engine<"npu", target = "hexagon", kind = "npu", memories = ["tcm", "dram"], performance = #figures,
  properties = {architecture = "v67", threads = 2 : i64}>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#tcm = #soc.memory<"tcm", bytes = 256, alignment = 128, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 4, engines = [#cpu, #npu], memories = [#dram, #tcm]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 192>

// Scratch cannot go elsewhere: two workers with 256 bytes each are too much.
module attributes {soc.machine = #machine} {
  soc.kernel @in(%a0: memref<64xf32>, %a1: memref<64xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows, scratch_bytes = 0 : i64} {
    soc.return
  }
  soc.kernel @k(%a0: memref<64xf32>, %a1: memref<64xf32>) attributes {engine = "npu", num_inputs = 1 : i64, variant = #rows, scratch_bytes = 192 : i64} {
    soc.return
  }
  // expected-error @below {{memory 'tcm' has 256 bytes, and 512 are needed at once; try a machine with more of it, or fewer workers}}
  func.func @main(%x: tensor<64xf32>) -> tensor<64xf32> {
    %0, %t0 = soc.task on "cpu" order 0 variant #rows (%x) after () : (tensor<64xf32>) -> tensor<64xf32> {
    ^bb0(%p0: tensor<64xf32>):
      %e = tensor.empty() : tensor<64xf32>
      %r = soc.call @in ins(%p0 : tensor<64xf32>) outs(%e : tensor<64xf32>) -> tensor<64xf32>
      soc.yield %r : tensor<64xf32>
    }
    // expected-note @below {{scratch of all workers, 512 bytes}}
    %1, %t1 = soc.task on "npu" order 0 variant #rows (%0) after (%t0) : (tensor<64xf32>) -> tensor<64xf32> {
    ^bb0(%p0: tensor<64xf32>):
      %e = tensor.empty() : tensor<64xf32>
      %r = soc.call @k ins(%p0 : tensor<64xf32>) outs(%e : tensor<64xf32>) -> tensor<64xf32>
      soc.yield %r : tensor<64xf32>
    }
    return %1 : tensor<64xf32>
  }
}
