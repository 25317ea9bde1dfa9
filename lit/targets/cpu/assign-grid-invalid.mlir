// What is no grid is refused where it stands.
// RUN: tercet-opt %s --pass-pipeline='builtin.module(soc.kernel(cpu-assign-grid))' --split-input-file --verify-diagnostics

#machine = #soc.machine<"one-core", workers = 1,
  engines = [#soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
             cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>],
  memories = [#soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 10000000000>]>
#v = #soc.variant<"v", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
soc.kernel @twice(%a: memref<8x24xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  // expected-note @below {{first grid here}}
  scf.forall (%i) in (4) {
  }
  // expected-error @below {{is the kernel's second grid; expected at most one}}
  scf.forall (%i) in (4) {
  }
  soc.return
}
}

// -----

#machine = #soc.machine<"one-core", workers = 1,
  engines = [#soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
             cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>],
  memories = [#soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 10000000000>]>
#v = #soc.variant<"v", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
soc.kernel @beside(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  // expected-error @below {{would run once a tile; expected nothing beside the grid}}
  memref.copy %a, %b : memref<4xf32> to memref<4xf32>
  // expected-note @below {{grid here}}
  scf.forall (%i) in (4) {
  }
  soc.return
}
}
