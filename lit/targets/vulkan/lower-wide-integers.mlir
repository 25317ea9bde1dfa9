// RUN: tercet-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(vulkan-lower-wide-integers)))' | FileCheck %s
// RUN: not tercet-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(vulkan-lower-wide-integers)))' --split-input-file 2>&1 | FileCheck %s --check-prefix=LEFT

gpu.module @kernels {
  // Sums with a carry.
  // CHECK-LABEL: gpu.func @sum
  // CHECK: arith.addui_extended
  // CHECK-NOT: i64
  gpu.func @sum(%m: memref<?xi32>, %a: i32, %b: i32) {
    %c0 = arith.constant 0 : index
    %x = arith.extsi %a : i32 to i64
    %y = arith.extui %b : i32 to i64
    %z = arith.addi %x, %y : i64
    %w = arith.trunci %z : i64 to i32
    memref.store %w, %m[%c0] : memref<?xi32>
    gpu.return
  }
}
