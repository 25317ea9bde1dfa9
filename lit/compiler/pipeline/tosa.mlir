// RUN: tercet-compile %s --target x86_64-linux-gnu --stop-after graph | FileCheck %s
// RUN: tercet-compile %s --target x86_64-linux-gnu --quiet -o %t

// TOSA goes through upstream's lowering to linalg and then the same way as
// everything else: product, bias and sigmoid are one group.
// CHECK-LABEL: @main
// CHECK: soc.group(%arg0, %arg1)
// CHECK: linalg.batch_matmul
// CHECK: arith.addf
// CHECK: math.exp
// CHECK-NOT: soc.group
// CHECK: return
func.func @main(%x: tensor<1x4x8xf32>, %w: tensor<1x8x16xf32>) -> tensor<1x4x16xf32> {
  %zp = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %0 = tosa.matmul %x, %w, %zp, %zp : (tensor<1x4x8xf32>, tensor<1x8x16xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x16xf32>
  %b = "tosa.const"() <{values = dense<1.0> : tensor<1x1x16xf32>}> : () -> tensor<1x1x16xf32>
  %1 = tosa.add %0, %b : (tensor<1x4x16xf32>, tensor<1x1x16xf32>) -> tensor<1x4x16xf32>
  %2 = tosa.sigmoid %1 : (tensor<1x4x16xf32>) -> tensor<1x4x16xf32>
  return %2 : tensor<1x4x16xf32>
}
