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

// -----

gpu.module @kernels {
  gpu.func @rows(%a: memref<1x32xf32>, %w: memref<16x1x18xi8>, %c: memref<1x16xf32>) kernel attributes {known_block_size = array<i32: 8, 1, 1>} {
    // expected-error @below {{has no kernel on a GPU: its right-hand side is not in panels}}
    nn.group_matmul format #nn.groups<32 in 18 group 32 planes [<bits = 4, run = 16, at = 2>] zero 8 scale f16 at 0>
        ins(%a, %w : memref<1x32xf32>, memref<16x1x18xi8>) outs(%c : memref<1x16xf32>)
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @codes(%x: memref<1x32xf32>, %q: memref<1x1x34xi8>) kernel attributes {known_block_size = array<i32: 8, 1, 1>} {
    // expected-error @below {{has no kernel on a GPU; tile-lower-aggregates decomposes it}}
    nn.encode_groups #nn.groups<32 in 34 group 32 planes [<bits = 8, run = 1, at = 2>] codes signed scale f16 at 0>
        ins(%x : memref<1x32xf32>) outs(%q : memref<1x1x34xi8>)
    gpu.return
  }
}
