// RUN: not tercet-opt %s --partition-apply-pipeline=count=two 2>&1 | FileCheck %s

// A count has to be a number.
// CHECK: 'two' value invalid for uint argument
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
