// RUN: tercet-opt %s --tile-apply-variants | FileCheck %s

#i8g32 = #nn.groups<32 in 40 group 32 planes [<bits = 8, run = 1, at = 0>] codes signed scale f32 at 32 sum at 36>
#blocks = #soc.variant<"blocks", precision = f32, tiles = [1, 2, 0], panels = [0, 0], time_ps = 1, scratch_bytes = 0>

// A tile of two blocks reads their columns, of the last one too.
// CHECK-DAG: #[[COLUMNS:.*]] = affine_map<(d0) -> (d0 * 32)>
// CHECK-LABEL: soc.kernel @encode
// CHECK: scf.forall (%[[I:.*]], %[[B:.*]]) = (0, 0) to (4, 3) step (1, 2)
// CHECK: %[[SIZE:.*]] = affine.min #{{.*}}(%[[B]])
// CHECK: %[[FROM:.*]] = affine.apply #[[COLUMNS]](%[[B]])
// CHECK: %[[WIDTH:.*]] = affine.apply #[[COLUMNS]](%[[SIZE]])
// CHECK: tensor.extract_slice %{{.*}}[%[[I]], %[[FROM]]] [1, %[[WIDTH]]]
// CHECK: tensor.extract_slice %{{.*}}[%[[I]], %[[B]], 0] [1, %[[SIZE]], 40]
// CHECK: nn.encode_groups {{.*}} ins({{.*}} : tensor<1x?xf32>) outs({{.*}} : tensor<1x?x40xi8>)
soc.kernel @encode(%x: memref<4x96xf32>, %q: memref<4x3x40xi8>) attributes {engine = "gpu", num_inputs = 1 : i64, variant = #blocks} {
  %0 = bufferization.to_tensor %x restrict : memref<4x96xf32> to tensor<4x96xf32>
  %1 = bufferization.to_tensor %q restrict writable : memref<4x3x40xi8> to tensor<4x3x40xi8>
  %2 = nn.encode_groups #i8g32 ins(%0 : tensor<4x96xf32>) outs(%1 : tensor<4x3x40xi8>)
  bufferization.materialize_in_destination %2 in restrict writable %q : (tensor<4x3x40xi8>, memref<4x3x40xi8>) -> ()
  soc.return
}
