// What stays whole is the engine's decision: the CPU takes packed products, an
// engine of no known target nothing.
// RUN: tercet-opt %s --tile-lower-aggregates | FileCheck %s

#machine = #soc.machine<"two", workers = 1,
  engines = [#soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
             cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>,
             #soc.engine<"other", target = "vendor", kind = "npu", memories = ["dram"], performance = #soc.performance<launch_ps = 1, synchronise_ps = 1, bandwidth_bytes_per_second = 1, cache_bytes_per_second = 0, operations_per_second = {f32 = 1}, efficiency_percent = {}>, properties = {}>],
  memories = [#soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 10000000000>]>
#v = #soc.variant<"v", precision = f32, tiles = [0, 0], panels = [0, 16], time_ps = 1, scratch_bytes = 0>

module attributes {soc.machine = #machine} {

// CHECK-LABEL: soc.kernel @taken
// CHECK: nn.packed_matmul
soc.kernel @taken(%a: memref<4x8xf32>, %b: memref<2x8x16xf32>, %c: memref<4x32xf32>) attributes {engine = "cpu", num_inputs = 2 : i64, variant = #v} {
  %0 = bufferization.to_tensor %a restrict : memref<4x8xf32> to tensor<4x8xf32>
  %1 = bufferization.to_tensor %b restrict : memref<2x8x16xf32> to tensor<2x8x16xf32>
  %2 = bufferization.to_tensor %c restrict writable : memref<4x32xf32> to tensor<4x32xf32>
  %3 = nn.packed_matmul ins(%0, %1 : tensor<4x8xf32>, tensor<2x8x16xf32>) outs(%2 : tensor<4x32xf32>)
  bufferization.materialize_in_destination %3 in restrict writable %c : (tensor<4x32xf32>, memref<4x32xf32>) -> ()
  soc.return
}

// CHECK-LABEL: soc.kernel @decomposed
// CHECK-NOT: nn.packed_matmul
// CHECK: linalg.matmul
soc.kernel @decomposed(%a: memref<4x8xf32>, %b: memref<2x8x16xf32>, %c: memref<4x32xf32>) attributes {engine = "other", num_inputs = 2 : i64, variant = #v} {
  %0 = bufferization.to_tensor %a restrict : memref<4x8xf32> to tensor<4x8xf32>
  %1 = bufferization.to_tensor %b restrict : memref<2x8x16xf32> to tensor<2x8x16xf32>
  %2 = bufferization.to_tensor %c restrict writable : memref<4x32xf32> to tensor<4x32xf32>
  %3 = nn.packed_matmul ins(%0, %1 : tensor<4x8xf32>, tensor<2x8x16xf32>) outs(%2 : tensor<4x32xf32>)
  bufferization.materialize_in_destination %3 in restrict writable %c : (tensor<4x32xf32>, memref<4x32xf32>) -> ()
  soc.return
}

}
