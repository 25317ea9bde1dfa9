// RUN: tercet-opt %s --partition-apply-pipeline=count=2 | FileCheck %s
// RUN: tercet-opt %s --partition-apply-pipeline=count=1 | FileCheck %s --check-prefix=ONE

// The entry itself stays; behind it is one with the arguments and results of
// two inferences. Each reads its own argument, both the same weight.
// CHECK-LABEL: func.func @main(%arg0: tensor<4xf32> {nn.name = "x"}) -> (tensor<4xf32> {nn.name = "y"})
// CHECK-LABEL: func.func @main_x2(%arg0: tensor<4xf32> {nn.name = "x.0"}, %arg1: tensor<4xf32> {nn.name = "x.1"})
// CHECK-SAME: -> (tensor<4xf32> {nn.name = "y.0"}, tensor<4xf32> {nn.name = "y.1"})
// CHECK: %[[W:.*]] = nn.get_weight @w
// CHECK: %[[A:.*]] = soc.group(%arg0, %[[W]])
// CHECK: %[[V:.*]] = nn.get_weight @w
// CHECK: %[[B:.*]] = soc.group(%arg1, %[[V]])
// CHECK: return %[[A]], %[[B]]
// ONE-NOT: @main_x
nn.weight @w = dense<1.0> : tensor<4xf32>
func.func @main(%x: tensor<4xf32> {nn.name = "x"}) -> (tensor<4xf32> {nn.name = "y"}) {
  %w = nn.get_weight @w : tensor<4xf32>
  %0 = soc.group (%x, %w) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>, %b: tensor<4xf32>):
    %e = tensor.empty() : tensor<4xf32>
    %1 = linalg.add ins(%a, %b : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
    soc.yield %1 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}
