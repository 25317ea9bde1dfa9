// Kernels of two CPU engines are in one object, each with the instructions of
// its own engine's CPU; engines that no command is for are not in the table.

// RUN: tercet-compile %s --soc %S/Inputs/two-cpus.yaml --start-from partition --stop-after plan > %t.mlir
// RUN: rm -rf %t && tercet-compile %t.mlir --start-from codegen --name two --quiet -o %t
// RUN: llvm-objdump -d %t/two.o | FileCheck %s
// RUN: FileCheck %s --check-prefix=REPORT < %t/two.report.json

// CHECK-LABEL: <tercet_two_kernel_0>:
// CHECK: %zmm
// CHECK-LABEL: <tercet_two_kernel_1>:
// CHECK-NOT: %zmm
// CHECK: %ymm
// CHECK-NOT: %zmm

// REPORT: "symbol": "tercet_two_kernel_0"
// REPORT: "engine": "wide"
// REPORT: "symbol": "tercet_two_kernel_1"
// REPORT: "engine": "narrow"

func.func @main(%x: tensor<8x64xf32> {nn.name = "x"}) -> (tensor<8x64xf32> {nn.name = "y"}) {
  %0 = soc.group on "wide" (%x) : (tensor<8x64xf32>) -> tensor<8x64xf32> {
  ^bb0(%a: tensor<8x64xf32>):
    %e = tensor.empty() : tensor<8x64xf32>
    %s = linalg.square ins(%a : tensor<8x64xf32>) outs(%e : tensor<8x64xf32>) -> tensor<8x64xf32>
    soc.yield %s : tensor<8x64xf32>
  }
  %1 = soc.group on "narrow" (%0) : (tensor<8x64xf32>) -> tensor<8x64xf32> {
  ^bb0(%a: tensor<8x64xf32>):
    %e = tensor.empty() : tensor<8x64xf32>
    %s = linalg.add ins(%a, %a : tensor<8x64xf32>, tensor<8x64xf32>) outs(%e : tensor<8x64xf32>) -> tensor<8x64xf32>
    soc.yield %s : tensor<8x64xf32>
  }
  return %1 : tensor<8x64xf32>
}
