// RUN: tercet-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(gpu-lower-structured)))' --split-input-file --verify-diagnostics

gpu.module @kernels {
  // expected-error @below {{expected known_block_size}}
  gpu.func @threads() kernel {
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @unknown(%a: memref<4x8xf32>, %b: memref<1x8x8xf32>, %c: memref<4x8xf32>) kernel attributes {known_block_size = array<i32: 8, 1, 1>} {
    // expected-error @below {{has effects on memory that code generation for GPUs does not know}}
    nn.packed_matmul ins(%a, %b : memref<4x8xf32>, memref<1x8x8xf32>) outs(%c : memref<4x8xf32>)
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @around(%a: memref<4xf32>, %b: memref<4xf32>) kernel attributes {known_block_size = array<i32: 8, 1, 1>} {
    // expected-error @below {{is not known around operations of a tile}}
    scf.execute_region {
      memref.copy %a, %b : memref<4xf32> to memref<4xf32>
      scf.yield
    }
    gpu.return
  }
}
