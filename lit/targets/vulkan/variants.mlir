// RUN: tercet-opt %s --partition-assign-engines -split-input-file | FileCheck %s

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 1, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 30000000000, cache_bytes_per_second = 0,
  operations_per_second = {f32 = 1000000000000 : i64}, efficiency_percent = {}>
#gpu = #soc.engine<"gpu", target = "vulkan", kind = "gpu", memories = ["dram"], performance = #figures,
  properties = {profile = "vk11-base", threads = 128 : i64, accumulators = 32 : i64, compute_units = 4 : i64}>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 2, engines = [#cpu, #gpu], memories = [#dram]>

// What the entry is given the CPU would have to copy, which is not worth it: a
// first group reads that. The others are so much slower on the CPU that they go to
// the GPU.
module attributes {soc.machine = #machine} {
  nn.weight @w = dense<1.0> : tensor<256x512xf32>
  nn.weight @v = dense<1.0> : tensor<512xf32>
  // A tile with as many sums as 128 threads keep in 32 registers each, since it
  // reads least.
  // CHECK-LABEL: @product
  // CHECK: soc.group on "cpu"
  // CHECK: soc.group on "gpu" variant <"product", precision = f32, tiles = [64, 64], panels = [0, 0], time_ps = {{[1-9][0-9]*}}, scratch_bytes = 16384, resident_bytes = 524288, granularity = 8>
  func.func @product(%x: tensor<256x256xf32>) -> tensor<256x512xf32> {
    %0 = soc.group on "cpu" (%x) : (tensor<256x256xf32>) -> tensor<256x256xf32> {
    ^bb0(%a: tensor<256x256xf32>):
      %e = tensor.empty() : tensor<256x256xf32>
      %r = linalg.exp ins(%a : tensor<256x256xf32>) outs(%e : tensor<256x256xf32>) -> tensor<256x256xf32>
      soc.yield %r : tensor<256x256xf32>
    }
    %w = nn.get_weight @w : tensor<256x512xf32>
    %1 = soc.group (%0, %w) : (tensor<256x256xf32>, tensor<256x512xf32>) -> tensor<256x512xf32> {
    ^bb0(%a: tensor<256x256xf32>, %b: tensor<256x512xf32>):
      %z = arith.constant 0.0 : f32
      %e = tensor.empty() : tensor<256x512xf32>
      %f = linalg.fill ins(%z : f32) outs(%e : tensor<256x512xf32>) -> tensor<256x512xf32>
      %p = linalg.matmul ins(%a, %b : tensor<256x256xf32>, tensor<256x512xf32>) outs(%f : tensor<256x512xf32>) -> tensor<256x512xf32>
      soc.yield %p : tensor<256x512xf32>
    }
    return %1 : tensor<256x512xf32>
  }

  // Of one row the columns are shared out, so that all compute units have some.
  // CHECK-LABEL: @thin
  // CHECK: soc.group on "cpu"
  // CHECK-SAME: #soc.alternative<"gpu", "transfer", {{.*}} us to run, {{[1-9][0-9.]*}} us to move">
  // CHECK: soc.group on "gpu" variant <"thin-product", precision = f32, tiles = [0, 128],
  func.func @thin(%x: tensor<1x256xf32>) -> tensor<1x512xf32> {
    %0 = soc.group (%x) : (tensor<1x256xf32>) -> tensor<1x256xf32> {
    ^bb0(%a: tensor<1x256xf32>):
      %e = tensor.empty() : tensor<1x256xf32>
      %r = linalg.exp ins(%a : tensor<1x256xf32>) outs(%e : tensor<1x256xf32>) -> tensor<1x256xf32>
      soc.yield %r : tensor<1x256xf32>
    }
    %w = nn.get_weight @w : tensor<256x512xf32>
    %1 = soc.group (%0, %w) : (tensor<1x256xf32>, tensor<256x512xf32>) -> tensor<1x512xf32> {
    ^bb0(%a: tensor<1x256xf32>, %b: tensor<256x512xf32>):
      %z = arith.constant 0.0 : f32
      %e = tensor.empty() : tensor<1x512xf32>
      %f = linalg.fill ins(%z : f32) outs(%e : tensor<1x512xf32>) -> tensor<1x512xf32>
      %p = linalg.matmul ins(%a, %b : tensor<1x256xf32>, tensor<256x512xf32>) outs(%f : tensor<1x512xf32>) -> tensor<1x512xf32>
      soc.yield %p : tensor<1x512xf32>
    }
    return %1 : tensor<1x512xf32>
  }

  // Rows of a norm stay whole; elements are cut anywhere, from the outermost
  // dimension on.
  // CHECK-LABEL: @rows
  // CHECK: soc.group on "gpu" variant <"rows", precision = f32, tiles = [{{[1-9][0-9]*}}, 0],
  // CHECK: soc.group on "gpu" variant <"elements", precision = f32, tiles = [{{[1-9][0-9]*}}, 0],
  func.func @rows(%x: tensor<64x512xf32>) -> tensor<64x512xf32> {
    %0 = soc.group (%x) : (tensor<64x512xf32>) -> tensor<64x512xf32> {
    ^bb0(%a: tensor<64x512xf32>):
      %e = tensor.empty() : tensor<64x512xf32>
      %r = linalg.exp ins(%a : tensor<64x512xf32>) outs(%e : tensor<64x512xf32>) -> tensor<64x512xf32>
      soc.yield %r : tensor<64x512xf32>
    }
    %v = nn.get_weight @v : tensor<512xf32>
    %1 = soc.group (%0, %v) : (tensor<64x512xf32>, tensor<512xf32>) -> tensor<64x512xf32> {
    ^bb0(%a: tensor<64x512xf32>, %b: tensor<512xf32>):
      %e = tensor.empty() : tensor<64x512xf32>
      %r = nn.rms_norm ins(%a, %b : tensor<64x512xf32>, tensor<512xf32>) outs(%e : tensor<64x512xf32>) epsilon 1.000000e-06
      soc.yield %r : tensor<64x512xf32>
    }
    %2 = soc.group (%1) : (tensor<64x512xf32>) -> tensor<64x512xf32> {
    ^bb0(%a: tensor<64x512xf32>):
      %e = tensor.empty() : tensor<64x512xf32>
      %r = linalg.tanh ins(%a : tensor<64x512xf32>) outs(%e : tensor<64x512xf32>) -> tensor<64x512xf32>
      soc.yield %r : tensor<64x512xf32>
    }
    return %2 : tensor<64x512xf32>
  }
}
