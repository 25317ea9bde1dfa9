// Integer operations become loops of HVX instructions. What they compute is tested by
// test/conformance/hexagon; here, which instructions carry them and where memory is.
// RUN: tercet-opt %s --pass-pipeline='builtin.module(soc.kernel(hexagon-lower-kernels))' | FileCheck %s

#streamed = #soc.variant<"tiles", precision = i8, tiles = [0], panels = [0], time_ps = 1, scratch_bytes = 0>
#resident = #soc.variant<"tiles-resident", precision = i8, tiles = [0], panels = [0], time_ps = 1, scratch_bytes = 0>

// The first weights are fetched before the rows are staged; the next ones while the product of
// those before runs. Staging lies behind the kernel's own scratch, at a multiple of 128.
// CHECK-LABEL: soc.kernel @streamed(
// CHECK: soc.scratch 0 : memref<4x8xi8>
// CHECK: soc.scratch 128 : memref<
// CHECK: hvx.dma_start
// CHECK: hvx.vrmpybv_acc
// CHECK: hvx.dma_wait
// CHECK: hvx.dma_start
// CHECK: hvx.vrmpybus_acc
// CHECK: hvx.vmpyewuh
// CHECK: hvx.vmpyowh_rnd_sacc
// CHECK: hvx.vasrwhrndsat
// CHECK: hvx.vpackhb_sat
// CHECK-NOT: nn.
soc.kernel @streamed(%b: memref<4x2x32x4xi8>, %bias: memref<128xi32>, %m: memref<128xi32>, %c: memref<4x128xi8>)
    attributes {engine = "npu", num_inputs = 3 : i64, variant = #streamed} {
  %a = soc.scratch 0 : memref<4x8xi8>
  nn.quantized_matmul ins(%a, %b, %bias, %m : memref<4x8xi8>, memref<4x2x32x4xi8>, memref<128xi32>, memref<128xi32>)
    outs(%c : memref<4x128xi8>) shift 7 zero -3
  soc.return
}

// Resident weights are read where they are.
// CHECK-LABEL: soc.kernel @in_place(
// CHECK-NOT: hvx.dma
// CHECK: hvx.vrmpybus_acc
// CHECK-NOT: hvx.dma
// CHECK: soc.return
soc.kernel @in_place(%a: memref<4x8xi8>, %b: memref<4x2x32x4xi8>, %bias: memref<128xi32>, %m: memref<128xi32>, %c: memref<4x128xi8>)
    attributes {engine = "npu", num_inputs = 4 : i64, variant = #resident} {
  nn.quantized_matmul ins(%a, %b, %bias, %m : memref<4x8xi8>, memref<4x2x32x4xi8>, memref<128xi32>, memref<128xi32>)
    outs(%c : memref<4x128xi8>) shift 7 zero -3
  soc.return
}

// 16-bit rows: high bytes are signed, low ones are not.
// CHECK-LABEL: soc.kernel @wide(
// CHECK: hvx.vpackeb
// CHECK: hvx.vpackob
// CHECK: hvx.vrmpybus_acc
// CHECK: hvx.vaslw
// CHECK: hvx.vrmpyub_acc
soc.kernel @wide(%a: memref<4x8xi16>, %b: memref<4x2x32x4xi8>, %bias: memref<128xi32>, %m: memref<128xi32>, %c: memref<4x128xi16>)
    attributes {engine = "npu", num_inputs = 4 : i64, variant = #resident} {
  nn.quantized_matmul ins(%a, %b, %bias, %m : memref<4x8xi16>, memref<4x2x32x4xi8>, memref<128xi32>, memref<128xi32>)
    outs(%c : memref<4x128xi16>) shift 7 zero 0
  soc.return
}

// Whole rows that follow each other are one; what is left of it is a part of a register.
// CHECK-LABEL: soc.kernel @add(
// CHECK: %[[END:.*]] = arith.constant 128 : i32
// CHECK: hvx.load
// CHECK: hvx.vmpyh
// CHECK: hvx.vmpyhsat_acc
// CHECK: hvx.store %
// CHECK: hvx.load_part
// CHECK: hvx.store_part
soc.kernel @add(%a: memref<3x50xi8>, %b: memref<3x50xi8>, %c: memref<3x50xi8>)
    attributes {engine = "npu", num_inputs = 2 : i64, variant = #streamed} {
  nn.quantized_add ins(%a, %b : memref<3x50xi8>, memref<3x50xi8>) outs(%c : memref<3x50xi8>)
    multipliers [16384, 9000] offset -120 shift 10 zero 0
  soc.return
}

// Nothing to do.
// CHECK-LABEL: soc.kernel @unchanged(
// CHECK-NEXT: soc.return
soc.kernel @unchanged(%a: memref<4xi8>) attributes {engine = "npu", num_inputs = 0 : i64, variant = #streamed} {
  soc.return
}
