// RUN: tercet-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(vulkan-lower-storage)))' --split-input-file --verify-diagnostics

gpu.module @kernels {
  gpu.func @double(%a: memref<?xf64>) kernel {
    %i = gpu.thread_id x
    // expected-error @below {{expected elements of 8, 16, 32 or 64 bits (f64 excepted), got 'f64'}}
    %x = memref.load %a[%i] : memref<?xf64>
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @alignment(%a: memref<?xi8>) kernel {
    %i = gpu.thread_id x
    %a2 = memref.assume_alignment %a, 2 : memref<?xi8>
    // expected-error @below {{needs an operand that begins at a multiple of 4 bytes, and this one begins at a multiple of 2}}
    %x = memref.load %a2[%i] : memref<?xi8>
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @view(%a: memref<?xf32>) kernel {
    %i = gpu.thread_id x
    %m = memref.reinterpret_cast %a to offset: [0], sizes: [4], strides: [1] : memref<?xf32> to memref<4xf32>
    // expected-error @below {{expected flat memory; run gpu-lower-memory first}}
    %x = memref.load %m[%i] : memref<4xf32>
    gpu.return
  }
}
