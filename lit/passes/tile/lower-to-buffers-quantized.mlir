// RUN: tercet-opt %s --tile-lower-to-buffers | FileCheck %s

#rows = #soc.variant<"rows", precision = i8, tiles = [2, 0], panels = [0, 0], time_ps = 1, scratch_bytes = 0>

// Integer operations that an engine takes whole live on, on memory, without a
// copy: what is in a destination does not matter to them.
// CHECK-LABEL: soc.kernel @whole
// CHECK-SAME: (%[[A:.*]]: memref<4x8xi8>, %[[B:.*]]: memref<8x8xi8>, %[[S:.*]]: memref<8xi32>, %[[O:.*]]: memref<4x8xi8>)
// CHECK: %[[U:.*]] = memref.alloc() {alignment = 64 : i64} : memref<4x8xi16>
// CHECK: %[[T:.*]] = memref.alloc() {alignment = 64 : i64} : memref<4x8xi16>
// CHECK: nn.quantized_matmul ins(%[[A]], %[[B]], %[[S]], %[[S]] : {{.*}}) outs(%[[T]] : memref<4x8xi16>) shift 7 zero 0
// CHECK: nn.quantized_rms_norm ins(%[[T]], %[[S]] : {{.*}}) outs(%[[U]] : memref<4x8xi16>)
// CHECK: nn.rescale ins(%[[U]] : memref<4x8xi16>) outs(%[[O]] : memref<4x8xi8>)
// CHECK-NOT: memref.copy %[[T]]
// CHECK-NOT: tensor<
// CHECK: soc.return
soc.kernel @whole(%a: memref<4x8xi8>, %b: memref<8x8xi8>, %s: memref<8xi32>, %o: memref<4x8xi8>)
    attributes {engine = "npu", num_inputs = 3 : i64, variant = #rows} {
  %0 = bufferization.to_tensor %a restrict : memref<4x8xi8> to tensor<4x8xi8>
  %1 = bufferization.to_tensor %b restrict : memref<8x8xi8> to tensor<8x8xi8>
  %2 = bufferization.to_tensor %s restrict : memref<8xi32> to tensor<8xi32>
  %3 = bufferization.to_tensor %o restrict writable : memref<4x8xi8> to tensor<4x8xi8>
  %e = tensor.empty() : tensor<4x8xi16>
  %4 = nn.quantized_matmul ins(%0, %1, %2, %2 : tensor<4x8xi8>, tensor<8x8xi8>, tensor<8xi32>, tensor<8xi32>)
         outs(%e : tensor<4x8xi16>) shift 7 zero 0
  %5 = nn.quantized_rms_norm ins(%4, %2 : tensor<4x8xi16>, tensor<8xi32>) outs(%e : tensor<4x8xi16>) epsilon 12 gain_shift 3 zero 0
  %6 = nn.rescale ins(%5 : tensor<4x8xi16>) outs(%3 : tensor<4x8xi8>) multiplier 9000 offset 0 shift 20 zero 3
  bufferization.materialize_in_destination %6 in restrict writable %o : (tensor<4x8xi8>, memref<4x8xi8>) -> ()
  soc.return
}
