// RUN: tercet-opt %s --cpu-lower-kernels --verify-diagnostics

#machine = #soc.machine<"one-core", workers = 1,
  engines = [#soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
             cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>],
  memories = [#soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 10000000000>]>
#v = #soc.variant<"v", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
  // A tile is straight code with loops: branches would have to be structured.
  // expected-error @below {{expected a body of one block}}
  soc.kernel @blocks(%a: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v, grid = array<i64: 1, 1, 1>, scratch_bytes = 0 : i64} {
    cf.br ^next
  ^next:
    soc.return
  }
}
