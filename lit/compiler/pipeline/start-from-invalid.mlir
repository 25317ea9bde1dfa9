// Text that begins with a later stage is held to what the stage before it promises.
// RUN: not tercet-compile %s --start-from partition -o %t 2>&1 | FileCheck %s
// CHECK: error: {{.*}}'linalg.exp' op is left outside of a group after the graph stage
func.func @outside(%x: tensor<4xf32>, %e: tensor<4xf32>) -> tensor<4xf32> {
  %0 = linalg.exp ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
