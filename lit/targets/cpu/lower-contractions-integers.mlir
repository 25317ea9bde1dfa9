// Products of integers are summed in 32 bits, two steps of k at once where the
// machine adds pairs of 16-bit products.
// RUN: tercet-opt %s --pass-pipeline='builtin.module(soc.kernel(cpu-lower-contractions))' | FileCheck %s

#machine = #soc.machine<"two", workers = 1,
  engines = [#soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
             cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>,
             #soc.cpu<"arm", memory = "dram", triple = "aarch64-linux-gnu", cpu = "generic", features = "",
             cores = 1, vector_bits = 128, vector_registers = 32, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>],
  memories = [#soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 10000000000>]>
#v = #soc.variant<"v", precision = i8, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

module attributes {soc.machine = #machine} {

// Two rows of the right-hand side turn about, against a pair of the left-hand
// side in all lanes; the sums start from the value of the fill.
// CHECK-LABEL: soc.kernel @pairs
// CHECK-NOT: linalg.fill
// CHECK: vector.shuffle {{.*}} [0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15] : vector<8xi8>, vector<8xi8>
// CHECK: arith.extsi {{.*}} : vector<16xi8> to vector<16xi16>
// CHECK: vector.load {{.*}} vector<2xi8>
// CHECK: arith.muli {{.*}} : vector<16xi32>
// CHECK-NOT: linalg.matmul
soc.kernel @pairs(%a: memref<6x64xi8>, %b: memref<64x16xi8>, %c: memref<6x16xi32>) attributes {engine = "cpu", num_inputs = 2 : i64, variant = #v} {
  %z = arith.constant 0 : i32
  linalg.fill ins(%z : i32) outs(%c : memref<6x16xi32>)
  linalg.matmul ins(%a, %b : memref<6x64xi8>, memref<64x16xi8>) outs(%c : memref<6x16xi32>)
  soc.return
}

// Bytes without a sign on the left, as the weights of an attention.
// CHECK-LABEL: soc.kernel @unsigned
// CHECK: arith.extsi {{.*}} : vector<16xi8> to vector<16xi16>
// CHECK: arith.extui {{.*}} : vector<16xi8> to vector<16xi16>
// CHECK-NOT: linalg.generic
soc.kernel @unsigned(%a: memref<6x64xi8>, %b: memref<64x16xi8>, %c: memref<6x16xi32>) attributes {engine = "cpu", num_inputs = 2 : i64, variant = #v} {
  linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%a, %b : memref<6x64xi8>, memref<64x16xi8>) outs(%c : memref<6x16xi32>) {
  ^bb0(%x: i8, %y: i8, %s: i32):
    %l = arith.extui %x : i8 to i32
    %r = arith.extsi %y : i8 to i32
    %p = arith.muli %l, %r : i32
    %t = arith.addi %s, %p : i32
    linalg.yield %t : i32
  }
  soc.return
}

// Without such an instruction, one step at a time.
// CHECK-LABEL: soc.kernel @single
// CHECK-NOT: vector.shuffle
// CHECK: arith.extsi {{.*}} : vector<4xi8> to vector<4xi32>
// CHECK: arith.muli {{.*}} : vector<4xi32>
soc.kernel @single(%a: memref<6x64xi8>, %b: memref<64x16xi8>, %c: memref<6x16xi32>) attributes {engine = "arm", num_inputs = 2 : i64, variant = #v} {
  linalg.matmul ins(%a, %b : memref<6x64xi8>, memref<64x16xi8>) outs(%c : memref<6x16xi32>)
  soc.return
}
}
