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
