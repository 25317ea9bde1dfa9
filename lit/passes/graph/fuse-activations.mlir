// RUN: tercet-opt %s --graph-fuse-activations | FileCheck %s

// x/2 (1 + erf(x / sqrt 2)), the spelling of PyTorch's exporter.
// CHECK-LABEL: @gelu_erf
// CHECK-NEXT: tensor.empty
// CHECK-NEXT: nn.activation gelu_erf ins(%arg0
// CHECK-NEXT: return
func.func @gelu_erf(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %root = arith.constant dense<1.41421354> : tensor<4x8xf32>
  %one = arith.constant dense<1.0> : tensor<4x8xf32>
  %half = arith.constant dense<0.5> : tensor<4x8xf32>
  %e = tensor.empty() : tensor<4x8xf32>
  %0 = linalg.div ins(%x, %root : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = linalg.erf ins(%0 : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = linalg.add ins(%1, %one : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %3 = linalg.mul ins(%x, %2 : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %4 = linalg.mul ins(%3, %half : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %4 : tensor<4x8xf32>
}

// The same with x/2 first, a multiplication by 1/sqrt 2, and operands swapped.
// CHECK-LABEL: @gelu_erf_half_first
// CHECK-NEXT: tensor.empty
// CHECK-NEXT: nn.activation gelu_erf ins(%arg0
// CHECK-NEXT: return
func.func @gelu_erf_half_first(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %root = arith.constant dense<0.707106769> : tensor<4x8xf32>
  %one = arith.constant dense<1.0> : tensor<4x8xf32>
  %half = arith.constant dense<0.5> : tensor<4x8xf32>
  %e = tensor.empty() : tensor<4x8xf32>
  %0 = linalg.mul ins(%half, %x : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = linalg.mul ins(%root, %x : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = linalg.erf ins(%1 : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %3 = linalg.add ins(%one, %2 : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %4 = linalg.mul ins(%3, %0 : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %4 : tensor<4x8xf32>
}

// With 1.5 in place of 1 it is another function.
// CHECK-LABEL: @wrong_constant
// CHECK-NOT: nn.activation
// CHECK: return
func.func @wrong_constant(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %root = arith.constant dense<1.41421354> : tensor<4x8xf32>
  %one = arith.constant dense<1.5> : tensor<4x8xf32>
  %half = arith.constant dense<0.5> : tensor<4x8xf32>
  %e = tensor.empty() : tensor<4x8xf32>
  %0 = linalg.div ins(%x, %root : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = linalg.erf ins(%0 : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = linalg.add ins(%1, %one : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %3 = linalg.mul ins(%x, %2 : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %4 = linalg.mul ins(%3, %half : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %4 : tensor<4x8xf32>
}
