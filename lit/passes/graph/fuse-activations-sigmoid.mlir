// RUN: tercet-opt %s --graph-fuse-activations | FileCheck %s

// A sigmoid spelled out, and x times it: SiLU, in one run of the pass.
// CHECK-LABEL: @silu
// CHECK-NEXT: tensor.empty
// CHECK-NEXT: nn.activation silu ins(%arg0
// CHECK-NEXT: return
func.func @silu(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %one = arith.constant dense<1.0> : tensor<4x8xf32>
  %e = tensor.empty() : tensor<4x8xf32>
  %0 = linalg.negf ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = linalg.exp ins(%0 : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = linalg.add ins(%1, %one : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %3 = linalg.div ins(%one, %2 : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %4 = linalg.mul ins(%x, %3 : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %4 : tensor<4x8xf32>
}

// The importer's sigmoid; x times the sigmoid of 1.702 x is QuickGELU.
// CHECK-LABEL: @quick_gelu
// CHECK-NEXT: tensor.empty
// CHECK-NEXT: nn.activation quick_gelu ins(%arg0
// CHECK-NEXT: return
func.func @quick_gelu(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %c = arith.constant dense<1.702> : tensor<4x8xf32>
  %e = tensor.empty() : tensor<4x8xf32>
  %0 = linalg.mul ins(%x, %c : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = nn.activation sigmoid ins(%0 : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
  %2 = linalg.mul ins(%1, %x : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}

// A gate of another tensor is not SiLU.
// CHECK-LABEL: @gate
// CHECK: nn.activation sigmoid ins(%arg0
// CHECK-NEXT: linalg.mul
func.func @gate(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %e = tensor.empty() : tensor<4x8xf32>
  %1 = nn.activation sigmoid ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
  %2 = linalg.mul ins(%1, %y : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}

// A sigmoid that has another reader is still computed, beside the SiLU.
// CHECK-LABEL: @sigmoid_used_elsewhere
// CHECK-DAG: %[[S:.*]] = nn.activation sigmoid ins(%arg0
// CHECK-DAG: %[[Y:.*]] = nn.activation silu ins(%arg0
// CHECK: return %[[Y]], %[[S]]
func.func @sigmoid_used_elsewhere(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %e = tensor.empty() : tensor<4x8xf32>
  %1 = nn.activation sigmoid ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
  %2 = linalg.mul ins(%1, %x : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %2, %1 : tensor<4x8xf32>, tensor<4x8xf32>
}
