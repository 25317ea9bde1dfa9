// RUN: tercet-opt %s --tile-apply-variants -split-input-file --verify-diagnostics

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

// The root is an input as it came: there is no operation to tile.
// expected-error @below {{variant 'rows' tiles an operation that cannot be tiled}}
soc.kernel @no_root(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  %0 = bufferization.to_tensor %a restrict : memref<4xf32> to tensor<4xf32>
  bufferization.materialize_in_destination %0 in restrict writable %b : (tensor<4xf32>, memref<4xf32>) -> ()
  soc.return
}

// -----

#rows = #soc.variant<"cube", precision = f32, tiles = [1, 1, 1], panels = [0], time_ps = 1, scratch_bytes = 0>

// expected-error @below {{variant 'cube' tiles 3 dimensions, which are not all loops of the root}}
soc.kernel @rank(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  %0 = bufferization.to_tensor %a restrict : memref<4xf32> to tensor<4xf32>
  %1 = bufferization.to_tensor %b restrict writable : memref<4xf32> to tensor<4xf32>
  %2 = nn.activation silu ins(%0 : tensor<4xf32>) outs(%1 : tensor<4xf32>)
  bufferization.materialize_in_destination %2 in restrict writable %b : (tensor<4xf32>, memref<4xf32>) -> ()
  soc.return
}

// -----

#rows = #soc.variant<"columns", precision = f32, tiles = [0, 4], panels = [0, 0], time_ps = 1, scratch_bytes = 0>

// A norm needs its rows whole.
// expected-error @below {{cannot be tiled by variant 'columns'}}
soc.kernel @norm(%a: memref<4x8xf32>, %s: memref<8xf32>, %b: memref<4x8xf32>) attributes {engine = "cpu", num_inputs = 2 : i64, variant = #rows} {
  %0 = bufferization.to_tensor %a restrict : memref<4x8xf32> to tensor<4x8xf32>
  %1 = bufferization.to_tensor %s restrict : memref<8xf32> to tensor<8xf32>
  %2 = bufferization.to_tensor %b restrict writable : memref<4x8xf32> to tensor<4x8xf32>
  // expected-error @below {{dimension 1 cannot be tiled}}
  // expected-error @below {{to tile operation}}
  // expected-error @below {{failed to generate tiling loops}}
  %3 = nn.rms_norm ins(%0, %1 : tensor<4x8xf32>, tensor<8xf32>) outs(%2 : tensor<4x8xf32>) epsilon 1.000000e-06
  bufferization.materialize_in_destination %3 in restrict writable %b : (tensor<4x8xf32>, memref<4x8xf32>) -> ()
  soc.return
}

// -----

#tiles = #soc.variant<"odd", precision = f32, tiles = [0, 24], panels = [0, 16], time_ps = 1, scratch_bytes = 0>

// Tiles start at panels.
// expected-error @below {{cannot be tiled by variant 'odd'}}
soc.kernel @packed(%a: memref<4x8xf32>, %b: memref<4x8x16xf32>, %c: memref<4x64xf32>) attributes {engine = "cpu", num_inputs = 2 : i64, variant = #tiles} {
  %0 = bufferization.to_tensor %a restrict : memref<4x8xf32> to tensor<4x8xf32>
  %1 = bufferization.to_tensor %b restrict : memref<4x8x16xf32> to tensor<4x8x16xf32>
  %2 = bufferization.to_tensor %c restrict writable : memref<4x64xf32> to tensor<4x64xf32>
  // expected-error @below {{a tile of 24 columns is no multiple of the panel of 16}}
  // expected-error @below {{to tile operation}}
  // expected-error @below {{failed to generate tiling loops}}
  %3 = nn.packed_matmul ins(%0, %1 : tensor<4x8xf32>, tensor<4x8x16xf32>) outs(%2 : tensor<4x64xf32>)
  bufferization.materialize_in_destination %3 in restrict writable %c : (tensor<4x64xf32>, memref<4x64xf32>) -> ()
  soc.return
}

// -----

#odd = #soc.variant<"odd", precision = i8, tiles = [0, 48], panels = [0, 32], time_ps = 1, scratch_bytes = 0>

// expected-error @below {{cannot be tiled by variant 'odd'}}
soc.kernel @packed_integers(%a: memref<4x8xi8>, %b: memref<3x2x32x4xi8>, %s: memref<96xi32>, %c: memref<4x96xi8>) attributes {engine = "npu", num_inputs = 3 : i64, variant = #odd} {
  %0 = bufferization.to_tensor %a restrict : memref<4x8xi8> to tensor<4x8xi8>
  %1 = bufferization.to_tensor %b restrict : memref<3x2x32x4xi8> to tensor<3x2x32x4xi8>
  %2 = bufferization.to_tensor %s restrict : memref<96xi32> to tensor<96xi32>
  %3 = bufferization.to_tensor %c restrict writable : memref<4x96xi8> to tensor<4x96xi8>
  // expected-error @below {{a tile of 48 columns is no multiple of the panel of 32}}
  // expected-error @below {{to tile operation}}
  // expected-error @below {{failed to generate tiling loops}}
  %4 = nn.quantized_matmul ins(%0, %1, %2, %2 : tensor<4x8xi8>, tensor<3x2x32x4xi8>, tensor<96xi32>, tensor<96xi32>)
         outs(%3 : tensor<4x96xi8>) shift 7 zero 0
  bufferization.materialize_in_destination %4 in restrict writable %c : (tensor<4x96xi8>, memref<4x96xi8>) -> ()
  soc.return
}
