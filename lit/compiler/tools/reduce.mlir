// tercet-reduce knows the dialects and shrinks a module to what the script
// looks for: here, an activation.

// RUN: tercet-reduce %s --reduction-tree="traversal-mode=0 test=%S/Inputs/has-activation.sh" | FileCheck %s

// CHECK-NOT: @unrelated
// CHECK: func.func @main
// CHECK: nn.activation
func.func @unrelated(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  return %arg0 : tensor<4xf32>
}

func.func @main(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = tensor.empty() : tensor<4xf32>
  %1 = nn.activation gelu_tanh ins(%arg0 : tensor<4xf32>) outs(%0 : tensor<4xf32>)
  return %1 : tensor<4xf32>
}
