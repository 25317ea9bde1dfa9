// RUN: tercet-opt %s --tile-apply-variants | FileCheck %s

#packed = #soc.variant<"packed", precision = i8, tiles = [2, 32], panels = [0, 32], time_ps = 1, scratch_bytes = 0>
#attention = #soc.variant<"attention", precision = i8, tiles = [0, 2, 1, 0], panels = [0, 0, 0], time_ps = 1, scratch_bytes = 0>
#rows = #soc.variant<"rows", precision = i8, tiles = [2, 0], panels = [0, 0], time_ps = 1, scratch_bytes = 0>

// A tile of 32 columns is one panel of 32, with its biases and multipliers.
// CHECK-LABEL: soc.kernel @packed
// CHECK: scf.forall (%[[I:.*]], %[[J:.*]]) = (0, 0) to (4, 64) step (2, 32)
// CHECK: tensor.extract_slice %{{.*}}[%[[I]], 0] [2, 8]
// CHECK: %[[P:.*]] = affine.apply #{{.*}}(%[[J]])
// CHECK: tensor.extract_slice %{{.*}}[%[[P]], 0, 0, 0] [1, 2, 32, 4]
// CHECK: tensor.extract_slice %{{.*}}[%[[J]]] [32]
// CHECK: tensor.extract_slice %{{.*}}[%[[J]]] [32]
// CHECK: nn.quantized_matmul ins({{.*}} : tensor<2x8xi8>, tensor<1x2x32x4xi8>, tensor<32xi32>, tensor<32xi32>) outs({{.*}} : tensor<2x32xi8>) shift 7 zero -3
soc.kernel @packed(%a: memref<4x8xi8>, %b: memref<2x2x32x4xi8>, %s: memref<64xi32>, %m: memref<64xi32>, %c: memref<4x64xi8>)
    attributes {engine = "npu", num_inputs = 4 : i64, variant = #packed} {
  %0 = bufferization.to_tensor %a restrict : memref<4x8xi8> to tensor<4x8xi8>
  %1 = bufferization.to_tensor %b restrict : memref<2x2x32x4xi8> to tensor<2x2x32x4xi8>
  %2 = bufferization.to_tensor %s restrict : memref<64xi32> to tensor<64xi32>
  %3 = bufferization.to_tensor %m restrict : memref<64xi32> to tensor<64xi32>
  %4 = bufferization.to_tensor %c restrict writable : memref<4x64xi8> to tensor<4x64xi8>
  %5 = nn.quantized_matmul ins(%0, %1, %2, %3 : tensor<4x8xi8>, tensor<2x2x32x4xi8>, tensor<64xi32>, tensor<64xi32>)
         outs(%4 : tensor<4x64xi8>) shift 7 zero -3
  bufferization.materialize_in_destination %5 in restrict writable %c : (tensor<4x64xi8>, memref<4x64xi8>) -> ()
  soc.return
}

// Four query heads share each key head, as in nn.attention.
// CHECK-LABEL: soc.kernel @attention
// CHECK: scf.forall (%[[S:.*]], %[[H:.*]]) = (0, 0) to (6, 8) step (2, 1)
// CHECK: tensor.extract_slice %{{.*}}[0, %[[S]], %[[H]], 0] [1, 2, 1, 16]
// CHECK: %[[G:.*]] = affine.apply #{{.*}}(%[[H]])
// CHECK: tensor.extract_slice %{{.*}}[0, 0, %[[G]], 0] [1, 10, 1, 16]
// CHECK: tensor.extract_slice %{{.*}}[0, 0, %[[S]], 0] [1, 1, 2, 10]
// CHECK: nn.quantized_attention
soc.kernel @attention(%q: memref<1x6x8x16xi8>, %k: memref<1x10x2x16xi8>, %m: memref<1x1x6x10xi16>, %o: memref<1x6x8x16xi8>)
    attributes {engine = "npu", num_inputs = 3 : i64, variant = #attention} {
  %0 = bufferization.to_tensor %q restrict : memref<1x6x8x16xi8> to tensor<1x6x8x16xi8>
  %1 = bufferization.to_tensor %k restrict : memref<1x10x2x16xi8> to tensor<1x10x2x16xi8>
  %2 = bufferization.to_tensor %m restrict : memref<1x1x6x10xi16> to tensor<1x1x6x10xi16>
  %3 = bufferization.to_tensor %o restrict writable : memref<1x6x8x16xi8> to tensor<1x6x8x16xi8>
  %4 = nn.quantized_attention ins(%0, %1, %1 : tensor<1x6x8x16xi8>, tensor<1x10x2x16xi8>, tensor<1x10x2x16xi8>)
         mask(%2 : tensor<1x1x6x10xi16>) outs(%3 : tensor<1x6x8x16xi8>)
         score_multiplier 1476395008 score_shift 4 multiplier 1610612736 shift 0 zero 0
  bufferization.materialize_in_destination %4 in restrict writable %o : (tensor<1x6x8x16xi8>, memref<1x6x8x16xi8>) -> ()
  soc.return
}

// What produces the operands of a tile is fused into it; a table and what lies
// along the normalised dimension is needed whole.
// CHECK-LABEL: soc.kernel @rows
// CHECK: scf.forall (%[[I:.*]]) = (0) to (4) step (2)
// CHECK: nn.lookup ins({{.*}} : tensor<2x8xi8>, tensor<256xi16>)
// CHECK: nn.quantized_add ins({{.*}} : tensor<2x8xi16>, tensor<2x8xi16>)
// CHECK: nn.quantized_layer_norm ins({{.*}} : tensor<2x8xi16>, tensor<8xi32>, tensor<8xi32>) outs({{.*}} : tensor<2x8xi16>)
// CHECK: nn.rescale ins({{.*}} : tensor<2x8xi16>) outs({{.*}} : tensor<2x8xi8>)
soc.kernel @rows(%a: memref<4x8xi8>, %t: memref<256xi16>, %g: memref<8xi32>, %o: memref<4x8xi8>)
    attributes {engine = "npu", num_inputs = 3 : i64, variant = #rows} {
  %0 = bufferization.to_tensor %a restrict : memref<4x8xi8> to tensor<4x8xi8>
  %1 = bufferization.to_tensor %t restrict : memref<256xi16> to tensor<256xi16>
  %2 = bufferization.to_tensor %g restrict : memref<8xi32> to tensor<8xi32>
  %3 = bufferization.to_tensor %o restrict writable : memref<4x8xi8> to tensor<4x8xi8>
  %e = tensor.empty() : tensor<4x8xi16>
  %4 = nn.lookup ins(%0, %1 : tensor<4x8xi8>, tensor<256xi16>) outs(%e : tensor<4x8xi16>)
  %5 = nn.quantized_add ins(%4, %4 : tensor<4x8xi16>, tensor<4x8xi16>) outs(%e : tensor<4x8xi16>)
         multipliers [16384, 9000] offset 0 shift 15 zero 0
  %6 = nn.quantized_layer_norm ins(%5, %2, %2 : tensor<4x8xi16>, tensor<8xi32>, tensor<8xi32>)
         outs(%e : tensor<4x8xi16>) epsilon 12 gain_shift 3 zero 0
  %7 = nn.rescale ins(%6 : tensor<4x8xi16>) outs(%3 : tensor<4x8xi8>) multiplier 9000 offset 0 shift 20 zero 3
  bufferization.materialize_in_destination %7 in restrict writable %o : (tensor<4x8xi8>, memref<4x8xi8>) -> ()
  soc.return
}
