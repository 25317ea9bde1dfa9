// Errors stand at the operation that cannot be lowered.
// RUN: tercet-opt %s --pass-pipeline='builtin.module(soc.kernel(cpu-lower-contractions))' --split-input-file --verify-diagnostics

#v = #soc.variant<"v", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
// expected-error @below {{expected engine 'cpu' to be a CPU of the module's soc.machine}}
soc.kernel @no_machine(%a: memref<8x24xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  soc.return
}

// -----

#machine = #soc.machine<"one-core", workers = 1,
  engines = [#soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
             cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>],
  memories = [#soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 10000000000>]>
#v = #soc.variant<"v", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
soc.kernel @half(%a: memref<4x8xf16>, %b: memref<1x8x16xf16>, %c: memref<4x16xf16>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  // expected-error @below {{expected a destination of f32, got 'f16'}}
  nn.packed_matmul ins(%a, %b : memref<4x8xf16>, memref<1x8x16xf16>) outs(%c : memref<4x16xf16>)
  soc.return
}
}
