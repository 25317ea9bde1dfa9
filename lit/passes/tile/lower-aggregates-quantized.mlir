// RUN: tercet-opt %s --tile-lower-aggregates | FileCheck %s --implicit-check-not=nn.

#rows = #soc.variant<"rows", precision = i8, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 128>

// Sums of 32 bits, then the requantisation of each column in 64.
// CHECK-LABEL: soc.kernel @product
// CHECK: linalg.matmul ins(%{{.*}} : tensor<4x8xi8>, tensor<8x16xi8>) outs(%{{.*}} : tensor<4x16xi32>)
// CHECK: arith.muli {{.*}} : i64
// CHECK: arith.shrsi {{.*}} : i64
// CHECK: arith.trunci {{.*}} : i32 to i8
soc.kernel @product(%a: memref<4x8xi8>, %b: memref<8x16xi8>, %s: memref<16xi32>, %o: memref<4x16xi8>) attributes {engine = "cpu", num_inputs = 3 : i64, variant = #rows} {
  %0 = bufferization.to_tensor %a restrict : memref<4x8xi8> to tensor<4x8xi8>
  %1 = bufferization.to_tensor %b restrict : memref<8x16xi8> to tensor<8x16xi8>
  %2 = bufferization.to_tensor %s restrict : memref<16xi32> to tensor<16xi32>
  %3 = bufferization.to_tensor %o restrict writable : memref<4x16xi8> to tensor<4x16xi8>
  %4 = nn.quantized_matmul ins(%0, %1, %2, %2 : tensor<4x8xi8>, tensor<8x16xi8>, tensor<16xi32>, tensor<16xi32>)
         outs(%3 : tensor<4x16xi8>) shift 7 zero -3
  bufferization.materialize_in_destination %4 in restrict writable %o : (tensor<4x16xi8>, memref<4x16xi8>) -> ()
  soc.return
}

// A packed right-hand side is turned back: fours of rows, less 128.
// CHECK-LABEL: soc.kernel @packed
// CHECK: arith.xori
// CHECK: tensor.collapse_shape %{{.*}} {{\[\[}}0, 1], [2, 3]] : tensor<3x4x2x32xi8> into tensor<12x64xi8>
// CHECK: linalg.matmul ins(%{{.*}} : tensor<4x9xi16>, tensor<9x37xi8>) outs(%{{.*}} : tensor<4x37xi32>)
soc.kernel @packed(%a: memref<4x9xi16>, %b: memref<2x3x32x4xi8>, %s: memref<37xi32>, %o: memref<4x37xi16>) attributes {engine = "cpu", num_inputs = 3 : i64, variant = #rows} {
  %0 = bufferization.to_tensor %a restrict : memref<4x9xi16> to tensor<4x9xi16>
  %1 = bufferization.to_tensor %b restrict : memref<2x3x32x4xi8> to tensor<2x3x32x4xi8>
  %2 = bufferization.to_tensor %s restrict : memref<37xi32> to tensor<37xi32>
  %3 = bufferization.to_tensor %o restrict writable : memref<4x37xi16> to tensor<4x37xi16>
  %4 = nn.quantized_matmul ins(%0, %1, %2, %2 : tensor<4x9xi16>, tensor<2x3x32x4xi8>, tensor<37xi32>, tensor<37xi32>)
         outs(%3 : tensor<4x37xi16>) shift 7 zero 0
  bufferization.materialize_in_destination %4 in restrict writable %o : (tensor<4x37xi16>, memref<4x37xi16>) -> ()
  soc.return
}

// Sums of a row, then each element with what its row has one of.
// CHECK-LABEL: soc.kernel @norm
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]
// CHECK: arith.extsi {{.*}} : i32 to i64
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel"]
// CHECK: math.ctlz
// CHECK: arith.divui
// CHECK: linalg.yield {{.*}} : i8
soc.kernel @norm(%a: memref<4x8xi16>, %g: memref<8xi32>, %o: memref<4x8xi8>) attributes {engine = "cpu", num_inputs = 2 : i64, variant = #rows} {
  %0 = bufferization.to_tensor %a restrict : memref<4x8xi16> to tensor<4x8xi16>
  %1 = bufferization.to_tensor %g restrict : memref<8xi32> to tensor<8xi32>
  %2 = bufferization.to_tensor %o restrict writable : memref<4x8xi8> to tensor<4x8xi8>
  %3 = nn.quantized_layer_norm ins(%0, %1, %1 : tensor<4x8xi16>, tensor<8xi32>, tensor<8xi32>) outs(%2 : tensor<4x8xi8>) epsilon 12 gain_shift 3 zero 0
  bufferization.materialize_in_destination %3 in restrict writable %o : (tensor<4x8xi8>, memref<4x8xi8>) -> ()
  soc.return
}

// A product's requantisation and what follows element by element are one
// operation.
// CHECK-LABEL: soc.kernel @chain
// CHECK: linalg.matmul
// CHECK: linalg.generic
// CHECK: tensor.extract
// CHECK-NOT: linalg.generic
// CHECK: soc.return
soc.kernel @chain(%a: memref<4x8xi8>, %b: memref<8x16xi8>, %s: memref<16xi32>, %t: memref<256xi8>, %o: memref<4x16xi8>) attributes {engine = "cpu", num_inputs = 4 : i64, variant = #rows} {
  %0 = bufferization.to_tensor %a restrict : memref<4x8xi8> to tensor<4x8xi8>
  %1 = bufferization.to_tensor %b restrict : memref<8x16xi8> to tensor<8x16xi8>
  %2 = bufferization.to_tensor %s restrict : memref<16xi32> to tensor<16xi32>
  %3 = bufferization.to_tensor %t restrict : memref<256xi8> to tensor<256xi8>
  %4 = bufferization.to_tensor %o restrict writable : memref<4x16xi8> to tensor<4x16xi8>
  %e = tensor.empty() : tensor<4x16xi8>
  %5 = nn.quantized_matmul ins(%0, %1, %2, %2 : tensor<4x8xi8>, tensor<8x16xi8>, tensor<16xi32>, tensor<16xi32>)
         outs(%e : tensor<4x16xi8>) shift 7 zero -3
  %6 = nn.lookup ins(%5, %3 : tensor<4x16xi8>, tensor<256xi8>) outs(%4 : tensor<4x16xi8>)
  bufferization.materialize_in_destination %6 in restrict writable %o : (tensor<4x16xi8>, memref<4x16xi8>) -> ()
  soc.return
}
