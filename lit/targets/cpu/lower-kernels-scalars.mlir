// Scalars are the values that args->scalars points at, after the buffers.
// RUN: tercet-opt %s --pass-pipeline='builtin.module(cpu-lower-kernels)' | FileCheck %s

#machine = #soc.machine<"one-core", workers = 1,
  engines = [#soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
             cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>],
  memories = [#soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 10000000000>]>
#v = #soc.variant<"v", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
// CHECK-LABEL: llvm.func hidden @at(
// CHECK-SAME: %[[ARGS:.*]]: !llvm.ptr
// CHECK: %[[FIELD:.*]] = llvm.getelementptr %[[ARGS]][8]
// CHECK: %[[SCALARS:.*]] = llvm.load %[[FIELD]]
// CHECK: %[[SLOT:.*]] = llvm.getelementptr %[[SCALARS]][1]
// CHECK: %[[VALUE:.*]] = llvm.load %[[SLOT]] {{.*}} -> i64
// CHECK: %[[I:.*]] = arith.index_cast %[[VALUE]] : i64 to index
// CHECK: memref.store %{{.*}}, %{{.*}}[%[[I]]]
soc.kernel @at(%a: memref<8xf32>, %unused: index, %p: index) attributes {engine = "cpu", num_inputs = 0 : i64, variant = #v} {
  %z = arith.constant 0.0 : f32
  memref.store %z, %a[%p] : memref<8xf32>
  soc.return
}
}
