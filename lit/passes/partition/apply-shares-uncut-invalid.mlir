// RUN: tercet-opt %s --partition-apply-shares -split-input-file --verify-diagnostics

#v = #soc.variant<"v", precision = f32, tiles = [0, 0], panels = [0], time_ps = 1, scratch_bytes = 0>

// Softmax needs the rows together.
func.func @softmax(%x: tensor<6x8xf32>) -> tensor<6x8xf32> {
  // expected-error @below {{cannot be cut into rows 0 to 3}}
  %0 = soc.group shares [#soc.share<"a", begin = 0, size = 3, variant = #v>, #soc.share<"b", begin = 3, size = 3, variant = #v>] (%x) : (tensor<6x8xf32>) -> tensor<6x8xf32> {
  ^bb0(%y: tensor<6x8xf32>):
    %e = tensor.empty() : tensor<6x8xf32>
    %1 = linalg.softmax dimension(0) ins(%y : tensor<6x8xf32>) outs(%e : tensor<6x8xf32>) -> tensor<6x8xf32>
    soc.yield %1 : tensor<6x8xf32>
  }
  return %0 : tensor<6x8xf32>
}

// -----

#v = #soc.variant<"v", precision = f32, tiles = [0, 0], panels = [0], time_ps = 1, scratch_bytes = 0>

// Also where it is not the last of the group's operations.
func.func @softmax_inside(%x: tensor<6x8xf32>) -> tensor<6x8xf32> {
  // expected-error @below {{cannot be cut into rows 0 to 3}}
  %0 = soc.group shares [#soc.share<"a", begin = 0, size = 3, variant = #v>, #soc.share<"b", begin = 3, size = 3, variant = #v>] (%x) : (tensor<6x8xf32>) -> tensor<6x8xf32> {
  ^bb0(%y: tensor<6x8xf32>):
    %e = tensor.empty() : tensor<6x8xf32>
    %1 = linalg.softmax dimension(0) ins(%y : tensor<6x8xf32>) outs(%e : tensor<6x8xf32>) -> tensor<6x8xf32>
    %2 = linalg.exp ins(%1 : tensor<6x8xf32>) outs(%e : tensor<6x8xf32>) -> tensor<6x8xf32>
    soc.yield %2 : tensor<6x8xf32>
  }
  return %0 : tensor<6x8xf32>
}

// -----

#v = #soc.variant<"v", precision = f32, tiles = [0, 0], panels = [0], time_ps = 1, scratch_bytes = 0>

// Rows are those of one result.
func.func @results(%x: tensor<6x8xf32>) -> (tensor<6x8xf32>, tensor<6x8xf32>) {
  // expected-error @below {{cannot be cut into rows 0 to 3}}
  %0, %1 = soc.group shares [#soc.share<"a", begin = 0, size = 3, variant = #v>, #soc.share<"b", begin = 3, size = 3, variant = #v>] (%x) : (tensor<6x8xf32>) -> (tensor<6x8xf32>, tensor<6x8xf32>) {
  ^bb0(%y: tensor<6x8xf32>):
    %e = tensor.empty() : tensor<6x8xf32>
    %2 = linalg.exp ins(%y : tensor<6x8xf32>) outs(%e : tensor<6x8xf32>) -> tensor<6x8xf32>
    soc.yield %2, %2 : tensor<6x8xf32>, tensor<6x8xf32>
  }
  return %0, %1 : tensor<6x8xf32>, tensor<6x8xf32>
}

// -----

#v = #soc.variant<"v", precision = f32, tiles = [0, 0], panels = [0], time_ps = 1, scratch_bytes = 0>

// What yields an argument computes nothing that could be cut.
func.func @no_root(%x: tensor<6x8xf32>) -> tensor<6x8xf32> {
  // expected-error @below {{cannot be cut into rows 0 to 3}}
  %0 = soc.group shares [#soc.share<"a", begin = 0, size = 3, variant = #v>, #soc.share<"b", begin = 3, size = 3, variant = #v>] (%x) : (tensor<6x8xf32>) -> tensor<6x8xf32> {
  ^bb0(%y: tensor<6x8xf32>):
    soc.yield %y : tensor<6x8xf32>
  }
  return %0 : tensor<6x8xf32>
}

// -----

#v = #soc.variant<"v", precision = f32, tiles = [0, 0], panels = [0], time_ps = 1, scratch_bytes = 0>

// A part of a padding would be a branch on whether it meets the source.
func.func @padding(%x: tensor<6x8xf32>) -> tensor<8x8xf32> {
  // expected-error @below {{cannot be cut into rows 0 to 3}}
  %0 = soc.group shares [#soc.share<"a", begin = 0, size = 3, variant = #v>, #soc.share<"b", begin = 3, size = 5, variant = #v>] (%x) : (tensor<6x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%y: tensor<6x8xf32>):
    %c = arith.constant 0.0 : f32
    %p = tensor.pad %y low[1, 0] high[1, 0] {
    ^bb0(%i: index, %j: index):
      tensor.yield %c : f32
    } : tensor<6x8xf32> to tensor<8x8xf32>
    %e = tensor.empty() : tensor<8x8xf32>
    %1 = linalg.exp ins(%p : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) -> tensor<8x8xf32>
    soc.yield %1 : tensor<8x8xf32>
  }
  return %0 : tensor<8x8xf32>
}

// -----

#v = #soc.variant<"v", precision = f32, tiles = [0, 0], panels = [0, 0], time_ps = 1, scratch_bytes = 0>

// Sums of no terms are not worth a share.
func.func @no_terms(%x: tensor<4x0xf32>, %z: tensor<0x8xf32>) -> tensor<4x8xf32> {
  // expected-error @below {{cannot be cut into rows 0 to 3}}
  %0 = soc.group shares [#soc.share<"a", begin = 0, size = 3, variant = #v>, #soc.share<"b", begin = 3, size = 1, variant = #v>] (%x, %z) : (tensor<4x0xf32>, tensor<0x8xf32>) -> tensor<4x8xf32> {
  ^bb0(%y: tensor<4x0xf32>, %w: tensor<0x8xf32>):
    %c = arith.constant 0.0 : f32
    %e = tensor.empty() : tensor<4x8xf32>
    %f = linalg.fill ins(%c : f32) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
    %1 = linalg.matmul ins(%y, %w : tensor<4x0xf32>, tensor<0x8xf32>) outs(%f : tensor<4x8xf32>) -> tensor<4x8xf32>
    soc.yield %1 : tensor<4x8xf32>
  }
  return %0 : tensor<4x8xf32>
}
