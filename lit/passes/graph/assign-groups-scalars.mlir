// RUN: tercet-opt %s --graph-assign-groups | FileCheck %s

// Scalars enter a group after its tensors; what is computed from them alone is
// computed inside.
// CHECK-LABEL: @next
// CHECK-SAME: %[[P:[a-z0-9]+]]: index)
// CHECK: soc.group(%arg0, %arg1) scalars(%[[P]]) : (tensor<1x4x2x8xf32>, tensor<1x16x2x8xf16>) -> tensor<1x16x2x8xf16>
// CHECK-NEXT: ^bb0(%[[X:.*]]: tensor<1x4x2x8xf32>, %[[C:.*]]: tensor<1x16x2x8xf16>, %[[Q:.*]]: index)
// CHECK-DAG: %[[ONE:.*]] = arith.constant 1 : index
// CHECK-DAG: %[[NEXT:.*]] = arith.addi %[[Q]], %[[ONE]]
// CHECK: nn.cache_update ins(%[[X]] : {{.*}}) at %[[NEXT]] outs(%[[C]]
func.func @next(%x: tensor<1x4x2x8xf32>, %c: tensor<1x16x2x8xf16>, %p: index) -> tensor<1x16x2x8xf16> {
  %one = arith.constant 1 : index
  %next = arith.addi %p, %one : index
  %0 = nn.cache_update ins(%x : tensor<1x4x2x8xf32>) at %next outs(%c : tensor<1x16x2x8xf16>)
  return %0 : tensor<1x16x2x8xf16>
}
