// Products and norms keep their sums in f32 and may yield halves; f64 has no form.
// RUN: tercet-opt %s --partition-assign-engines | FileCheck %s

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 1, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 30000000000, cache_bytes_per_second = 0,
  operations_per_second = {f32 = 1000000000000 : i64}, efficiency_percent = {}>
#gpu = #soc.engine<"gpu", target = "cuda", kind = "gpu", memories = ["dram"], performance = #figures, properties = {architecture = "sm_87"}>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
module attributes {soc.machine = #soc.machine<"board", workers = 2, engines = [#cpu, #gpu], memories = [#dram]>} {
  nn.weight @x = dense<1.0> : tensor<64x64xf16>
  nn.weight @w = dense<1.0> : tensor<64x64xf16>
  nn.weight @n = dense<1.0> : tensor<64x64xf64>
  nn.weight @scale = dense<1.0> : tensor<64xf16>

  // CHECK-LABEL: @norm
  // CHECK-NOT: "gpu", "unsupported"
  // CHECK: return
  func.func @norm() -> tensor<64x64xf16> {
    %x = nn.get_weight @x : tensor<64x64xf16>
    %s = nn.get_weight @scale : tensor<64xf16>
    %0 = soc.group (%x, %s) : (tensor<64x64xf16>, tensor<64xf16>) -> tensor<64x64xf16> {
    ^bb0(%a: tensor<64x64xf16>, %b: tensor<64xf16>):
      %e = tensor.empty() : tensor<64x64xf16>
      %r = nn.rms_norm ins(%a, %b : tensor<64x64xf16>, tensor<64xf16>) outs(%e : tensor<64x64xf16>) epsilon 1.000000e-05
      soc.yield %r : tensor<64x64xf16>
    }
    return %0 : tensor<64x64xf16>
  }

  // CHECK-LABEL: @product
  // CHECK-NOT: "gpu", "unsupported"
  // CHECK: return
  func.func @product() -> tensor<64x64xf16> {
    %x = nn.get_weight @x : tensor<64x64xf16>
    %w = nn.get_weight @w : tensor<64x64xf16>
    %0 = soc.group (%x, %w) : (tensor<64x64xf16>, tensor<64x64xf16>) -> tensor<64x64xf16> {
    ^bb0(%a: tensor<64x64xf16>, %b: tensor<64x64xf16>):
      %z = arith.constant 0.0 : f16
      %e = tensor.empty() : tensor<64x64xf16>
      %f = linalg.fill ins(%z : f16) outs(%e : tensor<64x64xf16>) -> tensor<64x64xf16>
      %r = linalg.matmul ins(%a, %b : tensor<64x64xf16>, tensor<64x64xf16>) outs(%f : tensor<64x64xf16>) -> tensor<64x64xf16>
      soc.yield %r : tensor<64x64xf16>
    }
    return %0 : tensor<64x64xf16>
  }

  // CHECK-LABEL: @wide
  // CHECK: "gpu", "unsupported", cost_ps = 0, "it has no form for elements of type f64"
  func.func @wide() -> tensor<64x64xf16> {
    %x = nn.get_weight @n : tensor<64x64xf64>
    %0 = soc.group (%x) : (tensor<64x64xf64>) -> tensor<64x64xf16> {
    ^bb0(%a: tensor<64x64xf64>):
      %e = tensor.empty() : tensor<64x64xf16>
      %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
          ins(%a : tensor<64x64xf64>) outs(%e : tensor<64x64xf16>) {
      ^bb0(%u: f64, %o: f16):
        %v = arith.truncf %u : f64 to f16
        linalg.yield %v : f16
      } -> tensor<64x64xf16>
      soc.yield %r : tensor<64x64xf16>
    }
    return %0 : tensor<64x64xf16>
  }
}
