// RUN: tercet-opt %s --partition-assign-engines | FileCheck %s

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 2, engines = [#cpu], memories = [#dram]>
#id = affine_map<(i, j) -> (i, j)>

// Rows are long and few, but what is normalised over them stays whole, though
// the root that follows could be cut.
module attributes {soc.machine = #machine} {
  // CHECK-LABEL: @softmax_then_scale
  // CHECK: variant <"rows", precision = f32, tiles = [1, 0]
  func.func @softmax_then_scale(%x: tensor<4x4096xf32>) -> tensor<4x4096xf32> {
    %0 = soc.group (%x) : (tensor<4x4096xf32>) -> tensor<4x4096xf32> {
    ^bb0(%a: tensor<4x4096xf32>):
      %e = tensor.empty() : tensor<4x4096xf32>
      %s = linalg.softmax dimension(1) ins(%a : tensor<4x4096xf32>) outs(%e : tensor<4x4096xf32>) -> tensor<4x4096xf32>
      %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
          ins(%s : tensor<4x4096xf32>) outs(%e : tensor<4x4096xf32>) {
      ^bb0(%p: f32, %o: f32):
        %n = arith.negf %p : f32
        linalg.yield %n : f32
      } -> tensor<4x4096xf32>
      soc.yield %r : tensor<4x4096xf32>
    }
    return %0 : tensor<4x4096xf32>
  }
}
