// RUN: tercet-opt %s --vulkan-lower-alternatives=profiles=float16+storage16,threads=128 | FileCheck %s

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

// One kernel is the same in both profiles; the other is an alternative of itself, the one with more
// needs first. What is needed is what a module declares.
// CHECK-NOT: soc.kernel
// CHECK-LABEL: spirv.module @same Logical
// CHECK-SAME: [Shader, Matrix], []
// CHECK-LABEL: spirv.module @halves.0 Logical
// CHECK-SAME: StorageBuffer16BitAccess
// CHECK-LABEL: spirv.module @halves.1 Logical
// CHECK-SAME: [Shader, Matrix], []
// CHECK-NOT: spirv.module
soc.kernel @same(%a: memref<7xf32>, %b: memref<7xf32>) attributes {engine = "gpu", num_inputs = 1 : i64,
    variant = #rows, scratch_bytes = 0 : i64, grid = array<i64: 1, 1, 1>} {
  memref.copy %a, %b : memref<7xf32> to memref<7xf32>
  soc.return
}
soc.kernel @halves(%a: memref<7xf16>, %b: memref<7xf32>) attributes {engine = "gpu", num_inputs = 1 : i64,
    variant = #rows, scratch_bytes = 0 : i64, grid = array<i64: 1, 1, 1>} {
  linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      ins(%a : memref<7xf16>) outs(%b : memref<7xf32>) {
  ^bb0(%x: f16, %before: f32):
    %0 = arith.extf %x : f16 to f32
    linalg.yield %0 : f32
  }
  soc.return
}
