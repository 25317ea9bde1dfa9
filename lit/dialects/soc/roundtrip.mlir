// Every example of the dialect's documentation parses, prints and verifies.
// RUN: tercet-opt %s --verify-roundtrip

#machine = #soc.machine<"one-core", workers = 1,
  engines = [#soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
             cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>],
  memories = [#soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 10000000000>]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
  func.func @group(%a: tensor<4xf32>) -> tensor<4xf32> {
    %0 = soc.group (%a) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%x: tensor<4xf32>):
      soc.yield %x : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }

  soc.kernel @copy(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
    %0 = soc.scratch 128 : memref<4x8xf32>
    memref.copy %a, %b : memref<4xf32> to memref<4xf32>
    soc.return
  }

  func.func @task(%a: tensor<4xf32>) -> tensor<4xf32> {
    %0, %t = soc.task on "cpu" variant #rows (%a) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%x: tensor<4xf32>):
      %e = tensor.empty() : tensor<4xf32>
      %1 = soc.call @copy ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
      soc.yield %1 : tensor<4xf32>
    }
    %1, %u = soc.task on "cpu" order 1 variant #rows (%0) after (%t) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%x: tensor<4xf32>):
      soc.yield %x : tensor<4xf32>
    }
    return %1 : tensor<4xf32>
  }
}

// A chip: an engine of a target that this build may lack, figures, a link, shares.
#dram2 = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#tcm = #soc.memory<"tcm", bytes = 4096, alignment = 128, bandwidth_bytes_per_second = 7>
#figures = #soc.performance<launch_ps = 500000, synchronise_ps = 9, bandwidth_bytes_per_second = 10, cache_bytes_per_second = 0, operations_per_second = {f32 = 100}, efficiency_percent = {product = 80}>
#npu = #soc.engine<"npu", target = "vendor", kind = "npu", memories = ["tcm", "dram"], performance = #figures, properties = {threads = 4}>
#half = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0, resident_bytes = 64, granularity = 2>
module attributes {soc.machine = #soc.machine<"chip", workers = 1, engines = [#npu], memories = [#dram2, #tcm], links = [#soc.link<"tcm", "dram", bandwidth_bytes_per_second = 1000, latency_ps = 5>]>} {
  func.func @shared(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = soc.group shares [#soc.share<"npu", begin = 0, size = 2, variant = #half>, #soc.share<"npu", begin = 2, size = 2, variant = #half>] (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }

  // What calibration found that it may be computed in.
  func.func @precisions(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = soc.group precisions [#soc.precision<"w8a8", inputs = [!quant.uniform<i8:f32, 5.000000e-02:3>], results = [none, !quant.uniform<i16:f32, 1.000000e-03>], snr_centibel = 389, means = dense<[1.000000e+00, -2.000000e+00]> : tensor<2xf32>>, #soc.precision<"f32">] (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      %e = tensor.empty() : tensor<4xf32>
      %1 = linalg.add ins(%y, %y : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
      soc.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }

  // Once one has been applied, and why not another; means that nobody measured.
  func.func @applied(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = soc.group precisions [#soc.precision<"w8a8", means = dense<1.000000e+00> : tensor<2xf32>>] (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    %1, %t = soc.task on "npu" variant #half computes #soc.computation<"f32", multiply_adds = 3, reason = "w8a8: too noisy"> (%0) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    %2 = soc.group precisions [#soc.precision<"f32", reason = "w8a8: too noisy">] (%1) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    return %2 : tensor<4xf32>
  }

  // What partition and schedule write down: alternatives, starts, proofs.
  func.func @decided(%x: tensor<4xf32>) -> tensor<4xf32> attributes {
      soc.partition = #soc.proof<7, lower_bound = 7, "frontier">, soc.schedule = #soc.proof<9, lower_bound = 8, "annealing">} {
    %0 = soc.group on "npu" variant #half among [#soc.alternative<"npu", "chosen", cost_ps = 7, "">] (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    %1, %t = soc.task on "npu" order 0 start_ps 5 variant #half among [#soc.alternative<"npu", "chosen", cost_ps = 7, "">] (%0) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    return %1 : tensor<4xf32>
  }

  // Scalars come after the tensors.
  soc.kernel @shift(%c: memref<16xf32>, %x: memref<4xf32>, %r: memref<16xf32>, %p: index) attributes {engine = "cpu", num_inputs = 2 : i64, updates = 0 : i64, variant = #rows} {
    soc.return
  }
  func.func @scalars(%c: tensor<16xf32>, %x: tensor<4xf32>, %p: index) -> tensor<16xf32> {
    %0 = soc.group (%c, %x) scalars (%p) : (tensor<16xf32>, tensor<4xf32>) -> tensor<16xf32> {
    ^bb0(%d: tensor<16xf32>, %y: tensor<4xf32>, %q: index):
      %1 = tensor.insert_slice %y into %d[%q] [4] [1] : tensor<4xf32> into tensor<16xf32>
      soc.yield %1 : tensor<16xf32>
    }
    %2, %t = soc.task on "cpu" variant #rows (%0, %x) scalars (%p) after () : (tensor<16xf32>, tensor<4xf32>) -> tensor<16xf32> {
    ^bb0(%d: tensor<16xf32>, %y: tensor<4xf32>, %q: index):
      %e = tensor.empty() : tensor<16xf32>
      %1 = soc.call @shift ins(%d, %y : tensor<16xf32>, tensor<4xf32>) outs(%e : tensor<16xf32>) scalars (%q) -> tensor<16xf32>
      soc.yield %1 : tensor<16xf32>
    }
    return %2 : tensor<16xf32>
  }
}
