// Functions on flat memory become kernels of cuda_image.h: an address for each memory, then the control block.
// RUN: tercet-opt %s -split-input-file --pass-pipeline='builtin.module(cuda-convert-to-nvvm)' | FileCheck %s

// The block's size is required of a launch; alignment is the arguments'. There is no control block in the source.
// CHECK-LABEL: llvm.func @scale(
// CHECK-SAME: %[[A:[^ ]*]]: !llvm.ptr {llvm.align = 16 : i64}, %[[B:[^ ]*]]: !llvm.ptr, %{{[^ ]*}}: !llvm.ptr {llvm.align = 8 : i64})
// CHECK-SAME: nvvm.kernel
// CHECK-SAME: nvvm.reqntid = array<i32: 64, 1, 1>
// CHECK: nvvm.read.ptx.sreg.tid.x : i32
// CHECK: llvm.getelementptr {{.*}}(!llvm.ptr, i32) -> !llvm.ptr, f32
// CHECK: llvm.load %{{.*}} : !llvm.ptr -> f32
// CHECK-NOT: unrealized
gpu.module @scale {
  gpu.func @scale(%a: memref<?xf32>, %b: memref<?xf32>) kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %m = memref.assume_alignment %a, 16 : memref<?xf32>
    %i = gpu.thread_id x
    %x = memref.load %m[%i] : memref<?xf32>
    %y = arith.addf %x, %x : f32
    memref.store %y, %b[%i] : memref<?xf32>
    gpu.return
  }
}

// -----

// Workgroup memory is shared memory, a barrier one of the block; the last argument of static shape is the control block.
// CHECK: llvm.mlir.global internal @exchange_shared0() {addr_space = 3 : i32, alignment = 128 : i64, dso_local} : !llvm.array<512 x i8>
// CHECK-LABEL: llvm.func @exchange(
// CHECK-SAME: !llvm.ptr, %[[CONTROL:[^ ]*]]: !llvm.ptr {llvm.align = 8 : i64})
// CHECK-NOT: llvm.ptr
// CHECK: llvm.mlir.addressof @exchange_shared0 : !llvm.ptr<3>
// CHECK: llvm.store %{{.*}} : f32, !llvm.ptr<3>
// CHECK: nvvm.barrier
// CHECK: llvm.atomicrmw umax %{{.*}} : !llvm.ptr, i32
gpu.module @exchange {
  gpu.func @exchange(%a: memref<?xf32>, %control: memref<4xi32>) workgroup(%s: memref<512xi8, #gpu.address_space<workgroup>>)
      kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    %c0 = arith.constant 0 : index
    %c127 = arith.constant 127 : index
    %one = arith.constant 1 : i32
    %m = memref.view %s[%c0][] : memref<512xi8, #gpu.address_space<workgroup>> to memref<128xf32, #gpu.address_space<workgroup>>
    %i = gpu.thread_id x
    %j = arith.subi %c127, %i : index
    %x = memref.load %a[%i] : memref<?xf32>
    memref.store %x, %m[%i] : memref<128xf32, #gpu.address_space<workgroup>>
    gpu.barrier
    %y = memref.load %m[%j] : memref<128xf32, #gpu.address_space<workgroup>>
    memref.store %y, %a[%i] : memref<?xf32>
    %first = arith.cmpi eq, %i, %c0 : index
    scf.if %first {
      %old = memref.atomic_rmw maxu %one, %control[%c0] : (i32, memref<4xi32>) -> i32
    }
    gpu.return
  }
}

// -----

// More than a block has of static memory is dynamic. Copies into it count bytes, and fragments come from its 32-bit pairs.
// CHECK: llvm.mlir.global external @wide_shared0() {addr_space = 3 : i32, alignment = 128 : i64} : !llvm.array<0 x i8>
// CHECK-LABEL: llvm.func @wide(
// CHECK-SAME: cuda.dynamic_shared_bytes = 65536 : i64
// CHECK: nvvm.cp.async.shared.global %{{.*}}, %{{.*}}, 16, cache = cg, %{{.*}} : !llvm.ptr<3>, !llvm.ptr<1>, i32
// CHECK: nvvm.ldmatrix %{{.*}} : (!llvm.ptr<3>) -> !llvm.struct<(i32, i32, i32, i32)>
gpu.module @wide {
  gpu.func @wide(%a: memref<?xf16>, %b: memref<?xf16>) workgroup(%s: memref<65536xi8, #gpu.address_space<workgroup>>)
      kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %c0 = arith.constant 0 : index
    %c8 = arith.constant 8 : index
    %m = memref.view %s[%c0][] : memref<65536xi8, #gpu.address_space<workgroup>> to memref<32768xf16, #gpu.address_space<workgroup>>
    %i = gpu.thread_id x
    %at = arith.muli %i, %c8 : index
    %t = nvgpu.device_async_copy %a[%at], %m[%at], 8, %i {bypassL1} : memref<?xf16> to memref<32768xf16, #gpu.address_space<workgroup>>
    nvvm.cp.async.wait.group 0
    gpu.barrier
    %x = nvgpu.ldmatrix %m[%at] {numTiles = 4 : i32, transpose = false} : memref<32768xf16, #gpu.address_space<workgroup>> -> vector<4x2xf16>
    %y = vector.extract %x[1, 0] : f16 from vector<4x2xf16>
    memref.store %y, %b[%i] : memref<?xf16>
    gpu.return
  }
}

// -----

// A reduction over a subgroup is five exchanges.
// CHECK-LABEL: llvm.func @reduce(
// CHECK-COUNT-5: nvvm.shfl.sync bfly
// CHECK-NOT: nvvm.shfl.sync
gpu.module @reduce {
  gpu.func @reduce(%a: memref<?xf32>, %b: memref<?xf32>) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %i = gpu.thread_id x
    %x = memref.load %a[%i] : memref<?xf32>
    %y = gpu.subgroup_reduce add %x : (f32) -> f32
    memref.store %y, %b[%i] : memref<?xf32>
    gpu.return
  }
}

// -----

// Nothing for this target: unchanged.
// CHECK-LABEL: func.func @other
// CHECK: arith.addi
func.func @other(%a: i32) -> i32 {
  %0 = arith.addi %a, %a : i32
  return %0 : i32
}

// -----

// A subgroup's number is the thread's in 32; there are two of 64 threads.
// CHECK-LABEL: llvm.func @numbers(
// CHECK-DAG: %[[T:.*]] = nvvm.read.ptx.sreg.tid.x : i32
// CHECK-DAG: %[[W:.*]] = llvm.mlir.constant(32 : index) : i32
// CHECK-DAG: llvm.mlir.constant(2 : index) : i32
// CHECK: llvm.udiv %[[T]], %[[W]] : i32
gpu.module @numbers {
  gpu.func @numbers(%a: memref<?xf32>, %b: memref<?xf32>) kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %i = gpu.subgroup_id : index
    %n = gpu.num_subgroups : index
    %x = memref.load %a[%i] : memref<?xf32>
    memref.store %x, %b[%n] : memref<?xf32>
    gpu.return
  }
}
