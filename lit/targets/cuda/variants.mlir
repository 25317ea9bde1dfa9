// Tiles of products on tensor cores: as many sums as 256 threads have registers for where there is work for all
// processors, smaller ones where there is not, and none for f32 or for an architecture without them.
// RUN: tercet-opt %s --partition-assign-engines | FileCheck %s
// RUN: sed 's/sm_87/sm_75/' %s | tercet-opt - --partition-assign-engines | FileCheck %s --check-prefix=OLD

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 1, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 200000000000, cache_bytes_per_second = 0,
  operations_per_second = {f16 = 10000000000000 : i64, f32 = 5000000000000 : i64}, efficiency_percent = {}>
#gpu = #soc.engine<"gpu", target = "cuda", kind = "gpu", memories = ["dram"], performance = #figures,
  properties = {architecture = "sm_87", processors = 16 : i64, shared_kib = 48 : i64}>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
module attributes {soc.machine = #soc.machine<"board", workers = 2, engines = [#cpu, #gpu], memories = [#dram]>} {
  nn.weight @x = dense<1.0> : tensor<2048x2048xf16>
  nn.weight @y = dense<1.0> : tensor<256x2048xf16>
  nn.weight @v = dense<1.0> : tensor<2048x512xf16>
  nn.weight @s = dense<1.0> : tensor<2048x2048xf32>

  // CHECK-LABEL: @large
  // CHECK: on "gpu" variant <"tensor-product", precision = f16, tiles = [128, 256]
  // OLD-LABEL: @large
  // OLD: on "gpu" variant <"product", precision = f16
  func.func @large() -> tensor<2048x2048xf16> {
    %x = nn.get_weight @x : tensor<2048x2048xf16>
    %0 = soc.group (%x) : (tensor<2048x2048xf16>) -> tensor<2048x2048xf16> {
    ^bb0(%a: tensor<2048x2048xf16>):
      %z = arith.constant 0.0 : f16
      %e = tensor.empty() : tensor<2048x2048xf16>
      %f = linalg.fill ins(%z : f16) outs(%e : tensor<2048x2048xf16>) -> tensor<2048x2048xf16>
      %r = linalg.matmul ins(%a, %a : tensor<2048x2048xf16>, tensor<2048x2048xf16>) outs(%f : tensor<2048x2048xf16>) -> tensor<2048x2048xf16>
      soc.yield %r : tensor<2048x2048xf16>
    }
    return %0 : tensor<2048x2048xf16>
  }

  // CHECK-LABEL: @small
  // CHECK: on "gpu" variant <"tensor-product", precision = f16, tiles = [128, 64]
  func.func @small() -> tensor<256x512xf16> {
    %y = nn.get_weight @y : tensor<256x2048xf16>
    %v = nn.get_weight @v : tensor<2048x512xf16>
    %0 = soc.group (%y, %v) : (tensor<256x2048xf16>, tensor<2048x512xf16>) -> tensor<256x512xf16> {
    ^bb0(%a: tensor<256x2048xf16>, %b: tensor<2048x512xf16>):
      %z = arith.constant 0.0 : f16
      %e = tensor.empty() : tensor<256x512xf16>
      %f = linalg.fill ins(%z : f16) outs(%e : tensor<256x512xf16>) -> tensor<256x512xf16>
      %r = linalg.matmul ins(%a, %b : tensor<256x2048xf16>, tensor<2048x512xf16>) outs(%f : tensor<256x512xf16>) -> tensor<256x512xf16>
      soc.yield %r : tensor<256x512xf16>
    }
    return %0 : tensor<256x512xf16>
  }

  // CHECK-LABEL: @single
  // CHECK: on "gpu" variant <"product", precision = f32
  func.func @single() -> tensor<2048x2048xf32> {
    %x = nn.get_weight @s : tensor<2048x2048xf32>
    %0 = soc.group (%x) : (tensor<2048x2048xf32>) -> tensor<2048x2048xf32> {
    ^bb0(%a: tensor<2048x2048xf32>):
      %z = arith.constant 0.0 : f32
      %e = tensor.empty() : tensor<2048x2048xf32>
      %f = linalg.fill ins(%z : f32) outs(%e : tensor<2048x2048xf32>) -> tensor<2048x2048xf32>
      %r = linalg.matmul ins(%a, %a : tensor<2048x2048xf32>, tensor<2048x2048xf32>) outs(%f : tensor<2048x2048xf32>) -> tensor<2048x2048xf32>
      soc.yield %r : tensor<2048x2048xf32>
    }
    return %0 : tensor<2048x2048xf32>
  }
}
