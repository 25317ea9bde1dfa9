// Products become register tiles; what is no product stays.
// RUN: tercet-opt %s --pass-pipeline='builtin.module(soc.kernel(cpu-lower-contractions))' | FileCheck %s

#machine = #soc.machine<"one-core", workers = 1,
  engines = [#soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v4", features = "",
             cores = 1, vector_bits = 512, vector_registers = 32, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>],
  memories = [#soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 10000000000>]>
#v = #soc.variant<"v", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

module attributes {soc.machine = #machine} {

// Eight rows by three vectors of sixteen: 24 accumulators, which start from the
// value of the fill.
// CHECK-LABEL: soc.kernel @packed
// CHECK-NOT: linalg.fill
// CHECK: scf.for {{.*}} iter_args
// CHECK-COUNT-3: vector.load {{.*}} vector<16xf32>
// CHECK-COUNT-24: math.fma
// CHECK-NOT: nn.packed_matmul
soc.kernel @packed(%a: memref<16x64xf32>, %b: memref<2x64x48xf32>, %c: memref<16x96xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  %z = arith.constant 0.0 : f32
  linalg.fill ins(%z : f32) outs(%c : memref<16x96xf32>)
  nn.packed_matmul ins(%a, %b : memref<16x64xf32>, memref<2x64x48xf32>) outs(%c : memref<16x96xf32>)
  soc.return
}

// Columns beyond the last whole vector are under a mask.
// CHECK-LABEL: soc.kernel @masked
// CHECK: vector.create_mask
// CHECK: vector.maskedstore
soc.kernel @masked(%a: memref<4x8xf32>, %b: memref<8x13xf32>, %c: memref<4x13xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  linalg.matmul ins(%a, %b : memref<4x8xf32>, memref<8x13xf32>) outs(%c : memref<4x13xf32>)
  soc.return
}

// A fill whose result is read before the product is not folded.
// CHECK-LABEL: soc.kernel @read_between
// CHECK: linalg.fill
soc.kernel @read_between(%a: memref<4x8xf32>, %b: memref<8x16xf32>, %c: memref<4x16xf32>, %d: memref<4x16xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  %z = arith.constant 0.0 : f32
  linalg.fill ins(%z : f32) outs(%c : memref<4x16xf32>)
  memref.copy %c, %d : memref<4x16xf32> to memref<4x16xf32>
  linalg.matmul ins(%a, %b : memref<4x8xf32>, memref<8x16xf32>) outs(%c : memref<4x16xf32>)
  soc.return
}

// Unchanged: both operands have their unit stride along k.
// CHECK-LABEL: soc.kernel @dot
// CHECK: linalg.generic
soc.kernel @dot(%a: memref<4x8xf32>, %b: memref<16x8xf32>, %c: memref<4x16xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%a, %b : memref<4x8xf32>, memref<16x8xf32>) outs(%c : memref<4x16xf32>) {
  ^bb0(%x: f32, %y: f32, %s: f32):
    %p = arith.mulf %x, %y : f32
    %t = arith.addf %p, %s : f32
    linalg.yield %t : f32
  }
  soc.return
}
}
