// Entries that match nothing, schemes that there are not, rows of no whole groups.
// RUN: tercet-opt %s --split-input-file --verify-diagnostics --graph-encode-weights="entries=short=w4g32"

// expected-error @unknown {{'short=w4g32' of --quantize matches no product or gather with a constant matrix}}
module {
  nn.weight @other = dense<3.0> : tensor<64x32xf32>
}

// -----

nn.weight @short = dense<3.0> : tensor<20x32xf32>
func.func @rows(%x: tensor<4x20xf32>, %c: tensor<4x32xf32>) -> tensor<4x32xf32> {
  %w = nn.get_weight @short : tensor<20x32xf32>
  // expected-error @below {{'short=w4g32' of --quantize cannot be honoured: rows of 20 elements are no whole groups of 32; give the node a scheme with shorter groups, or f32}}
  %0 = linalg.matmul ins(%x, %w : tensor<4x20xf32>, tensor<20x32xf32>) outs(%c : tensor<4x32xf32>) -> tensor<4x32xf32>
  return %0 : tensor<4x32xf32>
}
