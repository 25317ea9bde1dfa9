// RUN: tercet-opt %s --plan-assign-alignments | FileCheck %s

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 1, cache_bytes_per_second = 0,
  operations_per_second = {}, efficiency_percent = {}>
#gpu = #soc.engine<"gpu", target = "vendor", kind = "gpu", memories = ["dram"], performance = #figures, properties = {}>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>

// A memory's alignment is what holds in every command, where offsets in buffers count: 64 and 48
// bytes have 16 in common. What the application binds is aligned to its elements.
// CHECK-LABEL: soc.kernel @twice
// CHECK-SAME: alignments = array<i64: 16, 8>
// CHECK-LABEL: soc.kernel @bound
// CHECK-SAME: alignments = array<i64: 2, 64>
// The CPU's kernels are left alone.
// CHECK-LABEL: soc.kernel @other
// CHECK-NOT: alignments
// CHECK: cmd.pool
module attributes {soc.machine = #soc.machine<"board", workers = 1, engines = [#cpu, #gpu], memories = [#dram]>} {
  soc.kernel @twice(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "gpu", num_inputs = 1 : i64, variant = #rows} {
    soc.return
  }
  soc.kernel @bound(%a: memref<4xf16>, %b: memref<4xf16>) attributes {engine = "gpu", num_inputs = 1 : i64, variant = #rows} {
    soc.return
  }
  soc.kernel @other(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
    soc.return
  }
  cmd.pool @arena arena in "dram" bytes 256 alignment 64 lower_bound 256 method "greedy-by-size"
  cmd.entry @main {
    %x = cmd.input 0 "x" : tensor<4xf16>
    %0 = cmd.buffer @arena[0 for 128]
    %1 = cmd.buffer @arena[128 for 64]
    %t0 = cmd.dispatch @twice on "gpu"(%0, %0) offsets [0, 64] bytes [16, 16] grid [1, 1, 1]
    %t1 = cmd.dispatch @twice on "gpu"(%1, %0) offsets [48, 72] bytes [16, 16] grid [1, 1, 1] wait(%t0)
    %t2 = cmd.dispatch @bound on "gpu"(%x, %0) offsets [0, 0] bytes [8, 8] grid [1, 1, 1] wait(%t1)
    %t3 = cmd.dispatch @other on "cpu"(%0, %0) offsets [0, 16] bytes [16, 16] grid [1, 1, 1] wait(%t2)
  }
}
