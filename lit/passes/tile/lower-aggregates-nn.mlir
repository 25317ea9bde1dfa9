// RUN: tercet-opt %s --tile-lower-aggregates | FileCheck %s --implicit-check-not=nn.

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 128>

// Attention: scores, scale and mask, softmax, values.
// CHECK-LABEL: soc.kernel @attention
// CHECK: %[[SCALE:.*]] = arith.constant 2.500000e-01 : f32
// CHECK: "parallel", "reduction"]
// CHECK: arith.mulf %{{.*}}, %[[SCALE]]
// CHECK-NEXT: arith.addf
// CHECK: math.exp
// CHECK: arith.divf
// CHECK: soc.return
soc.kernel @attention(%q: memref<1x4x2x8xf32>, %k: memref<1x6x2x8xf32>, %m: memref<1x1x1x6xf32>, %o: memref<1x4x2x8xf32>) attributes {engine = "cpu", num_inputs = 3 : i64, variant = #rows} {
  %0 = bufferization.to_tensor %q restrict : memref<1x4x2x8xf32> to tensor<1x4x2x8xf32>
  %1 = bufferization.to_tensor %k restrict : memref<1x6x2x8xf32> to tensor<1x6x2x8xf32>
  %2 = bufferization.to_tensor %m restrict : memref<1x1x1x6xf32> to tensor<1x1x1x6xf32>
  %3 = bufferization.to_tensor %o restrict writable : memref<1x4x2x8xf32> to tensor<1x4x2x8xf32>
  %4 = nn.attention ins(%0, %1, %1 : tensor<1x4x2x8xf32>, tensor<1x6x2x8xf32>, tensor<1x6x2x8xf32>)
         mask(%2 : tensor<1x1x1x6xf32>) outs(%3 : tensor<1x4x2x8xf32>) scale 2.500000e-01
  bufferization.materialize_in_destination %4 in restrict writable %o : (tensor<1x4x2x8xf32>, memref<1x4x2x8xf32>) -> ()
  soc.return
}

// A gather checks its indices; negative ones count from the end.
// CHECK-LABEL: soc.kernel @gather
// CHECK: arith.cmpi slt
// CHECK: cf.assert
// CHECK: tensor.extract
soc.kernel @gather(%d: memref<10x8xf32>, %i: memref<4xi64>, %o: memref<4x8xf32>) attributes {engine = "cpu", num_inputs = 2 : i64, variant = #rows} {
  %0 = bufferization.to_tensor %d restrict : memref<10x8xf32> to tensor<10x8xf32>
  %1 = bufferization.to_tensor %i restrict : memref<4xi64> to tensor<4xi64>
  %2 = bufferization.to_tensor %o restrict writable : memref<4x8xf32> to tensor<4x8xf32>
  %3 = nn.gather axis 0 ins(%0, %1 : tensor<10x8xf32>, tensor<4xi64>) outs(%2 : tensor<4x8xf32>)
  bufferization.materialize_in_destination %3 in restrict writable %o : (tensor<4x8xf32>, memref<4x8xf32>) -> ()
  soc.return
}

// Each activation by its formula.
// CHECK-LABEL: soc.kernel @activations
// CHECK: %[[C:.*]] = arith.constant 1.702
// CHECK: math.erf
// CHECK: math.tanh
// CHECK: arith.mulf %{{.*}}, %[[C]]
// CHECK: math.exp
soc.kernel @activations(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  %0 = bufferization.to_tensor %a restrict : memref<4xf32> to tensor<4xf32>
  %1 = bufferization.to_tensor %b restrict writable : memref<4xf32> to tensor<4xf32>
  %2 = nn.activation gelu_erf ins(%0 : tensor<4xf32>) outs(%1 : tensor<4xf32>)
  %3 = nn.activation gelu_tanh ins(%2 : tensor<4xf32>) outs(%1 : tensor<4xf32>)
  %4 = nn.activation quick_gelu ins(%3 : tensor<4xf32>) outs(%1 : tensor<4xf32>)
  bufferization.materialize_in_destination %4 in restrict writable %b : (tensor<4xf32>, memref<4xf32>) -> ()
  soc.return
}
