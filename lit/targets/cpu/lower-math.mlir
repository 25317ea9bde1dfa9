// Functions become polynomials, small constant powers products.
// RUN: tercet-opt %s --pass-pipeline='builtin.module(soc.kernel(cpu-lower-math))' | FileCheck %s

#machine = #soc.machine<"one-core", workers = 1,
  engines = [#soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
             cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>],
  memories = [#soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 10000000000>]>
#v = #soc.variant<"v", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

module attributes {soc.machine = #machine} {

// CHECK-LABEL: soc.kernel @exp
// CHECK-NOT: math.exp
// CHECK: math.fma {{.*}} vector<8xf32>
soc.kernel @exp(%x: memref<8xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  %c0 = arith.constant 0 : index
  %v = vector.load %x[%c0] : memref<8xf32>, vector<8xf32>
  %r = math.exp %v : vector<8xf32>
  vector.store %r, %x[%c0] : memref<8xf32>, vector<8xf32>
  soc.return
}

// CHECK-LABEL: soc.kernel @cube
// CHECK: %[[V:.*]] = memref.load
// CHECK: %[[SQUARE:.*]] = arith.mulf %[[V]], %[[V]]
// CHECK: arith.mulf %[[V]], %[[SQUARE]]
// CHECK-NOT: math.powf
soc.kernel @cube(%x: memref<8xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  %c0 = arith.constant 0 : index
  %three = arith.constant 3.0 : f32
  %v = memref.load %x[%c0] : memref<8xf32>
  %r = math.powf %v, %three : f32
  memref.store %r, %x[%c0] : memref<8xf32>
  soc.return
}

// Narrow floats are computed with as f32.
// CHECK-LABEL: soc.kernel @half
// CHECK: arith.extf {{.*}} f16 to f32
// CHECK: arith.truncf {{.*}} f32 to f16
soc.kernel @half(%x: memref<8xf16>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  %c0 = arith.constant 0 : index
  %v = memref.load %x[%c0] : memref<8xf16>
  %r = math.tanh %v : f16
  memref.store %r, %x[%c0] : memref<8xf16>
  soc.return
}

// The greater of two halves by a comparison: an intrinsic would become a call of
// the C library.
// CHECK-LABEL: soc.kernel @greater
// CHECK: %[[FIRST:.*]] = arith.cmpf ogt, %[[A:.*]], %[[B:.*]] : f16
// CHECK: %[[NAN:.*]] = arith.cmpf uno, %[[B]], %[[B]] : f16
// CHECK: %[[EITHER:.*]] = arith.ori %[[FIRST]], %[[NAN]]
// CHECK: arith.select %[[EITHER]], %[[A]], %[[B]]
soc.kernel @greater(%x: memref<8xf16>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %a = memref.load %x[%c0] : memref<8xf16>
  %b = memref.load %x[%c1] : memref<8xf16>
  %r = arith.maxnumf %a, %b : f16
  memref.store %r, %x[%c0] : memref<8xf16>
  soc.return
}

// Unchanged: instructions of every target.
// CHECK-LABEL: soc.kernel @sqrt
// CHECK: math.sqrt
soc.kernel @sqrt(%x: memref<8xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  %c0 = arith.constant 0 : index
  %v = memref.load %x[%c0] : memref<8xf32>
  %r = math.sqrt %v : f32
  memref.store %r, %x[%c0] : memref<8xf32>
  soc.return
}
}
