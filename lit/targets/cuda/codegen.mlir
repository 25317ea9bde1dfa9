// A bufferised kernel goes all the way to a function of the image.
// RUN: tercet-opt %s --pass-pipeline='builtin.module(tercet-cuda-codegen{profile=threads=128})' | FileCheck %s

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 64>

// Two rows a block: sixteen results at the most, so sixteen threads. Scratch, and what the reduction wants, is shared memory.
// CHECK: llvm.mlir.global internal @sums_shared0() {addr_space = 3 : i32, {{.*}}} : !llvm.array<{{[0-9]+}} x i8>
// CHECK-LABEL: llvm.func @sums(
// CHECK-SAME: nvvm.reqntid = array<i32: 16, 1, 1>
// CHECK: nvvm.read.ptx.sreg.ctaid.x
// CHECK: nvvm.barrier
// CHECK: llvm.call_intrinsic "llvm.nvvm.ex2.approx.f32"
// CHECK-NOT: memref
soc.kernel @sums(%a: memref<4x8xf32>, %b: memref<4x8xf32>) attributes {engine = "gpu",
    num_inputs = 1 : i64, variant = #rows, scratch_bytes = 64 : i64, grid = array<i64: 2, 1, 1>} {
  %zero = arith.constant 0.0 : f32
  scf.forall (%i) = (0) to (4) step (2) {
    %x = memref.subview %a[%i, 0] [2, 8] [1, 1] : memref<4x8xf32> to memref<2x8xf32, strided<[8, 1], offset: ?>>
    %y = memref.subview %b[%i, 0] [2, 8] [1, 1] : memref<4x8xf32> to memref<2x8xf32, strided<[8, 1], offset: ?>>
    %sum = soc.scratch 0 : memref<2xf32>
    linalg.fill ins(%zero : f32) outs(%sum : memref<2xf32>)
    linalg.reduce { arith.addf } ins(%x : memref<2x8xf32, strided<[8, 1], offset: ?>>) outs(%sum : memref<2xf32>) dimensions = [1]
    linalg.generic {indexing_maps = [affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
        ins(%sum : memref<2xf32>) outs(%y : memref<2x8xf32, strided<[8, 1], offset: ?>>) {
    ^bb0(%s: f32, %o: f32):
      %e = math.exp %s : f32
      linalg.yield %e : f32
    }
  }
  soc.return
}

// A scalar comes from the control block, which is the last argument.
// CHECK-LABEL: llvm.func @position(
// CHECK-SAME: %{{[^ ]*}}: !llvm.ptr, %[[CONTROL:[^ ]*]]: !llvm.ptr {llvm.align = 8 : i64})
// CHECK: llvm.load %{{.*}} : !llvm.ptr -> i32
soc.kernel @position(%a: memref<8xf32>, %p: index) attributes {engine = "gpu",
    num_inputs = 0 : i64, variant = #rows, scratch_bytes = 0 : i64, grid = array<i64: 1, 1, 1>} {
  %zero = arith.constant 0.0 : f32
  memref.store %zero, %a[%p] : memref<8xf32>
  soc.return
}
