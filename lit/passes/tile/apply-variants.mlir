// RUN: tercet-opt %s --tile-apply-variants | FileCheck %s

#tiled = #soc.variant<"product", precision = f32, tiles = [4, 8], panels = [0, 0, 0], time_ps = 1, scratch_bytes = 0>
#rows = #soc.variant<"elements", precision = f32, tiles = [4, 0], panels = [0], time_ps = 1, scratch_bytes = 0>
#whole = #soc.variant<"whole", precision = f32, tiles = [0], panels = [0], time_ps = 1, scratch_bytes = 0>

// The activation is the root: it is tiled 4 by 8, and a tile of the product is
// computed inside, with all of K.
// CHECK-LABEL: soc.kernel @product
// CHECK: scf.forall (%[[I:.*]], %[[J:.*]]) = (0, 0) to (16, 16) step (4, 8)
// CHECK: %[[A:.*]] = tensor.extract_slice %{{.*}}[%[[I]], 0] [4, 32] [1, 1]
// CHECK: %[[B:.*]] = tensor.extract_slice %{{.*}}[0, %[[J]]] [32, 8] [1, 1]
// CHECK: %[[P:.*]] = linalg.matmul ins(%[[A]], %[[B]] : tensor<4x32xf32>, tensor<32x8xf32>)
// CHECK: nn.activation silu ins(%[[P]] : tensor<4x8xf32>)
// CHECK: tensor.parallel_insert_slice %{{.*}}[%[[I]], %[[J]]] [4, 8] [1, 1]
// CHECK-NOT: linalg.matmul
// CHECK: soc.return
soc.kernel @product(%a: memref<16x32xf32>, %b: memref<32x16xf32>, %c: memref<16x16xf32>)
    attributes {engine = "cpu", num_inputs = 2 : i64, variant = #tiled} {
  %0 = bufferization.to_tensor %a restrict : memref<16x32xf32> to tensor<16x32xf32>
  %1 = bufferization.to_tensor %b restrict : memref<32x16xf32> to tensor<32x16xf32>
  %2 = bufferization.to_tensor %c restrict writable : memref<16x16xf32> to tensor<16x16xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<16x16xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<16x16xf32>) -> tensor<16x16xf32>
  %3 = linalg.matmul ins(%0, %1 : tensor<16x32xf32>, tensor<32x16xf32>) outs(%z : tensor<16x16xf32>) -> tensor<16x16xf32>
  %4 = nn.activation silu ins(%3 : tensor<16x16xf32>) outs(%2 : tensor<16x16xf32>)
  bufferization.materialize_in_destination %4 in restrict writable %c : (tensor<16x16xf32>, memref<16x16xf32>) -> ()
  soc.return
}

// A slice is copied tile by tile.
// CHECK-LABEL: soc.kernel @slice
// CHECK: scf.forall (%[[I:.*]]) = (0) to (16) step (4)
// CHECK: tensor.extract_slice
// CHECK: %[[C:.*]] = linalg.copy ins(%{{.*}} : tensor<4x8xf32>) outs(%{{.*}} : tensor<4x8xf32>)
// CHECK: tensor.parallel_insert_slice %[[C]] into %{{.*}}[%[[I]], 0] [4, 8] [1, 1]
soc.kernel @slice(%a: memref<16x32xf32>, %b: memref<16x8xf32>) attributes {engine = "gpu", num_inputs = 1 : i64, variant = #rows} {
  %0 = bufferization.to_tensor %a restrict : memref<16x32xf32> to tensor<16x32xf32>
  %1 = tensor.extract_slice %0[0, 16] [16, 8] [1, 1] : tensor<16x32xf32> to tensor<16x8xf32>
  bufferization.materialize_in_destination %1 in restrict writable %b : (tensor<16x8xf32>, memref<16x8xf32>) -> ()
  soc.return
}

// Sizes of 0 mean one tile: nothing to do.
// CHECK-LABEL: soc.kernel @whole
// CHECK-NOT: scf.forall
// CHECK: nn.activation silu ins(%{{.*}} : tensor<4xf32>)
soc.kernel @whole(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #whole} {
  %0 = bufferization.to_tensor %a restrict : memref<4xf32> to tensor<4xf32>
  %1 = bufferization.to_tensor %b restrict writable : memref<4xf32> to tensor<4xf32>
  %2 = nn.activation silu ins(%0 : tensor<4xf32>) outs(%1 : tensor<4xf32>)
  bufferization.materialize_in_destination %2 in restrict writable %b : (tensor<4xf32>, memref<4xf32>) -> ()
  soc.return
}
