// Weights are rounded to groups; the last entry that names a node or its weight wins.
// RUN: tercet-opt %s --graph-encode-weights="entries=w4g32,second*=w8,third=f32" | FileCheck %s
// RUN: tercet-opt %s --graph-encode-weights | FileCheck %s --check-prefix=NONE
// RUN: tercet-opt %s --graph-encode-weights="entries=f16" | FileCheck %s --check-prefix=HALVES
// NONE-NOT: #nn.encode

// Halves need no whole groups; what they are widened to is what products read.
// HALVES-DAG: nn.weight @{{.*}} = #nn.transpose<#nn.cast<#nn.cast<#nn.file<"m", offset = 0, bytes = 8192> : tensor<32x64xf32>> : tensor<32x64xf16>> : tensor<32x64xf32>, perm = [1, 0]> : tensor<64x32xf32>
// HALVES-DAG: nn.weight @{{.*}} = #nn.transpose<#nn.cast<#nn.cast<#nn.transpose<dense<3.000000e+00> : tensor<20x32xf32>, perm = [1, 0]> : tensor<32x20xf32>> : tensor<32x20xf16>> : tensor<32x20xf32>, perm = [1, 0]> : tensor<20x32xf32>
// HALVES-DAG: nn.weight @alone = dense<3.000000e+00> : tensor<32x64xf32>

// CHECK-DAG: nn.weight @[[A:.*]] = #nn.transpose<#nn.decode<#nn.encode<#nn.file<"m", offset = 0, bytes = 8192> : tensor<32x64xf32>, format = <32 in 18 {{.*}}> : tensor<32x64xf32>, perm = [1, 0]> : tensor<64x32xf32>
// CHECK-DAG: nn.weight @[[B:.*]] = #nn.transpose<#nn.decode<#nn.encode<#nn.transpose<dense<1.000000e+00> : tensor<64x32xf32>, perm = [1, 0]> : tensor<32x64xf32>, format = <32 in 34 {{.*}}> : tensor<32x64xf32>, perm = [1, 0]> : tensor<64x32xf32>
// CHECK-DAG: nn.weight @[[C:.*]] = dense<2.000000e+00> : tensor<64x32xf32> float_activations
// CHECK-DAG: nn.weight @[[E:.*]] = #nn.decode<#nn.encode<#nn.file<"m", offset = 0, bytes = 8192> : tensor<32x64xf32>, format = <32 in 18 {{.*}}> : tensor<32x64xf32>
nn.weight @first = #nn.transpose<#nn.file<"m", offset = 0, bytes = 8192> : tensor<32x64xf32>, perm = [1, 0]> : tensor<64x32xf32>
nn.weight @second = dense<1.0> : tensor<64x32xf32>
nn.weight @third = dense<2.0> : tensor<64x32xf32>
nn.weight @table = #nn.file<"m", offset = 0, bytes = 8192> : tensor<32x64xf32>
nn.weight @alone = dense<3.0> : tensor<32x64xf32>
nn.weight @short = dense<3.0> : tensor<20x32xf32>

// Rows of 20 elements are no whole groups, and a table that no product reads is
// nothing that a scheme without a pattern is for.
// CHECK-LABEL: @all
// CHECK: nn.get_weight @[[A]]
// CHECK: nn.get_weight @[[B]]
// CHECK: nn.get_weight @[[C]]
// CHECK: nn.get_weight @[[E]]
// CHECK: nn.gather
// CHECK: %[[ALONE:.*]] = nn.get_weight @alone
// CHECK: nn.gather axis 0 ins(%[[ALONE]]
// CHECK: %[[SHORT:.*]] = nn.get_weight @short
// CHECK: linalg.matmul ins(%arg1, %[[SHORT]]
func.func @all(%x: tensor<4x64xf32>, %y: tensor<4x20xf32>, %i: tensor<4xi64>, %c: tensor<4x32xf32>, %e: tensor<4x64xf32>) -> (tensor<4x32xf32>, tensor<4x64xf32>, tensor<4x64xf32>, tensor<4x32xf32>) {
  %a = nn.get_weight @first : tensor<64x32xf32>
  %0 = linalg.matmul ins(%x, %a : tensor<4x64xf32>, tensor<64x32xf32>) outs(%c : tensor<4x32xf32>) -> tensor<4x32xf32>
  %b = nn.get_weight @second : tensor<64x32xf32>
  %1 = linalg.matmul ins(%x, %b : tensor<4x64xf32>, tensor<64x32xf32>) outs(%0 : tensor<4x32xf32>) -> tensor<4x32xf32>
  %d = nn.get_weight @third : tensor<64x32xf32>
  %2 = linalg.matmul ins(%x, %d : tensor<4x64xf32>, tensor<64x32xf32>) outs(%1 : tensor<4x32xf32>) -> tensor<4x32xf32>
  %t = nn.get_weight @table : tensor<32x64xf32>
  %3 = nn.gather axis 0 ins(%t, %i : tensor<32x64xf32>, tensor<4xi64>) outs(%e : tensor<4x64xf32>)
  %u = nn.get_weight @alone : tensor<32x64xf32>
  %4 = nn.gather axis 0 ins(%u, %i : tensor<32x64xf32>, tensor<4xi64>) outs(%e : tensor<4x64xf32>)
  %s = nn.get_weight @short : tensor<20x32xf32>
  %5 = linalg.matmul ins(%y, %s : tensor<4x20xf32>, tensor<20x32xf32>) outs(%c : tensor<4x32xf32>) -> tensor<4x32xf32>
  return %2, %3, %4, %5 : tensor<4x32xf32>, tensor<4x64xf32>, tensor<4x64xf32>, tensor<4x32xf32>
}
