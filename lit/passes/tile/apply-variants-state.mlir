// RUN: tercet-opt %s --pass-pipeline='builtin.module(soc.kernel(tile-apply-variants))' | FileCheck %s

// CHECK-DAG: #[[SUM:.*]] = affine_map<(d0, d1) -> (d0 + d1)>
// CHECK-DAG: #[[HALF:.*]] = affine_map<(d0) -> (d0 floordiv 2)>

// Tiles of an update are tiles of the rows, and are inserted at the position.
// CHECK-LABEL: soc.kernel @update
// CHECK-SAME: %[[P:[a-z0-9]+]]: index)
// CHECK: scf.forall (%[[I:.*]]) = (0) to (4) step (2)
// CHECK: %[[TILE:.*]] = linalg.generic
// CHECK-NEXT: ^bb0
// CHECK-NEXT: arith.truncf
// CHECK: %[[AT:.*]] = affine.apply #[[SUM]](%[[I]], %[[P]])
// CHECK: tensor.parallel_insert_slice %[[TILE]] into %{{.*}}[0, %[[AT]], 0, 0] [1, 2, 2, 8]
soc.kernel @update(%x: memref<1x4x2x8xf32>, %c: memref<1x16x2x8xf16>, %r: memref<1x16x2x8xf16>, %p: index) attributes {
    engine = "cpu", num_inputs = 2 : i64, updates = 1 : i64,
    variant = #soc.variant<"rows", precision = f32, tiles = [0, 2, 0, 0], panels = [0, 0], time_ps = 1, scratch_bytes = 0>} {
  %0 = bufferization.to_tensor %x restrict : memref<1x4x2x8xf32> to tensor<1x4x2x8xf32>
  %1 = bufferization.to_tensor %r restrict writable : memref<1x16x2x8xf16> to tensor<1x16x2x8xf16>
  %2 = nn.cache_update ins(%0 : tensor<1x4x2x8xf32>) at %p outs(%1 : tensor<1x16x2x8xf16>)
  bufferization.materialize_in_destination %2 in restrict writable %r : (tensor<1x16x2x8xf16>, memref<1x16x2x8xf16>) -> ()
  soc.return
}

// A tile of query rows is further on in the sequence; a tile of heads reads the
// key head of its group.
// CHECK-LABEL: soc.kernel @attend
// CHECK-SAME: %[[P:[a-z0-9]+]]: index)
// CHECK: scf.forall (%[[S:.*]], %[[H:.*]]) = (0, 0) to (4, 4) step (2, 2)
// CHECK-DAG: %[[AT:.*]] = affine.apply #[[SUM]](%[[P]], %[[S]])
// CHECK-DAG: %[[G:.*]] = affine.apply #[[HALF]](%[[H]])
// CHECK: nn.cached_attention ins({{.*}} : tensor<1x2x2x8xf32>, tensor<1x16x1x8xf16>, tensor<1x16x1x8xf16>) at %[[AT]]
soc.kernel @attend(%x: memref<1x4x4x8xf32>, %c: memref<1x16x2x8xf16>, %r: memref<1x4x4x8xf32>, %p: index) attributes {
    engine = "cpu", num_inputs = 2 : i64,
    variant = #soc.variant<"attention", precision = f32, tiles = [0, 2, 2, 0], panels = [0, 0], time_ps = 1, scratch_bytes = 0>} {
  %0 = bufferization.to_tensor %x restrict : memref<1x4x4x8xf32> to tensor<1x4x4x8xf32>
  %1 = bufferization.to_tensor %c restrict : memref<1x16x2x8xf16> to tensor<1x16x2x8xf16>
  %2 = bufferization.to_tensor %r restrict writable : memref<1x4x4x8xf32> to tensor<1x4x4x8xf32>
  %3 = nn.cached_attention ins(%0, %1, %1 : tensor<1x4x4x8xf32>, tensor<1x16x2x8xf16>, tensor<1x16x2x8xf16>)
         at %p outs(%2 : tensor<1x4x4x8xf32>) scale 1.0
  bufferization.materialize_in_destination %3 in restrict writable %r : (tensor<1x4x4x8xf32>, memref<1x4x4x8xf32>) -> ()
  soc.return
}

// Tables are cut where the rows of the tile are.
// CHECK-LABEL: soc.kernel @rotate
// CHECK: tensor.extract_slice %{{.*}}[0, %{{.*}}, 0] [1, 2, 8] [1, 1, 1] : tensor<1x16x8xf32> to tensor<1x2x8xf32>
// CHECK: nn.rope ins(%{{.*}} : tensor<1x2x4x8xf32>, tensor<1x2x8xf32>, tensor<1x2x8xf32>) outs(
soc.kernel @rotate(%x: memref<1x4x4x8xf32>, %c: memref<1x16x8xf32>, %r: memref<1x4x4x8xf32>, %p: index) attributes {
    engine = "cpu", num_inputs = 2 : i64,
    variant = #soc.variant<"rows", precision = f32, tiles = [0, 2, 0, 0], panels = [0, 0], time_ps = 1, scratch_bytes = 0>} {
  %0 = bufferization.to_tensor %x restrict : memref<1x4x4x8xf32> to tensor<1x4x4x8xf32>
  %1 = bufferization.to_tensor %c restrict : memref<1x16x8xf32> to tensor<1x16x8xf32>
  %2 = bufferization.to_tensor %r restrict writable : memref<1x4x4x8xf32> to tensor<1x4x4x8xf32>
  %3 = nn.rope ins(%0, %1, %1 : tensor<1x4x4x8xf32>, tensor<1x16x8xf32>, tensor<1x16x8xf32>) at %p outs(%2 : tensor<1x4x4x8xf32>)
  bufferization.materialize_in_destination %3 in restrict writable %r : (tensor<1x4x4x8xf32>, memref<1x4x4x8xf32>) -> ()
  soc.return
}
