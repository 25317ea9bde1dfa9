// Products of 16-bit floats where the profile has tensor cores.
// RUN: tercet-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(gpu-lower-structured{profile=workgroup_bytes=32768+mma})))' | FileCheck %s
// Without them it is a product like any other.
// RUN: tercet-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(gpu-lower-structured{profile=workgroup_bytes=32768})))' | FileCheck %s --check-prefix=PLAIN

gpu.module @kernels {
  // Four warps have 32 x 32 sums each; four stages of both operands, 8 KiB each, are workgroup memory. Three are copied
  // to before the loop, each a group, where there are terms for them; the loop copies another, loads the second half
  // of its stage, multiplies the first, and waits before it loads from the next stage. The right-hand side lies
  // with its columns side by side, so that its matrices are turned as they are loaded.
  // CHECK-LABEL: gpu.func @product(
  // CHECK-SAME: workgroup(%{{.*}} : memref<32768xi8, #gpu.address_space<workgroup>>)
  // CHECK: nvgpu.device_async_copy %{{.*}}[%{{.*}}], %{{.*}}[%{{.*}}], 8 {bypassL1} : memref<?xf16> to memref<16384xf16, #gpu.address_space<workgroup>>
  // CHECK: nvvm.cp.async.commit.group
  // CHECK-COUNT-2: nvvm.cp.async.commit.group
  // CHECK: nvvm.cp.async.wait.group 2
  // CHECK-NEXT: gpu.barrier
  // CHECK: nvgpu.ldmatrix %{{.*}} {numTiles = 4 : i32, transpose = false}
  // CHECK: nvgpu.ldmatrix %{{.*}} {numTiles = 4 : i32, transpose = true}
  // CHECK: scf.for
  // CHECK: nvgpu.device_async_copy
  // CHECK: nvvm.cp.async.commit.group
  // CHECK: nvgpu.ldmatrix
  // CHECK-COUNT-8: nvvm.mma.sync A[%{{.*}}] B[%{{.*}}] C[%{{.*}}] {layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, {{.*}}shape = #nvvm.shape<m = 16, n = 8, k = 16>}
  // CHECK: nvvm.cp.async.wait.group 2
  // CHECK-NEXT: gpu.barrier
  // CHECK: nvgpu.ldmatrix
  // CHECK-COUNT-8: nvvm.mma.sync
  // CHECK-NOT: nvvm.mma.sync
  // CHECK: scf.yield
  // CHECK: gpu.barrier
  // CHECK: vector.store %{{.*}} : memref<8192xf32, #gpu.address_space<workgroup>>, vector<2xf32>
  // CHECK: nvvm.bar.warp.sync
  // CHECK: vector.load %{{.*}} : memref<8192xf32, #gpu.address_space<workgroup>>, vector<4xf32>
  // CHECK: arith.truncf
  // CHECK: vector.store %{{.*}} : memref<?xf16>, vector<4xf16>
  // PLAIN-LABEL: gpu.func @product(
  // PLAIN-NOT: nvvm.mma.sync
  // PLAIN-LABEL: gpu.func @residual(
  gpu.func @product(%p: memref<?xf16>, %q: memref<?xf16>, %r: memref<?xf16>) kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    %zero = arith.constant 0.0 : f16
    %pa = memref.assume_alignment %p, 16 : memref<?xf16>
    %qa = memref.assume_alignment %q, 16 : memref<?xf16>
    %a = memref.reinterpret_cast %pa to offset: [0], sizes: [64, 128], strides: [128, 1] : memref<?xf16> to memref<64x128xf16>
    %b = memref.reinterpret_cast %qa to offset: [0], sizes: [128, 64], strides: [64, 1] : memref<?xf16> to memref<128x64xf16>
    %c = memref.reinterpret_cast %r to offset: [0], sizes: [64, 64], strides: [64, 1] : memref<?xf16> to memref<64x64xf16>
    linalg.fill ins(%zero : f16) outs(%c : memref<64x64xf16>)
    linalg.matmul ins(%a, %b : memref<64x128xf16>, memref<128x64xf16>) outs(%c : memref<64x64xf16>)
    gpu.return
  }

  // What follows from the sums is computed where they are; what was to be kept in between takes no memory. Nothing is known
  // of the alignment, so elements are copied one by one. Of so small a tile four stages of 64 terms fit: all there are
  // is one stage.
  // CHECK-LABEL: gpu.func @residual(
  // CHECK-SAME: workgroup(%{{.*}} : memref<32768xi8, #gpu.address_space<workgroup>>)
  // CHECK-NOT: nvgpu.device_async_copy
  // CHECK: nvvm.mma.sync {{.*}}multiplicandAPtxType = #nvvm.mma_type<bf16>
  // CHECK: vector.load %{{.*}} : memref<?xf32>, vector<4xf32>
  // CHECK: arith.addf
  // CHECK: vector.store %{{.*}} : memref<?xf32>, vector<4xf32>
  // CHECK: gpu.return
  gpu.func @residual(%p: memref<?xbf16>, %q: memref<?xbf16>, %r: memref<?xf32>, %s: memref<?xf32>)
      workgroup(%w: memref<4096xi8, #gpu.address_space<workgroup>>) kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    %zero = arith.constant 0.0 : f32
    %c0 = arith.constant 0 : index
    %a = memref.reinterpret_cast %p to offset: [0], sizes: [32, 64], strides: [64, 1] : memref<?xbf16> to memref<32x64xbf16>
    %b = memref.reinterpret_cast %q to offset: [0], sizes: [64, 32], strides: [32, 1] : memref<?xbf16> to memref<64x32xbf16>
    %d = memref.reinterpret_cast %r to offset: [0], sizes: [32, 32], strides: [32, 1] : memref<?xf32> to memref<32x32xf32>
    %e = memref.reinterpret_cast %s to offset: [0], sizes: [32, 32], strides: [32, 1] : memref<?xf32> to memref<32x32xf32>
    %c = memref.view %w[%c0][] : memref<4096xi8, #gpu.address_space<workgroup>> to memref<32x32xf32, #gpu.address_space<workgroup>>
    linalg.fill ins(%zero : f32) outs(%c : memref<32x32xf32, #gpu.address_space<workgroup>>)
    linalg.matmul ins(%a, %b : memref<32x64xbf16>, memref<64x32xbf16>) outs(%c : memref<32x32xf32, #gpu.address_space<workgroup>>)
    linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>],
        iterator_types = ["parallel", "parallel"]}
        ins(%c, %d : memref<32x32xf32, #gpu.address_space<workgroup>>, memref<32x32xf32>) outs(%e : memref<32x32xf32>) {
    ^bb0(%x: f32, %y: f32, %o: f32):
      %z = arith.addf %x, %y : f32
      linalg.yield %z : f32
    }
    gpu.return
  }

  // f32 would be rounded: it stays with lanes.
  // CHECK-LABEL: gpu.func @single(
  // CHECK-NOT: nvvm.mma.sync
  // CHECK: math.fma
  gpu.func @single(%a: memref<64x64xf32>, %b: memref<64x64xf32>, %c: memref<64x64xf32>) kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    %zero = arith.constant 0.0 : f32
    linalg.fill ins(%zero : f32) outs(%c : memref<64x64xf32>)
    linalg.matmul ins(%a, %b : memref<64x64xf32>, memref<64x64xf32>) outs(%c : memref<64x64xf32>)
    gpu.return
  }

  // So do halves that are multiplied by f32.
  // CHECK-LABEL: gpu.func @mixed(
  // CHECK-NOT: nvvm.mma.sync
  // CHECK: math.fma
  gpu.func @mixed(%a: memref<64x64xf32>, %b: memref<64x64xf16>, %c: memref<64x64xf32>) kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    %zero = arith.constant 0.0 : f32
    linalg.fill ins(%zero : f32) outs(%c : memref<64x64xf32>)
    linalg.matmul ins(%a, %b : memref<64x64xf32>, memref<64x64xf16>) outs(%c : memref<64x64xf32>)
    gpu.return
  }
}
