// What has no kernel must have been decomposed before, and scratch must have been given.
// RUN: tercet-opt %s --split-input-file --verify-diagnostics --pass-pipeline='builtin.module(soc.kernel(cpu-lower-attention))'

#machine = #soc.machine<"one-core", workers = 1,
  engines = [#soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "cascadelake", features = "",
             cores = 1, vector_bits = 512, vector_registers = 32, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>],
  memories = [#soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 10000000000>]>
#v = #soc.variant<"v", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
soc.kernel @halves(%q: memref<1x1x4x64xf16>, %k: memref<1x96x2x64xf16>, %y: memref<1x1x4x64xf16>, %p: index) attributes {
    engine = "cpu", num_inputs = 2 : i64, variant = #v, scratch_bytes = 65536 : i64} {
  // expected-error @below {{has no kernel for its types; tile-lower-aggregates decomposes it}}
  nn.cached_attention ins(%q, %k, %k : memref<1x1x4x64xf16>, memref<1x96x2x64xf16>, memref<1x96x2x64xf16>) at %p
    outs(%y : memref<1x1x4x64xf16>) scale 1.250000e-01
  soc.return
}
}

// -----

#machine = #soc.machine<"one-core", workers = 1,
  engines = [#soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "cascadelake", features = "",
             cores = 1, vector_bits = 512, vector_registers = 32, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>],
  memories = [#soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 10000000000>]>
#v = #soc.variant<"v", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
soc.kernel @no_scratch(%q: memref<1x1x4x64xf32>, %k: memref<1x96x2x64xf16>, %y: memref<1x1x4x64xf32>, %p: index) attributes {
    engine = "cpu", num_inputs = 2 : i64, variant = #v} {
  // expected-error @below {{bytes of scratch, got 0; tile-assign-scratch gives them}}
  nn.cached_attention ins(%q, %k, %k : memref<1x1x4x64xf32>, memref<1x96x2x64xf16>, memref<1x96x2x64xf16>) at %p
    outs(%y : memref<1x1x4x64xf32>) scale 1.250000e-01
  soc.return
}
}
