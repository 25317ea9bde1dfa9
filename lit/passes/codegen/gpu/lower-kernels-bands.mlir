// With tensor cores, tiles of products are walked in bands of eight rows of tiles, column by column; here ten rows, so that the last
// band has two. Other kernels keep their order.
// RUN: tercet-opt %s --pass-pipeline='builtin.module(gpu-lower-kernels{profile=mma})' | FileCheck %s

#tiles = #soc.variant<"tensor-product", precision = f16, tiles = [16, 16], panels = [0, 0], time_ps = 1, scratch_bytes = 64>

// CHECK-LABEL: gpu.func @product(
// CHECK: %[[Y:.*]] = gpu.block_id y
// CHECK: %[[X:.*]] = gpu.block_id x
// CHECK: %[[FIRST:.*]] = arith.muli %[[Y]], %c4
// CHECK: %[[NUMBER:.*]] = arith.addi %[[FIRST]], %[[X]]
// CHECK: %[[BAND:.*]] = arith.divui %[[NUMBER]], %c32
// CHECK: %[[WITHIN:.*]] = arith.remui %[[NUMBER]], %c32
// CHECK: %[[ROW:.*]] = arith.muli %[[BAND]], %c8
// CHECK: %[[LEFT:.*]] = arith.subi %c10{{.*}}, %[[ROW]]
// CHECK: %[[HEIGHT:.*]] = arith.minui %[[LEFT]], %c8
// CHECK: arith.remui %[[WITHIN]], %[[HEIGHT]]
// CHECK: arith.divui %[[WITHIN]], %[[HEIGHT]]
soc.kernel @product(%a: memref<160x32xf16>, %b: memref<32x64xf16>, %c: memref<160x64xf16>) attributes {engine = "gpu",
    num_inputs = 2 : i64, variant = #tiles, scratch_bytes = 0 : i64, grid = array<i64: 4, 10, 1>} {
  %zero = arith.constant 0.0 : f16
  scf.forall (%i, %j) = (0, 0) to (160, 64) step (16, 16) {
    %x = memref.subview %a[%i, 0] [16, 32] [1, 1] : memref<160x32xf16> to memref<16x32xf16, strided<[32, 1], offset: ?>>
    %w = memref.subview %b[0, %j] [32, 16] [1, 1] : memref<32x64xf16> to memref<32x16xf16, strided<[64, 1], offset: ?>>
    %y = memref.subview %c[%i, %j] [16, 16] [1, 1] : memref<160x64xf16> to memref<16x16xf16, strided<[64, 1], offset: ?>>
    linalg.fill ins(%zero : f16) outs(%y : memref<16x16xf16, strided<[64, 1], offset: ?>>)
    linalg.matmul ins(%x, %w : memref<16x32xf16, strided<[32, 1], offset: ?>>, memref<32x16xf16, strided<[64, 1], offset: ?>>)
        outs(%y : memref<16x16xf16, strided<[64, 1], offset: ?>>)
  }
  soc.return
}

// CHECK-LABEL: gpu.func @copy(
// CHECK-NOT: arith.divui
// CHECK: gpu.return
soc.kernel @copy(%a: memref<160x64xf16>, %b: memref<160x64xf16>) attributes {engine = "gpu", num_inputs = 1 : i64,
    variant = #tiles, scratch_bytes = 0 : i64, grid = array<i64: 4, 10, 1>} {
  scf.forall (%i, %j) = (0, 0) to (160, 64) step (16, 16) {
    %x = memref.subview %a[%i, %j] [16, 16] [1, 1] : memref<160x64xf16> to memref<16x16xf16, strided<[64, 1], offset: ?>>
    %y = memref.subview %b[%i, %j] [16, 16] [1, 1] : memref<160x64xf16> to memref<16x16xf16, strided<[64, 1], offset: ?>>
    memref.copy %x, %y : memref<16x16xf16, strided<[64, 1], offset: ?>> to memref<16x16xf16, strided<[64, 1], offset: ?>>
  }
  soc.return
}
