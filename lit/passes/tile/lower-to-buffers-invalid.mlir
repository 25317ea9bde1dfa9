// RUN: tercet-opt %s --tile-lower-to-buffers --verify-diagnostics

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 128>

// An operation on tensors that has no form on memory.
soc.kernel @unknown(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  %0 = bufferization.to_tensor %a restrict : memref<4xf32> to tensor<4xf32>
  %1 = bufferization.to_tensor %b restrict writable : memref<4xf32> to tensor<4xf32>
  // expected-error @below {{op was not bufferized}}
  %2 = nn.activation silu ins(%0 : tensor<4xf32>) outs(%1 : tensor<4xf32>)
  bufferization.materialize_in_destination %2 in restrict writable %b : (tensor<4xf32>, memref<4xf32>) -> ()
  soc.return
}
