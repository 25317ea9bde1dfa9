// RUN: tercet-opt %s --tile-lower-aggregates | FileCheck %s

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 128>

// The decomposition is the definition: mean, variance, then one operation for
// each element.
// CHECK-LABEL: soc.kernel @layer_norm
// CHECK-NOT: nn.
// CHECK: iterator_types = ["parallel", "reduction"]
// CHECK: iterator_types = ["parallel", "reduction"]
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel"]
// CHECK: soc.return
soc.kernel @layer_norm(%a: memref<4x8xf32>, %s: memref<8xf32>, %b: memref<4x8xf32>) attributes {engine = "cpu", num_inputs = 2 : i64, variant = #rows} {
  %0 = bufferization.to_tensor %a restrict : memref<4x8xf32> to tensor<4x8xf32>
  %1 = bufferization.to_tensor %s restrict : memref<8xf32> to tensor<8xf32>
  %2 = bufferization.to_tensor %b restrict writable : memref<4x8xf32> to tensor<4x8xf32>
  %3 = nn.layer_norm ins(%0, %1 : tensor<4x8xf32>, tensor<8xf32>) bias(%1 : tensor<8xf32>) outs(%2 : tensor<4x8xf32>) epsilon 1.000000e-05
  bufferization.materialize_in_destination %3 in restrict writable %b : (tensor<4x8xf32>, memref<4x8xf32>) -> ()
  soc.return
}

// Two elementwise operations become one, in the memory of the output.
// CHECK-LABEL: soc.kernel @chain
// CHECK: %[[O:.*]] = bufferization.to_tensor %arg1 restrict writable
// CHECK: linalg.generic {{.*}} outs(%[[O]]
// CHECK: math.exp
// CHECK: arith.negf
// CHECK-NOT: linalg.generic
// CHECK: soc.return
soc.kernel @chain(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  %0 = bufferization.to_tensor %a restrict : memref<4xf32> to tensor<4xf32>
  %1 = bufferization.to_tensor %b restrict writable : memref<4xf32> to tensor<4xf32>
  %e = tensor.empty() : tensor<4xf32>
  %2 = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%0 : tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%p: f32, %q: f32):
    %x = math.exp %p : f32
    linalg.yield %x : f32
  } -> tensor<4xf32>
  %3 = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%2 : tensor<4xf32>) outs(%1 : tensor<4xf32>) {
  ^bb0(%p: f32, %q: f32):
    %x = arith.negf %p : f32
    linalg.yield %x : f32
  } -> tensor<4xf32>
  bufferization.materialize_in_destination %3 in restrict writable %b : (tensor<4xf32>, memref<4xf32>) -> ()
  soc.return
}

// A packed product is left to the target.
// CHECK-LABEL: soc.kernel @unchanged
// CHECK: nn.packed_matmul
soc.kernel @unchanged(%a: memref<4x8xf32>, %b: memref<1x8x16xf32>, %c: memref<4x16xf32>) attributes {engine = "cpu", num_inputs = 2 : i64, variant = #rows} {
  %0 = bufferization.to_tensor %a restrict : memref<4x8xf32> to tensor<4x8xf32>
  %1 = bufferization.to_tensor %b restrict : memref<1x8x16xf32> to tensor<1x8x16xf32>
  %2 = bufferization.to_tensor %c restrict writable : memref<4x16xf32> to tensor<4x16xf32>
  %3 = nn.packed_matmul ins(%0, %1 : tensor<4x8xf32>, tensor<1x8x16xf32>) outs(%2 : tensor<4x16xf32>)
  bufferization.materialize_in_destination %3 in restrict writable %c : (tensor<4x16xf32>, memref<4x16xf32>) -> ()
  soc.return
}
