// RUN: tercet-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(vulkan-lower-wide-integers,canonicalize)))' | FileCheck %s

gpu.module @kernels {
  // A sum of two words each has a carry.
  // CHECK-LABEL: gpu.func @sum
  // CHECK: arith.addui_extended
  // CHECK-NOT: i64
  gpu.func @sum(%m: memref<?xi32>, %a: i32, %b: i32) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c32 = arith.constant 32 : i64
    %x = arith.extsi %a : i32 to i64
    %y = arith.extui %b : i32 to i64
    %z = arith.addi %x, %y : i64
    %low = arith.trunci %z : i64 to i32
    %s = arith.shrui %z, %c32 : i64
    %high = arith.trunci %s : i64 to i32
    memref.store %low, %m[%c0] : memref<?xi32>
    memref.store %high, %m[%c1] : memref<?xi32>
    gpu.return
  }

  // An index is not cut, but the nearest in range: what is out of bounds stays out of them.
  // CHECK-LABEL: gpu.func @index
  // CHECK-DAG: arith.constant {{.*}}2147483647
  // CHECK: arith.cmpi
  // CHECK: arith.select
  // CHECK: arith.index_cast %{{.*}} : i32 to index
  gpu.func @index(%m: memref<?xi32>, %a: i32, %b: i32) -> index {
    %c32 = arith.constant 32 : i64
    %x = arith.extui %a : i32 to i64
    %y = arith.extui %b : i32 to i64
    %h = arith.shli %y, %c32 : i64
    %z = arith.ori %x, %h : i64
    %i = arith.index_cast %z : i64 to index
    gpu.return %i : index
  }

  // What is shifted by nothing stays, whatever the words' shifts are then.
  // CHECK-LABEL: gpu.func @shift
  // CHECK-SAME: %[[A:[a-z0-9]+]]: i32, %[[B:[a-z0-9]+]]: i32
  // CHECK: %[[NONE:.*]] = arith.cmpi eq, %[[B]], %c0
  // CHECK: arith.select %[[NONE]], %[[A]]
  // CHECK-NOT: i64
  // CHECK: gpu.return
  gpu.func @shift(%a: i32, %b: i32, %m: memref<?xi32>) {
    %c0 = arith.constant 0 : index
    %x = arith.extui %a : i32 to i64
    %y = arith.extui %b : i32 to i64
    %z = arith.shrui %x, %y : i64
    %w = arith.trunci %z : i64 to i32
    memref.store %w, %m[%c0] : memref<?xi32>
    gpu.return
  }

  // Nothing to do.
  // CHECK-LABEL: gpu.func @narrow
  // CHECK-NEXT: arith.addi %{{.*}}, %{{.*}} : i32
  gpu.func @narrow(%a: i32, %b: i32) -> i32 {
    %x = arith.addi %a, %b : i32
    gpu.return %x : i32
  }
}
