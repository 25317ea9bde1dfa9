// RUN: tercet-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(gpu-lower-memory)))' --verify-diagnostics

gpu.module @kernels {
  gpu.func @origin(%c: i1, %a: memref<?xf32>, %b: memref<?xf32>, %i: index) -> f32 {
    %m = arith.select %c, %a, %b : memref<?xf32>
    // expected-error @below {{expected memory that is a view of an argument or of workgroup memory}}
    %v = memref.load %m[%i] : memref<?xf32>
    gpu.return %v : f32
  }
}
