// What has no kernel must have been decomposed before.
// RUN: tercet-opt %s --split-input-file --verify-diagnostics --pass-pipeline='builtin.module(soc.kernel(cpu-lower-groups))'

#machine = #soc.machine<"one-core", workers = 1,
  engines = [#soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "cascadelake", features = "",
             cores = 1, vector_bits = 512, vector_registers = 32, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>],
  memories = [#soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 10000000000>]>
#v = #soc.variant<"v", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
#q4_0 = #nn.groups<32 in 18 group 32 planes [<bits = 4, run = 16, at = 2>] zero 8 scale f16 at 0>

module attributes {soc.machine = #machine} {
soc.kernel @rows(%a: memref<1x64xf32>, %b: memref<9x2x18xi8>, %c: memref<1x9xf32>) attributes {engine = "cpu", num_inputs = 2 : i64, variant = #v} {
  // expected-error @below {{has no kernel for its layout; tile-lower-aggregates decomposes it}}
  nn.group_matmul format #q4_0 ins(%a, %b : memref<1x64xf32>, memref<9x2x18xi8>) outs(%c : memref<1x9xf32>)
  soc.return
}
}
