// RUN: tercet-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(vulkan-lower-narrow-types)))' | FileCheck %s
// RUN: tercet-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(vulkan-lower-narrow-types{profile=float16})))' | FileCheck %s --check-prefix=HALF

gpu.module @kernels {
  // A byte is the sign-extended low part of a word, and its sum wraps as a byte's does. An unsigned
  // operation sees no sign.
  // CHECK-LABEL: gpu.func @bytes
  // CHECK-SAME: %[[M:.*]]: memref<?xi32>, %[[A:.*]]: i32
  // CHECK: %[[UP:.*]] = arith.shli %[[A]], %c24
  // CHECK: %[[X:.*]] = arith.shrsi %[[UP]], %c24
  // CHECK: %[[SUM:.*]] = arith.addi %[[X]], %[[X]] : i32
  // CHECK: %[[SUM_UP:.*]] = arith.shli %[[SUM]], %c24
  // CHECK: %[[WRAPPED:.*]] = arith.shrsi %[[SUM_UP]], %c24
  // CHECK: %[[UNSIGNED:.*]] = arith.andi %[[WRAPPED]], %c255
  // CHECK: arith.shrui %[[UNSIGNED]]
  // CHECK-NOT: i8
  // CHECK-LABEL: gpu.func @halves
  gpu.func @bytes(%m: memref<?xi32>, %a: i32) {
    %c0 = arith.constant 0 : index
    %c3 = arith.constant 3 : i8
    %x = arith.trunci %a : i32 to i8
    %y = arith.addi %x, %x : i8
    %z = arith.shrui %y, %c3 : i8
    %w = arith.extsi %z : i8 to i32
    memref.store %w, %m[%c0] : memref<?xi32>
    gpu.return
  }

  // A half is an f32 that is one: a result is rounded, an extension is nothing. Where the device has
  // halves they stay.
  // CHECK: spirv.GL.UnpackHalf2x16
  // CHECK: %[[SUM:.*]] = arith.addf %{{.*}} : f32
  // CHECK: spirv.CompositeConstruct %[[SUM]]
  // CHECK: spirv.GL.PackHalf2x16
  // CHECK: spirv.GL.UnpackHalf2x16
  // CHECK-NOT: f16
  // CHECK-LABEL: gpu.func @stored
  // HALF-LABEL: gpu.func @halves
  // HALF: arith.truncf %{{.*}} : f32 to f16
  // HALF: arith.addf %{{.*}} : f16
  gpu.func @halves(%m: memref<?xf32>, %a: i32) {
    %c0 = arith.constant 0 : index
    %x = arith.trunci %a : i32 to i16
    %h = arith.bitcast %x : i16 to f16
    %s = arith.addf %h, %h : f16
    %w = arith.extf %s : f16 to f32
    memref.store %w, %m[%c0] : memref<?xf32>
    gpu.return
  }

  // The bits of what was rounded are those that it was rounded to.
  // CHECK: spirv.GL.PackHalf2x16
  // CHECK-NOT: spirv.GL.PackHalf2x16
  // CHECK-LABEL: gpu.func @brains
  gpu.func @stored(%m: memref<?xi32>, %a: f32) {
    %c0 = arith.constant 0 : index
    %h = arith.truncf %a : f32 to f16
    %x = arith.bitcast %h : f16 to i16
    %w = arith.extui %x : i16 to i32
    memref.store %w, %m[%c0] : memref<?xi32>
    gpu.return
  }

  // A bfloat16 is the upper half of an f32; it is rounded to nearest, ties to even.
  // CHECK: %[[BIASED:.*]] = arith.addi %{{.*}}, %c32767
  // CHECK: arith.addi %[[BIASED]], %{{.*}}
  // CHECK: arith.select
  // CHECK-NOT: bf16
  gpu.func @brains(%m: memref<?xi32>, %a: f32) {
    %c0 = arith.constant 0 : index
    %h = arith.truncf %a : f32 to bf16
    %x = arith.bitcast %h : bf16 to i16
    %w = arith.extui %x : i16 to i32
    memref.store %w, %m[%c0] : memref<?xi32>
    gpu.return
  }
}
