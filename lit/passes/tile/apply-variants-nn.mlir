// RUN: tercet-opt %s --tile-apply-variants | FileCheck %s

#packed = #soc.variant<"packed", precision = f32, tiles = [2, 32], panels = [0, 16], time_ps = 1, scratch_bytes = 0>
#attention = #soc.variant<"attention", precision = f32, tiles = [0, 2, 1, 0], panels = [0, 0, 0], time_ps = 1, scratch_bytes = 0>
#gather = #soc.variant<"gather", precision = f32, tiles = [2, 4], panels = [0, 0], time_ps = 1, scratch_bytes = 0>

// A tile of 32 columns is two panels of 16.
// CHECK-LABEL: soc.kernel @packed
// CHECK: scf.forall (%[[I:.*]], %[[J:.*]]) = (0, 0) to (4, 64) step (2, 32)
// CHECK: %[[P:.*]] = affine.apply #{{.*}}(%[[J]])
// CHECK: tensor.extract_slice %{{.*}}[%[[P]], 0, 0] [2, 8, 16]
// CHECK: nn.packed_matmul ins({{.*}} : tensor<2x8xf32>, tensor<2x8x16xf32>) outs({{.*}} : tensor<2x32xf32>)
soc.kernel @packed(%a: memref<4x8xf32>, %b: memref<4x8x16xf32>, %c: memref<4x64xf32>) attributes {engine = "cpu", num_inputs = 2 : i64, variant = #packed} {
  %0 = bufferization.to_tensor %a restrict : memref<4x8xf32> to tensor<4x8xf32>
  %1 = bufferization.to_tensor %b restrict : memref<4x8x16xf32> to tensor<4x8x16xf32>
  %2 = bufferization.to_tensor %c restrict writable : memref<4x64xf32> to tensor<4x64xf32>
  %3 = nn.packed_matmul ins(%0, %1 : tensor<4x8xf32>, tensor<4x8x16xf32>) outs(%2 : tensor<4x64xf32>)
  bufferization.materialize_in_destination %3 in restrict writable %c : (tensor<4x64xf32>, memref<4x64xf32>) -> ()
  soc.return
}

// Four query heads share each key head; a tile of two queries of one head sees
// all keys of its key head, and the mask of its queries.
// CHECK-LABEL: soc.kernel @attention
// CHECK: scf.forall (%[[S:.*]], %[[H:.*]]) = (0, 0) to (6, 8) step (2, 1)
// CHECK: tensor.extract_slice %{{.*}}[0, %[[S]], %[[H]], 0] [1, 2, 1, 16]
// CHECK: %[[G:.*]] = affine.apply #{{.*}}(%[[H]])
// CHECK: tensor.extract_slice %{{.*}}[0, 0, %[[G]], 0] [1, 10, 1, 16]
// CHECK: tensor.extract_slice %{{.*}}[0, 0, %[[S]], 0] [1, 1, 2, 10]
// CHECK: nn.attention
soc.kernel @attention(%q: memref<1x6x8x16xf32>, %k: memref<1x10x2x16xf32>, %m: memref<1x1x6x10xf32>, %o: memref<1x6x8x16xf32>)
    attributes {engine = "cpu", num_inputs = 3 : i64, variant = #attention} {
  %0 = bufferization.to_tensor %q restrict : memref<1x6x8x16xf32> to tensor<1x6x8x16xf32>
  %1 = bufferization.to_tensor %k restrict : memref<1x10x2x16xf32> to tensor<1x10x2x16xf32>
  %2 = bufferization.to_tensor %m restrict : memref<1x1x6x10xf32> to tensor<1x1x6x10xf32>
  %3 = bufferization.to_tensor %o restrict writable : memref<1x6x8x16xf32> to tensor<1x6x8x16xf32>
  %4 = nn.attention ins(%0, %1, %1 : tensor<1x6x8x16xf32>, tensor<1x10x2x16xf32>, tensor<1x10x2x16xf32>)
         mask(%2 : tensor<1x1x6x10xf32>) outs(%3 : tensor<1x6x8x16xf32>) scale 2.500000e-01
  bufferization.materialize_in_destination %4 in restrict writable %o : (tensor<1x6x8x16xf32>, memref<1x6x8x16xf32>) -> ()
  soc.return
}

// Every tile of a gather may need any row, but only its columns.
// CHECK-LABEL: soc.kernel @gather
// CHECK: scf.forall (%[[I:.*]], %[[J:.*]]) = (0, 0) to (4, 8) step (2, 4)
// CHECK: tensor.extract_slice %{{.*}}[0, %[[J]]] [10, 4]
// CHECK: tensor.extract_slice %{{.*}}[%[[I]]] [2]
// CHECK: nn.gather axis 0
soc.kernel @gather(%d: memref<10x8xf32>, %i: memref<4xi64>, %o: memref<4x8xf32>) attributes {engine = "cpu", num_inputs = 2 : i64, variant = #gather} {
  %0 = bufferization.to_tensor %d restrict : memref<10x8xf32> to tensor<10x8xf32>
  %1 = bufferization.to_tensor %i restrict : memref<4xi64> to tensor<4xi64>
  %2 = bufferization.to_tensor %o restrict writable : memref<4x8xf32> to tensor<4x8xf32>
  %3 = nn.gather axis 0 ins(%0, %1 : tensor<10x8xf32>, tensor<4xi64>) outs(%2 : tensor<4x8xf32>)
  bufferization.materialize_in_destination %3 in restrict writable %o : (tensor<4x8xf32>, memref<4x8xf32>) -> ()
  soc.return
}
