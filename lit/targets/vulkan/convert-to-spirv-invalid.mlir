// RUN: tercet-opt %s --vulkan-convert-to-spirv --split-input-file --verify-diagnostics

// expected-error @below {{expected one function, of known_block_size}}
gpu.module @size {
  gpu.func @size() kernel {
    gpu.return
  }
}

// -----

gpu.module @double {
  gpu.func @double(%a: memref<?xf32, #spirv.storage_class<StorageBuffer>> {spirv.interface_var_abi = #spirv.interface_var_abi<(0, 0)>})
      kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %i = gpu.thread_id x
    %x = memref.load %a[%i] : memref<?xf32, #spirv.storage_class<StorageBuffer>>
    // expected-error @below {{failed to legalize operation 'arith.extf'}}
    %y = arith.extf %x : f32 to f64
    %s = arith.mulf %y, %y : f64
    %z = arith.truncf %s : f64 to f32
    memref.store %z, %a[%i] : memref<?xf32, #spirv.storage_class<StorageBuffer>>
    gpu.return
  }
}
