// Functions of f64 have neither an instruction nor a polynomial.
// RUN: tercet-opt %s -verify-diagnostics --pass-pipeline='builtin.module(gpu.module(gpu.func(cuda-lower-math)))'

gpu.module @functions {
  gpu.func @exp(%a: memref<?xf64>) kernel {
    %i = gpu.thread_id x
    %x = memref.load %a[%i] : memref<?xf64>
    // expected-error @+1 {{expected a function that has a form for this GPU, got 'math.exp' of 'f64'; try f32}}
    %y = math.exp %x : f64
    memref.store %y, %a[%i] : memref<?xf64>
    gpu.return
  }
}
