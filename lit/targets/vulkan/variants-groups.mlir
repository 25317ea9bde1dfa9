// Products with weights in groups on a GPU: tiles of whole panels, in the panels
// that the CPU has, and what there is no kernel for.
// RUN: tercet-opt %s --partition-assign-engines | FileCheck %s

#q4_0 = #nn.groups<32 in 18 group 32 planes [<bits = 4, run = 16, at = 2>] zero 8 scale f16 at 0>
#i8g32 = #nn.groups<32 in 40 group 32 planes [<bits = 8, run = 1, at = 0>] codes signed scale f32 at 32 sum at 36>
#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 1, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 30000000000, cache_bytes_per_second = 0,
  operations_per_second = {f32 = 1000000000000 : i64}, efficiency_percent = {}>
#gpu = #soc.engine<"gpu", target = "vulkan", kind = "gpu", memories = ["dram"], performance = #figures,
  properties = {profile = "vk11-base", threads = 128 : i64, accumulators = 32 : i64, compute_units = 4 : i64}>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
module attributes {soc.machine = #soc.machine<"board", workers = 2, engines = [#cpu, #gpu], memories = [#dram]>} {
  nn.weight @w = dense<1> : tensor<500x16x18xi8>
  nn.weight @r = dense<1.0> : tensor<16x512xf32>

  // 500 rows in panels of 8 are 504 of 16 blocks of 18 bytes; the left-hand side has 32 KiB.
  // CHECK-LABEL: @product
  // CHECK: soc.group on "gpu" variant <"group-product", precision = f32, tiles = [{{[0-9]+}}, {{32|64|128}}], panels = [0, 8], {{.*}} resident_bytes = 177920,
  func.func @product() -> tensor<16x500xf32> {
    %x = nn.get_weight @r : tensor<16x512xf32>
    %w = nn.get_weight @w : tensor<500x16x18xi8>
    %0 = soc.group (%x, %w) : (tensor<16x512xf32>, tensor<500x16x18xi8>) -> tensor<16x500xf32> {
    ^bb0(%a: tensor<16x512xf32>, %b: tensor<500x16x18xi8>):
      %z = arith.constant 0.0 : f32
      %e = tensor.empty() : tensor<16x500xf32>
      %f = linalg.fill ins(%z : f32) outs(%e : tensor<16x500xf32>) -> tensor<16x500xf32>
      %p = nn.group_matmul format #q4_0 ins(%a, %b : tensor<16x512xf32>, tensor<500x16x18xi8>) outs(%f : tensor<16x500xf32>)
      soc.yield %p : tensor<16x500xf32>
    }
    return %0 : tensor<16x500xf32>
  }

  // What is read as it lies in the file by another operation has no panels.
  // CHECK-LABEL: @made
  // CHECK: "gpu", "unsupported", cost_ps = 0, "it reads right-hand sides of 'nn.group_matmul' in panels, and this one is no weight of the model's or is read by other operations too"
  func.func @made(%x: tensor<1x32xf32>) -> tensor<1x8xf32> {
    %0 = soc.group (%x) : (tensor<1x32xf32>) -> tensor<1x8xf32> {
    ^bb0(%a: tensor<1x32xf32>):
      %w = arith.constant dense<1> : tensor<8x1x18xi8>
      %z = arith.constant 0.0 : f32
      %e = tensor.empty() : tensor<1x8xf32>
      %f = linalg.fill ins(%z : f32) outs(%e : tensor<1x8xf32>) -> tensor<1x8xf32>
      %p = nn.group_matmul format #q4_0 ins(%a, %w : tensor<1x32xf32>, tensor<8x1x18xi8>) outs(%f : tensor<1x8xf32>)
      soc.yield %p : tensor<1x8xf32>
    }
    return %0 : tensor<1x8xf32>
  }

  // Rows that are rounded are cut at blocks, so that a row may be longer than
  // what fits workgroup memory.
  // CHECK-LABEL: @rounded
  // CHECK: soc.group on "gpu" variant <"elements", precision = i8, tiles = [{{[0-9]+}}, {{[1-9][0-9]*}}, 0]
  func.func @rounded(%x: tensor<2x65536xf32>) -> tensor<2x2048x40xi8> {
    %0 = soc.group (%x) : (tensor<2x65536xf32>) -> tensor<2x2048x40xi8> {
    ^bb0(%a: tensor<2x65536xf32>):
      %e = tensor.empty() : tensor<2x65536xf32>
      %s = linalg.mul ins(%a, %a : tensor<2x65536xf32>, tensor<2x65536xf32>) outs(%e : tensor<2x65536xf32>) -> tensor<2x65536xf32>
      %q = tensor.empty() : tensor<2x2048x40xi8>
      %r = nn.encode_groups #i8g32 ins(%s : tensor<2x65536xf32>) outs(%q : tensor<2x2048x40xi8>)
      soc.yield %r : tensor<2x2048x40xi8>
    }
    return %0 : tensor<2x2048x40xi8>
  }

  // CHECK-LABEL: @cached
  // CHECK: "gpu", "unsupported", cost_ps = 0, "its kernels round rows to signed bytes in blocks of one group with a scale of f32 and a sum only"
  func.func @cached(%x: tensor<1x32xf32>) -> tensor<1x1x34xi8> {
    %0 = soc.group (%x) : (tensor<1x32xf32>) -> tensor<1x1x34xi8> {
    ^bb0(%a: tensor<1x32xf32>):
      %e = tensor.empty() : tensor<1x1x34xi8>
      %r = nn.encode_groups #nn.groups<32 in 34 group 32 planes [<bits = 8, run = 1, at = 2>] codes signed scale f16 at 0> ins(%a : tensor<1x32xf32>) outs(%e : tensor<1x1x34xi8>)
      soc.yield %r : tensor<1x1x34xi8>
    }
    return %0 : tensor<1x1x34xi8>
  }
}
