// Kernels get the calling convention of abi.h with addresses of 32 bits, instructions become intrinsics.
// RUN: tercet-opt %s --pass-pipeline='builtin.module(hexagon-convert-to-llvm)' | FileCheck %s

// CHECK: module attributes {llvm.data_layout = "e-m:e-p:32:32:32{{.*}}", llvm.target_triple = "hexagon-unknown-linux-musl"}
// What nothing calls is not declared.
// CHECK: llvm.func @tercet_dma_start(!llvm.ptr, !llvm.ptr, i32, i32, i32, i32) -> i32
// CHECK-NOT: @tercet_dma_wait

#v = #soc.variant<"rows", precision = i8, tiles = [0], panels = [0], time_ps = 1, scratch_bytes = 0>

// The last dimension of the grid is x. Addresses of arguments are 4 bytes apart.
// CHECK-LABEL: llvm.func hidden @grid(
// CHECK-SAME: %[[ARGS:.*]]: !llvm.ptr {{.*}}, %[[X:.*]]: i32, %[[Y:.*]]: i32, %{{.*}}: i32, %{{.*}}: i32)
// CHECK: %[[BUFFERS:.*]] = llvm.load %[[ARGS]] invariant {alignment = 4 : i64} : !llvm.ptr -> !llvm.ptr
// CHECK: llvm.getelementptr %[[BUFFERS]][4] : (!llvm.ptr) -> !llvm.ptr, i8
// CHECK-DAG: llvm.mul %[[Y]], %{{.*}} overflow<nsw> : i32
// CHECK-DAG: llvm.mul %[[X]], %{{.*}} overflow<nsw> : i32
// CHECK: llvm.call_intrinsic "llvm.hexagon.V6.vdealb.128B"(%{{.*}}) : (vector<32xi32>) -> vector<32xi32>
// CHECK: llvm.store %{{.*}} {alignment = 1 : i64} : vector<32xi32>, !llvm.ptr
soc.kernel @grid(%unused: memref<4xi8>, %a: memref<8x256xi8>) attributes {engine = "npu", num_inputs = 1 : i64, variant = #v} {
  scf.forall (%i, %j) = (0, 0) to (8, 256) step (2, 128) {
    %t = memref.subview %a[%i, %j] [2, 128] [1, 1] : memref<8x256xi8> to memref<2x128xi8, strided<[256, 1], offset: ?>>
    %p = hvx.address %t : memref<2x128xi8, strided<[256, 1], offset: ?>>
    %0 = hvx.load %p
    %1 = hvx.vdealb %0
    hvx.store %1, %p
  }
  soc.return
}

// Scratch is at args->scratch + worker * args->scratch_stride + offset.
// CHECK-LABEL: llvm.func hidden @scratch(
// CHECK-SAME: %[[ARGS:.*]]: !llvm.ptr {{.*}}, %[[WORKER:[^ ]*]]: i32)
// CHECK-DAG: llvm.getelementptr %[[ARGS]][8]
// CHECK-DAG: llvm.getelementptr %[[ARGS]][16]
// CHECK: llvm.mul %[[WORKER]], %{{.*}} : i32
// CHECK: llvm.getelementptr %{{.*}}[128]
// CHECK: llvm.load %{{.*}} {alignment = 128 : i64} : !llvm.ptr -> vector<32xi32>
soc.kernel @scratch(%b: memref<128xi8>) attributes {engine = "npu", num_inputs = 0 : i64, variant = #v} {
  %m = soc.scratch 128 : memref<128xi8>
  %a = hvx.address %m : memref<128xi8>
  %v = hvx.load %a aligned
  %c = hvx.address %b : memref<128xi8>
  %n = arith.constant 5 : i32
  hvx.store_part %v, %c, %n
  soc.return
}

// Parts touch the aligned blocks of their first and last byte only.
// CHECK-LABEL: llvm.func hidden @parts(
// CHECK: %[[A:.*]] = llvm.ptrtoint
// CHECK-COUNT-2: llvm.load %{{.*}} {alignment = 128 : i64} : !llvm.ptr -> vector<32xi32>
// CHECK: "llvm.hexagon.V6.valignb.128B"(%{{.*}}, %{{.*}}, %[[A]])
// CHECK: "llvm.hexagon.V6.vlalignb.128B"
// CHECK-COUNT-2: "llvm.hexagon.V6.vS32b.qpred.ai.128B"
// CHECK: llvm.call @tercet_dma_start(
soc.kernel @parts(%a: memref<64xi8>, %b: memref<64xi8>) attributes {engine = "npu", num_inputs = 1 : i64, variant = #v} {
  %n = arith.constant 64 : i32
  %from = hvx.address %a : memref<64xi8>
  %to = hvx.address %b : memref<64xi8>
  %v = hvx.load_part %from, %n
  hvx.store_part %v, %to, %n
  %t = hvx.dma_start %to, %from row_bytes %n rows %n strides %n, %n
  soc.return
}
