// RUN: not tercet-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(vulkan-lower-byte-dots{profile=fast})))' 2>&1 | FileCheck %s

// CHECK: profile: expected threads=N, {{.*}}, got 'fast'
gpu.module @kernels {
  gpu.func @any() kernel {
    gpu.return
  }
}
