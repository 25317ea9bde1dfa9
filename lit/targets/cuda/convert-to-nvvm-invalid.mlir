// What has no form in the calling convention, or is more than a block has, is refused.
// RUN: tercet-opt %s -split-input-file -verify-diagnostics --pass-pipeline='builtin.module(cuda-convert-to-nvvm)'

gpu.module @size {
  // expected-error @+1 {{expected known_block_size in one dimension}}
  gpu.func @size(%a: memref<?xf32>) kernel {
    gpu.return
  }
}

// -----

gpu.module @index {
  // expected-error @+1 {{expected arguments that are flat memory of a known element, got 'memref<?xindex>'}}
  gpu.func @index(%a: memref<?xindex>) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    gpu.return
  }
}

// -----

gpu.module @much {
  // expected-error @+1 {{expected at most 232448 bytes of workgroup memory, got 232576; try smaller tiles}}
  gpu.func @much(%a: memref<?xf32>) workgroup(%s: memref<232449xi8, #gpu.address_space<workgroup>>)
      kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    gpu.return
  }
}

// -----

gpu.module @pieces {
  // expected-error @+1 {{expected more than 49152 bytes of workgroup memory in one piece, got 2}}
  gpu.func @pieces(%a: memref<?xf32>) workgroup(%s: memref<32768xi8, #gpu.address_space<workgroup>>,
      %t: memref<32768xi8, #gpu.address_space<workgroup>>) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    gpu.return
  }
}

// -----

// expected-error @+1 {{expected one function, got 0}}
gpu.module @none {
}

// -----

gpu.module @unknown {
  gpu.func @unknown(%a: memref<?xf32>) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    // expected-error @+1 {{failed to legalize operation 'func.call'}}
    func.call @elsewhere() : () -> ()
    gpu.return
  }
  func.func private @elsewhere()
}
