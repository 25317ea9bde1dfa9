// Functions of f64 are refused rather than rounded to f32.
// RUN: tercet-opt %s --pass-pipeline='builtin.module(soc.kernel(cpu-lower-math))' --verify-diagnostics

#machine = #soc.machine<"one-core", workers = 1,
  engines = [#soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
             cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>],
  memories = [#soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 10000000000>]>
#v = #soc.variant<"v", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
soc.kernel @double(%x: memref<8xf64>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  %c0 = arith.constant 0 : index
  %v = memref.load %x[%c0] : memref<8xf64>
  // expected-error @below {{f64 is not supported by the CPU target; expected f32, f16 or bf16}}
  %r = math.exp %v : f64
  memref.store %r, %x[%c0] : memref<8xf64>
  soc.return
}
}
