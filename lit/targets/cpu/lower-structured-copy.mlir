// RUN: tercet-opt %s --cpu-lower-structured | FileCheck %s

#machine = #soc.machine<"one-core", workers = 1,
  engines = [#soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
             cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>],
  memories = [#soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 10000000000>]>
#v = #soc.variant<"v", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

module attributes {soc.machine = #machine} {

// A copy becomes loops of vectors as well. Nothing else of linalg is in this
// file, so the pass has to load what it builds.
// CHECK-LABEL: soc.kernel @copy
// CHECK-NOT: memref.copy
// CHECK: vector
soc.kernel @copy(%a: memref<64xf32>, %b: memref<64xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  memref.copy %a, %b : memref<64xf32> to memref<64xf32>
  soc.return
}
}
