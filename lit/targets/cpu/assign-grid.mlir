// The grid follows from the trip counts of the outermost forall, its last
// dimension being x.
// RUN: tercet-opt %s --pass-pipeline='builtin.module(soc.kernel(cpu-assign-grid))' | FileCheck %s

#machine = #soc.machine<"one-core", workers = 1,
  engines = [#soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
             cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>],
  memories = [#soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 10000000000>]>
#v = #soc.variant<"v", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

module attributes {soc.machine = #machine} {

// A partial tile counts.
// CHECK-LABEL: soc.kernel @two
// CHECK-SAME: grid = array<i64: 3, 4, 1>
soc.kernel @two(%a: memref<8x24xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  scf.forall (%i, %j) = (0, 0) to (7, 24) step (2, 8) {
  }
  soc.return
}

// CHECK-LABEL: soc.kernel @three
// CHECK-SAME: grid = array<i64: 5, 4, 3>
soc.kernel @three(%a: memref<8x24xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  scf.forall (%i, %j, %k) in (3, 4, 5) {
  }
  soc.return
}

// Without a forall, the kernel is one tile.
// CHECK-LABEL: soc.kernel @one
// CHECK-SAME: grid = array<i64: 1, 1, 1>
soc.kernel @one(%a: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  soc.return
}
}
