// The calling convention of abi.h: (args, x, y, z, worker).
// RUN: tercet-opt %s --pass-pipeline='builtin.module(cpu-lower-kernels)' | FileCheck %s

#machine = #soc.machine<"one-core", workers = 1,
  engines = [#soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
             cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>],
  memories = [#soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 10000000000>]>
#v = #soc.variant<"v", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

module attributes {soc.machine = #machine} {

// Rows come from y, columns from x.
// CHECK-LABEL: llvm.func hidden @tiles(
// CHECK-SAME: %[[ARGS:.*]]: !llvm.ptr {{.*}}, %[[X:.*]]: i32, %[[Y:.*]]: i32, %[[Z:.*]]: i32, %[[WORKER:.*]]: i32)
// CHECK: llvm.getelementptr %[[ARGS]][0]
// CHECK-DAG: llvm.zext %[[Y]]
// CHECK-DAG: llvm.zext %[[X]]
// CHECK-NOT: scf.forall
// CHECK: memref.store
// CHECK: llvm.return
soc.kernel @tiles(%a: memref<8x24xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  %z = arith.constant 0.0 : f32
  scf.forall (%i, %j) = (0, 0) to (8, 24) step (2, 8) {
    memref.store %z, %a[%i, %j] : memref<8x24xf32>
  }
  soc.return
}

// Scratch is at args->scratch + worker * args->scratch_stride + offset.
// CHECK-LABEL: llvm.func hidden @scratch(
// CHECK-SAME: %[[WORKER:[^ ]*]]: i32)
// CHECK-DAG: llvm.getelementptr %{{.*}}[16]
// CHECK-DAG: llvm.getelementptr %{{.*}}[24]
// CHECK: llvm.zext %[[WORKER]]
// CHECK: llvm.mul
// CHECK: llvm.getelementptr %{{.*}}[128]
soc.kernel @scratch(%a: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  %0 = soc.scratch 128 : memref<4xf32>
  memref.copy %a, %0 : memref<4xf32> to memref<4xf32>
  soc.return
}

// A failed check stores a fault and goes on.
// CHECK-LABEL: llvm.func hidden @check(
// CHECK: llvm.getelementptr %{{.*}}[32]
// CHECK: scf.if
// CHECK: } else {
// CHECK: llvm.store %{{.*}} atomic monotonic
// CHECK-NOT: cf.assert
soc.kernel @check(%a: memref<1xi1>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  %c0 = arith.constant 0 : index
  %ok = memref.load %a[%c0] : memref<1xi1>
  cf.assert %ok, "index out of range"
  soc.return
}
}
