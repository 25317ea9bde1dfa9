// Functions become instructions of the GPU or polynomials.
// RUN: tercet-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(cuda-lower-math)))' | FileCheck %s

gpu.module @functions {
  // exp(x) = 2^(x log2 e).
  // CHECK-LABEL: gpu.func @exp
  // CHECK: %[[E:.*]] = arith.constant 1.44269{{.*}} : f32
  // CHECK: %[[T:.*]] = arith.mulf %{{.*}}, %[[E]] : f32
  // CHECK: llvm.call_intrinsic "llvm.nvvm.ex2.approx.f32"(%[[T]]) : (f32) -> f32
  gpu.func @exp(%a: memref<?xf32>) kernel {
    %i = gpu.thread_id x
    %x = memref.load %a[%i] : memref<?xf32>
    %y = math.exp %x : f32
    memref.store %y, %a[%i] : memref<?xf32>
    gpu.return
  }

  // Element by element of a vector; in f32 for narrower types.
  // CHECK-LABEL: gpu.func @vectors
  // CHECK-COUNT-2: llvm.call_intrinsic "llvm.nvvm.rsqrt.approx.f"
  // CHECK: arith.extf %{{.*}} : f16 to f32
  // CHECK: llvm.call_intrinsic "llvm.nvvm.ex2.approx.f32"
  // CHECK: arith.truncf %{{.*}} : f32 to f16
  gpu.func @vectors(%a: memref<?xf32>, %h: memref<?xf16>) kernel {
    %i = gpu.thread_id x
    %x = vector.load %a[%i] : memref<?xf32>, vector<2xf32>
    %y = math.rsqrt %x : vector<2xf32>
    vector.store %y, %a[%i] : memref<?xf32>, vector<2xf32>
    %u = memref.load %h[%i] : memref<?xf16>
    %v = math.exp2 %u : f16
    memref.store %v, %h[%i] : memref<?xf16>
    gpu.return
  }

  // No instruction is exact enough for tanh; sqrt has one and stays.
  // CHECK-LABEL: gpu.func @others
  // CHECK-NOT: math.tanh
  // CHECK: math.sqrt
  // CHECK-NOT: math.erf
  gpu.func @others(%a: memref<?xf32>) kernel {
    %i = gpu.thread_id x
    %x = memref.load %a[%i] : memref<?xf32>
    %y = math.tanh %x : f32
    %z = math.sqrt %y : f32
    %w = math.erf %z : f32
    memref.store %w, %a[%i] : memref<?xf32>
    gpu.return
  }
}
