// RUN: tercet-opt %s --verify-graph -split-input-file --verify-diagnostics

// What computes must be in a group.
func.func @outside(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{'tensor.empty' op is left outside of a group after the graph stage}}
  %e = tensor.empty() : tensor<4xf32>
  // expected-error @below {{'linalg.exp' op is left outside of a group after the graph stage}}
  %0 = linalg.exp ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// Shapes must be static.
func.func @dynamic(%x: tensor<?xf32>) -> tensor<?xf32> {
  // expected-error @below {{expected results of static shape, got 'tensor<?xf32>'}}
  %0 = soc.group (%x) : (tensor<?xf32>) -> tensor<?xf32> {
  ^bb0(%y: tensor<?xf32>):
    soc.yield %y : tensor<?xf32>
  }
  return %0 : tensor<?xf32>
}

// -----

// The last position of four rows in a cache of 16 is 12.
func.func @beyond(%x: tensor<1x4x2x8xf32>, %c: tensor<1x16x2x8xf16>, %p: index {nn.range = #nn.range<0, 13>}) -> tensor<1x16x2x8xf16> {
  %0 = soc.group (%x, %c) scalars (%p) : (tensor<1x4x2x8xf32>, tensor<1x16x2x8xf16>) -> tensor<1x16x2x8xf16> {
  ^bb0(%a: tensor<1x4x2x8xf32>, %b: tensor<1x16x2x8xf16>, %q: index):
    // expected-error @below {{has 4 rows at a position from 0 to 13, which exceeds the 16 rows of its cache or table; expected a position from 0 to 12}}
    %1 = nn.cache_update ins(%a : tensor<1x4x2x8xf32>) at %q outs(%b : tensor<1x16x2x8xf16>)
    soc.yield %1 : tensor<1x16x2x8xf16>
  }
  return %0 : tensor<1x16x2x8xf16>
}

// -----

// What is added inside counts, too, and a table is no longer than it is.
func.func @sum(%x: tensor<1x4x2x8xf32>, %t: tensor<1x16x8xf32>, %p: index {nn.range = #nn.range<0, 12>}) -> tensor<1x4x2x8xf32> {
  %0 = soc.group (%x, %t) scalars (%p) : (tensor<1x4x2x8xf32>, tensor<1x16x8xf32>) -> tensor<1x4x2x8xf32> {
  ^bb0(%a: tensor<1x4x2x8xf32>, %s: tensor<1x16x8xf32>, %q: index):
    %one = arith.constant 1 : index
    %next = arith.addi %q, %one : index
    %e = tensor.empty() : tensor<1x4x2x8xf32>
    // expected-error @below {{has 4 rows at a position from 1 to 13}}
    %1 = nn.rope ins(%a, %s, %s : tensor<1x4x2x8xf32>, tensor<1x16x8xf32>, tensor<1x16x8xf32>) at %next outs(%e : tensor<1x4x2x8xf32>)
    soc.yield %1 : tensor<1x4x2x8xf32>
  }
  return %0 : tensor<1x4x2x8xf32>
}

// -----

func.func @unbounded(%x: tensor<1x4x4x8xf32>, %c: tensor<1x16x2x8xf16>, %p: index) -> tensor<1x4x4x8xf32> {
  %0 = soc.group (%x, %c) scalars (%p) : (tensor<1x4x4x8xf32>, tensor<1x16x2x8xf16>) -> tensor<1x4x4x8xf32> {
  ^bb0(%a: tensor<1x4x4x8xf32>, %b: tensor<1x16x2x8xf16>, %q: index):
    %e = tensor.empty() : tensor<1x4x4x8xf32>
    // expected-error @below {{is at a position of unknown bounds; expected an argument with `nn.range`, or a sum of such and constants}}
    %1 = nn.cached_attention ins(%a, %b, %b : tensor<1x4x4x8xf32>, tensor<1x16x2x8xf16>, tensor<1x16x2x8xf16>) at %q outs(%e : tensor<1x4x4x8xf32>) scale 1.0
    soc.yield %1 : tensor<1x4x4x8xf32>
  }
  return %0 : tensor<1x4x4x8xf32>
}
