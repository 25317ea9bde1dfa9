// Norms, softmax and attention of halves: all that is summed is f32, and the
// result is rounded once.
// RUN: tercet-opt %s --tile-lower-aggregates | FileCheck %s --implicit-check-not=nn.

#rows = #soc.variant<"rows", precision = f16, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 128>

// CHECK-LABEL: soc.kernel @layer_norm
// CHECK: linalg.fill {{.*}} -> tensor<4xf32>
// CHECK: arith.extf {{.*}} : f16 to f32
// CHECK-NEXT: arith.addf {{.*}} : f32
// CHECK: arith.mulf {{.*}} : f32
// CHECK: arith.truncf {{.*}} : f32 to f16
// CHECK-NOT: arith.truncf
// CHECK: soc.return
soc.kernel @layer_norm(%a: memref<4x8xf16>, %s: memref<8xf16>, %b: memref<4x8xf16>) attributes {engine = "cpu", num_inputs = 2 : i64, variant = #rows} {
  %0 = bufferization.to_tensor %a restrict : memref<4x8xf16> to tensor<4x8xf16>
  %1 = bufferization.to_tensor %s restrict : memref<8xf16> to tensor<8xf16>
  %2 = bufferization.to_tensor %b restrict writable : memref<4x8xf16> to tensor<4x8xf16>
  %3 = nn.layer_norm ins(%0, %1 : tensor<4x8xf16>, tensor<8xf16>) bias(%1 : tensor<8xf16>) outs(%2 : tensor<4x8xf16>) epsilon 1.000000e-05
  bufferization.materialize_in_destination %3 in restrict writable %b : (tensor<4x8xf16>, memref<4x8xf16>) -> ()
  soc.return
}

// The sum of squares of a row of 8 halves can be more than a half holds.
// CHECK-LABEL: soc.kernel @rms_norm
// CHECK: %[[X:.*]] = arith.extf {{.*}} : bf16 to f32
// CHECK: arith.mulf %[[X]], %[[X]] : f32
// CHECK: arith.truncf {{.*}} : f32 to bf16
// CHECK-NOT: arith.truncf
// CHECK: soc.return
soc.kernel @rms_norm(%a: memref<4x8xbf16>, %s: memref<8xbf16>, %b: memref<4x8xbf16>) attributes {engine = "cpu", num_inputs = 2 : i64, variant = #rows} {
  %0 = bufferization.to_tensor %a restrict : memref<4x8xbf16> to tensor<4x8xbf16>
  %1 = bufferization.to_tensor %s restrict : memref<8xbf16> to tensor<8xbf16>
  %2 = bufferization.to_tensor %b restrict writable : memref<4x8xbf16> to tensor<4x8xbf16>
  %3 = nn.rms_norm ins(%0, %1 : tensor<4x8xbf16>, tensor<8xbf16>) outs(%2 : tensor<4x8xbf16>) epsilon 1.000000e-05
  bufferization.materialize_in_destination %3 in restrict writable %b : (tensor<4x8xbf16>, memref<4x8xbf16>) -> ()
  soc.return
}

// Along a dimension that is not the last.
// CHECK-LABEL: soc.kernel @softmax
// CHECK: linalg.generic {{.*}} iterator_types = ["reduction", "parallel"]
// CHECK: arith.maxnumf {{.*}} : f16
// CHECK: linalg.fill {{.*}} -> tensor<8xf32>
// CHECK: linalg.generic {{.*}} iterator_types = ["reduction", "parallel"]
// CHECK: math.exp {{.*}} : f32
// CHECK-NEXT: arith.addf {{.*}} : f32
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel"]
// CHECK: math.exp
// CHECK-NEXT: %[[Y:.*]] = arith.divf
// CHECK-NEXT: arith.truncf %[[Y]] : f32 to f16
// CHECK: soc.return
soc.kernel @softmax(%a: memref<4x8xf16>, %b: memref<4x8xf16>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  %0 = bufferization.to_tensor %a restrict : memref<4x8xf16> to tensor<4x8xf16>
  %1 = bufferization.to_tensor %b restrict writable : memref<4x8xf16> to tensor<4x8xf16>
  %2 = linalg.softmax dimension(0) ins(%0 : tensor<4x8xf16>) outs(%1 : tensor<4x8xf16>) -> tensor<4x8xf16>
  bufferization.materialize_in_destination %2 in restrict writable %b : (tensor<4x8xf16>, memref<4x8xf16>) -> ()
  soc.return
}

// CHECK-LABEL: soc.kernel @attention
// CHECK: arith.mulf {{.*}} : f32
// CHECK: math.exp {{.*}} : f32
// CHECK: arith.divf {{.*}} : f32
// CHECK-NEXT: arith.truncf
// CHECK: soc.return
soc.kernel @attention(%q: memref<1x4x2x8xf16>, %k: memref<1x6x2x8xf16>, %m: memref<1x1x1x6xf16>, %o: memref<1x4x2x8xf16>) attributes {engine = "cpu", num_inputs = 3 : i64, variant = #rows} {
  %0 = bufferization.to_tensor %q restrict : memref<1x4x2x8xf16> to tensor<1x4x2x8xf16>
  %1 = bufferization.to_tensor %k restrict : memref<1x6x2x8xf16> to tensor<1x6x2x8xf16>
  %2 = bufferization.to_tensor %m restrict : memref<1x1x1x6xf16> to tensor<1x1x1x6xf16>
  %3 = bufferization.to_tensor %o restrict writable : memref<1x4x2x8xf16> to tensor<1x4x2x8xf16>
  %4 = nn.attention ins(%0, %1, %1 : tensor<1x4x2x8xf16>, tensor<1x6x2x8xf16>, tensor<1x6x2x8xf16>)
         mask(%2 : tensor<1x1x1x6xf16>) outs(%3 : tensor<1x4x2x8xf16>) scale 2.500000e-01
  bufferization.materialize_in_destination %4 in restrict writable %o : (tensor<1x4x2x8xf16>, memref<1x4x2x8xf16>) -> ()
  soc.return
}
