// Operations on whole rows, tables and moves.
// RUN: tercet-opt %s --pass-pipeline='builtin.module(soc.kernel(hexagon-lower-kernels))' | FileCheck %s

#v = #soc.variant<"rows", precision = i8, tiles = [0], panels = [0], time_ps = 1, scratch_bytes = 0>

// 256 entries of 8 bits are two registers, looked up in eight steps.
// CHECK-LABEL: soc.kernel @lookup(
// CHECK-COUNT-2: hvx.vshuffb
// CHECK: hvx.vlutvvb %
// CHECK-COUNT-7: hvx.vlutvvb_oracc
// CHECK-NOT: hvx.vlut
soc.kernel @lookup(%a: memref<128xi8>, %t: memref<256xi8>, %b: memref<128xi8>) attributes {engine = "npu", num_inputs = 2 : i64, variant = #v} {
  nn.lookup ins(%a, %t : memref<128xi8>, memref<256xi8>) outs(%b : memref<128xi8>)
  soc.return
}

// Gain and offset are dealt once; sums of elements and of squares; scalar steps to the root.
// CHECK-LABEL: soc.kernel @layer_norm(
// CHECK: hvx.vdealvdd
// CHECK: scf.for
// CHECK-COUNT-2: hvx.vrmpybv_acc
// CHECK: llvm.intr.ctlz
// CHECK: scf.while
// CHECK: scf.if
soc.kernel @layer_norm(%x: memref<4x64xi8>, %g: memref<64xi32>, %o: memref<64xi32>, %y: memref<4x64xi8>) attributes {engine = "npu", num_inputs = 3 : i64, variant = #v} {
  nn.quantized_layer_norm ins(%x, %g, %o : memref<4x64xi8>, memref<64xi32>, memref<64xi32>)
    outs(%y : memref<4x64xi8>) epsilon 12 gain_shift 3 zero 0
  soc.return
}

// Without mean: one product less, no offset.
// CHECK-LABEL: soc.kernel @rms_norm(
// CHECK-NOT: arith.subi %{{.*}} : vector<32xi32>
// CHECK: soc.return
soc.kernel @rms_norm(%x: memref<4x64xi8>, %g: memref<64xi32>, %y: memref<4x64xi8>) attributes {engine = "npu", num_inputs = 2 : i64, variant = #v} {
  nn.quantized_rms_norm ins(%x, %g : memref<4x64xi8>, memref<64xi32>) outs(%y : memref<4x64xi8>) epsilon 12 gain_shift 3 zero 0
  soc.return
}

// Keys and values become panels once for all the heads that read them.
// CHECK-LABEL: soc.kernel @attention(
// CHECK: hvx.vshuffvdd
// CHECK: scf.for
// CHECK: hvx.vrmpybus_acc
// CHECK: hvx.vmaxh
// CHECK: hvx.vlsrhv
// CHECK: hvx.vrmpyub_acc
soc.kernel @attention(%q: memref<1x4x4x8xi8>, %k: memref<1x6x2x8xi8>, %v: memref<1x6x2x8xi8>, %y: memref<1x4x4x8xi8>) attributes {engine = "npu", num_inputs = 3 : i64, variant = #v} {
  nn.quantized_attention ins(%q, %k, %v : memref<1x4x4x8xi8>, memref<1x6x2x8xi8>, memref<1x6x2x8xi8>)
    outs(%y : memref<1x4x4x8xi8>) score_multiplier 1476395008 score_shift 4 multiplier 1610612736 shift 0 zero 0
  soc.return
}

// Rows that stay rows go through registers.
// CHECK-LABEL: soc.kernel @copy(
// CHECK: hvx.load %
// CHECK-NEXT: hvx.store
// CHECK-NOT: memref.copy
soc.kernel @copy(%a: memref<128xi8>, %b: memref<128xi8>) attributes {engine = "npu", num_inputs = 1 : i64, variant = #v} {
  memref.copy %a, %b : memref<128xi8> to memref<128xi8>
  soc.return
}

// A multiplier for each column: 32 bits, on the value shifted up.
// CHECK-LABEL: soc.kernel @columns(
// CHECK: hvx.vunpackh
// CHECK: hvx.vaslw
// CHECK: hvx.vmpyowh_rnd_sacc
soc.kernel @columns(%x: memref<4x128xi16>, %c: memref<128xi32>, %y: memref<4x128xi8>) attributes {engine = "npu", num_inputs = 2 : i64, variant = #v} {
  nn.rescale ins(%x : memref<4x128xi16>) columns(%c : memref<128xi32>) outs(%y : memref<4x128xi8>) multiplier 0 offset 0 shift 7 zero 3
  soc.return
}

// A table for each block of columns: all rows of one, then the next.
// CHECK-LABEL: soc.kernel @blocks(
// CHECK: scf.for
// CHECK: hvx.vshuffb
// CHECK: scf.for
// CHECK: hvx.vlutvvb %
soc.kernel @blocks(%x: memref<4x512xi8>, %t: memref<4x256xi8>, %y: memref<4x512xi8>) attributes {engine = "npu", num_inputs = 2 : i64, variant = #v} {
  nn.lookup ins(%x, %t : memref<4x512xi8>, memref<4x256xi8>) outs(%y : memref<4x512xi8>)
  soc.return
}
