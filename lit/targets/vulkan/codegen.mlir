// A kernel goes all the way to a module that spirv-val accepts, in the profile that every device
// meets.
// REQUIRES: spirv-val
// RUN: tercet-opt %s --pass-pipeline='builtin.module(tercet-vulkan-codegen)' \
// RUN:   | %python %S/Inputs/validate.py | FileCheck %s

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 64>

// Threads read what others have written to workgroup memory.
// CHECK-DAG: sums: valid
soc.kernel @sums(%a: memref<4x8xf32>, %b: memref<4x8xf32>) attributes {engine = "gpu",
    num_inputs = 1 : i64, variant = #rows, scratch_bytes = 64 : i64, grid = array<i64: 2, 1, 1>} {
  %zero = arith.constant 0.0 : f32
  scf.forall (%i) = (0) to (4) step (2) {
    %x = memref.subview %a[%i, 0] [2, 8] [1, 1] : memref<4x8xf32> to memref<2x8xf32, strided<[8, 1], offset: ?>>
    %y = memref.subview %b[%i, 0] [2, 8] [1, 1] : memref<4x8xf32> to memref<2x8xf32, strided<[8, 1], offset: ?>>
    %sum = soc.scratch 0 : memref<2xf32>
    linalg.fill ins(%zero : f32) outs(%sum : memref<2xf32>)
    linalg.reduce { arith.addf } ins(%x : memref<2x8xf32, strided<[8, 1], offset: ?>>) outs(%sum : memref<2xf32>) dimensions = [1]
    linalg.broadcast ins(%sum : memref<2xf32>) outs(%y : memref<2x8xf32, strided<[8, 1], offset: ?>>) dimensions = [1]
  }
  soc.return
}

// Indices of 64 bits, checked.
// CHECK-DAG: gather: valid
soc.kernel @gather(%table: memref<10x4xf32>, %ids: memref<3xi64>, %b: memref<3x4xf32>) attributes {engine = "gpu",
    num_inputs = 2 : i64, variant = #rows, scratch_bytes = 0 : i64, grid = array<i64: 1, 1, 1>} {
  %c10 = arith.constant 10 : index
  linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>],
      iterator_types = ["parallel", "parallel"]} ins(%ids : memref<3xi64>) outs(%b : memref<3x4xf32>) {
  ^bb0(%id: i64, %before: f32):
    %row = arith.index_cast %id : i64 to index
    %column = linalg.index 1 : index
    %fits = arith.cmpi ult, %row, %c10 : index
    cf.assert %fits, "gather index out of range"
    %value = memref.load %table[%row, %column] : memref<10x4xf32>
    linalg.yield %value : f32
  }
  soc.return
}

// Fields of words.
// CHECK-DAG: bytes: valid
soc.kernel @bytes(%a: memref<6xi8>, %b: memref<6xf16>, %c: memref<6xbf16>) attributes {engine = "gpu",
    num_inputs = 2 : i64, variant = #rows, scratch_bytes = 0 : i64, grid = array<i64: 1, 1, 1>} {
  linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>],
      iterator_types = ["parallel"]} ins(%a, %b : memref<6xi8>, memref<6xf16>) outs(%c : memref<6xbf16>) {
  ^bb0(%x: i8, %y: f16, %before: bf16):
    %0 = arith.sitofp %x : i8 to f32
    %1 = arith.extf %y : f16 to f32
    %2 = arith.addf %0, %1 : f32
    %3 = arith.truncf %2 : f32 to bf16
    linalg.yield %3 : bf16
  }
  soc.return
}
