// RUN: tercet-opt %s --partition-lift-quantization | FileCheck %s

!x = !quant.uniform<i8:f32, 5.000000e-01:3>
!y = !quant.uniform<i8:f32, 2.000000e+00:-7>
!z = !quant.uniform<i8:f32, 4.000000e+00>

// Scales of columns, 0.25 and 0.125, in the transposed weight.
#bytes = #nn.cast<dense<[[127, -128], [1, 2]]> : tensor<2x2xi8>> : tensor<2x2xf32>
#given = #nn.transpose<#nn.scale_rows<#nn.transpose<#bytes, perm = [1, 0]> : tensor<2x2xf32>, factors = dense<[2.500000e-01, 1.250000e-01]> : tensor<2xf32>> : tensor<2x2xf32>, perm = [1, 0]> : tensor<2x2xf32>
nn.weight @given = #given
// Floats have no integers that the model speaks of.
nn.weight @floats = dense<1.000000e+00> : tensor<2x2xf32>

// The bytes are those of the model, -128 too; multipliers are 0.5 / 2 of its scales.
// CHECK-DAG: nn.weight @given.i8 = dense<{{\[\[}}127, -128], [1, 2]]> : tensor<2x2xi8>
// CHECK-DAG: nn.weight @given.multiplier = #nn.fixed_point<dense<[2.500000e-01, 1.250000e-01]> : tensor<2xf32>, factor = 2.500000e-01 : f64, shift = 34>
// CHECK-DAG: nn.weight @given.bias = #nn.column_bias<dense<{{\[\[}}127, -128], [1, 2]]> : tensor<2x2xi8>, scales = dense<[2.500000e-01, 1.250000e-01]> : tensor<2xf32>, scale = 5.000000e-01 : f64, zero = 3>

// Between the first value's quantisation and the last one's there are integers only, views included.
// CHECK-LABEL: @product
// CHECK: %[[X:.*]] = soc.group(%arg0) : (tensor<1x2x2xf32>) -> tensor<1x2x2xi8>
// CHECK: %[[V:.*]] = tensor.collapse_shape %[[X]] {{.*}} : tensor<1x2x2xi8> into tensor<2x2xi8>
// CHECK: %[[P:.*]] = soc.group(%[[V]], %{{.*}}, %{{.*}}, %{{.*}}) : (tensor<2x2xi8>, tensor<2x2xi8>, tensor<2xi32>, tensor<2xi32>) -> tensor<2x2xi8>
// CHECK: nn.quantized_matmul {{.*}} shift 3 zero -7
// CHECK: %[[L:.*]] = soc.group(%[[P]], %{{.*}}) : (tensor<2x2xi8>, tensor<256xi8>) -> tensor<2x2xi8>
// CHECK: nn.lookup
// CHECK: %[[D:.*]] = soc.group(%[[L]]) : (tensor<2x2xi8>) -> tensor<2x2xf32>
// CHECK: nn.dequantize from !quant.uniform<i8:f32, 4.000000e+00>
// CHECK-NOT: soc.group
// CHECK: return %[[D]]
func.func @product(%x: tensor<1x2x2xf32>) -> tensor<2x2xf32> {
  %w = nn.get_weight @given : tensor<2x2xf32>
  %0 = soc.group (%x) : (tensor<1x2x2xf32>) -> tensor<1x2x2xi8> {
  ^bb0(%a: tensor<1x2x2xf32>):
    %e = tensor.empty() : tensor<1x2x2xi8>
    %q = nn.quantize as !x ins(%a : tensor<1x2x2xf32>) outs(%e : tensor<1x2x2xi8>)
    soc.yield %q : tensor<1x2x2xi8>
  }
  %1 = soc.group (%0) : (tensor<1x2x2xi8>) -> tensor<1x2x2xf32> {
  ^bb0(%a: tensor<1x2x2xi8>):
    %e = tensor.empty() : tensor<1x2x2xf32>
    %q = nn.dequantize from !x ins(%a : tensor<1x2x2xi8>) outs(%e : tensor<1x2x2xf32>)
    soc.yield %q : tensor<1x2x2xf32>
  }
  %2 = tensor.collapse_shape %1 [[0, 1], [2]] : tensor<1x2x2xf32> into tensor<2x2xf32>
  %3 = soc.group (%2, %w) : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32> {
  ^bb0(%a: tensor<2x2xf32>, %r: tensor<2x2xf32>):
    %c = arith.constant 0.0 : f32
    %e = tensor.empty() : tensor<2x2xf32>
    %f = linalg.fill ins(%c : f32) outs(%e : tensor<2x2xf32>) -> tensor<2x2xf32>
    %p = linalg.matmul ins(%a, %r : tensor<2x2xf32>, tensor<2x2xf32>) outs(%f : tensor<2x2xf32>) -> tensor<2x2xf32>
    soc.yield %p : tensor<2x2xf32>
  }
  %4 = soc.group (%3) : (tensor<2x2xf32>) -> tensor<2x2xi8> {
  ^bb0(%a: tensor<2x2xf32>):
    %e = tensor.empty() : tensor<2x2xi8>
    %q = nn.quantize as !y ins(%a : tensor<2x2xf32>) outs(%e : tensor<2x2xi8>)
    soc.yield %q : tensor<2x2xi8>
  }
  %5 = soc.group (%4) : (tensor<2x2xi8>) -> tensor<2x2xf32> {
  ^bb0(%a: tensor<2x2xi8>):
    %e = tensor.empty() : tensor<2x2xf32>
    %q = nn.dequantize from !y ins(%a : tensor<2x2xi8>) outs(%e : tensor<2x2xf32>)
    soc.yield %q : tensor<2x2xf32>
  }
  %6 = soc.group (%5) : (tensor<2x2xf32>) -> tensor<2x2xf32> {
  ^bb0(%a: tensor<2x2xf32>):
    %e = tensor.empty() : tensor<2x2xf32>
    %g = nn.activation silu ins(%a : tensor<2x2xf32>) outs(%e : tensor<2x2xf32>)
    soc.yield %g : tensor<2x2xf32>
  }
  %7 = soc.group (%6) : (tensor<2x2xf32>) -> tensor<2x2xi8> {
  ^bb0(%a: tensor<2x2xf32>):
    %e = tensor.empty() : tensor<2x2xi8>
    %q = nn.quantize as !z ins(%a : tensor<2x2xf32>) outs(%e : tensor<2x2xi8>)
    soc.yield %q : tensor<2x2xi8>
  }
  %8 = soc.group (%7) : (tensor<2x2xi8>) -> tensor<2x2xf32> {
  ^bb0(%a: tensor<2x2xi8>):
    %e = tensor.empty() : tensor<2x2xf32>
    %q = nn.dequantize from !z ins(%a : tensor<2x2xi8>) outs(%e : tensor<2x2xf32>)
    soc.yield %q : tensor<2x2xf32>
  }
  return %8 : tensor<2x2xf32>
}

// Unchanged: a weight of floats would have to be rounded, which the model does not do.
// CHECK-LABEL: @rounded
// CHECK: nn.dequantize
// CHECK: linalg.matmul
// CHECK: nn.quantize
func.func @rounded(%x: tensor<2x2xi8>) -> tensor<2x2xi8> {
  %w = nn.get_weight @floats : tensor<2x2xf32>
  %1 = soc.group (%x) : (tensor<2x2xi8>) -> tensor<2x2xf32> {
  ^bb0(%a: tensor<2x2xi8>):
    %e = tensor.empty() : tensor<2x2xf32>
    %q = nn.dequantize from !x ins(%a : tensor<2x2xi8>) outs(%e : tensor<2x2xf32>)
    soc.yield %q : tensor<2x2xf32>
  }
  %3 = soc.group (%1, %w) : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32> {
  ^bb0(%a: tensor<2x2xf32>, %r: tensor<2x2xf32>):
    %c = arith.constant 0.0 : f32
    %e = tensor.empty() : tensor<2x2xf32>
    %f = linalg.fill ins(%c : f32) outs(%e : tensor<2x2xf32>) -> tensor<2x2xf32>
    %p = linalg.matmul ins(%a, %r : tensor<2x2xf32>, tensor<2x2xf32>) outs(%f : tensor<2x2xf32>) -> tensor<2x2xf32>
    soc.yield %p : tensor<2x2xf32>
  }
  %4 = soc.group (%3) : (tensor<2x2xf32>) -> tensor<2x2xi8> {
  ^bb0(%a: tensor<2x2xf32>):
    %e = tensor.empty() : tensor<2x2xi8>
    %q = nn.quantize as !y ins(%a : tensor<2x2xf32>) outs(%e : tensor<2x2xi8>)
    soc.yield %q : tensor<2x2xi8>
  }
  return %4 : tensor<2x2xi8>
}

// Unchanged: a norm with an operand that is no constant, and a result that is read as floats.
// CHECK-LABEL: @open
// CHECK: nn.dequantize
// CHECK: nn.layer_norm
// CHECK-NOT: nn.quantized
// CHECK: return
func.func @open(%x: tensor<2x2xi8>, %gain: tensor<2xf32>) -> (tensor<2x2xi8>, tensor<2x2xf32>) {
  %1 = soc.group (%x) : (tensor<2x2xi8>) -> tensor<2x2xf32> {
  ^bb0(%a: tensor<2x2xi8>):
    %e = tensor.empty() : tensor<2x2xf32>
    %q = nn.dequantize from !x ins(%a : tensor<2x2xi8>) outs(%e : tensor<2x2xf32>)
    soc.yield %q : tensor<2x2xf32>
  }
  %3 = soc.group (%1, %gain) : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32> {
  ^bb0(%a: tensor<2x2xf32>, %g: tensor<2xf32>):
    %e = tensor.empty() : tensor<2x2xf32>
    %n = nn.layer_norm ins(%a, %g : tensor<2x2xf32>, tensor<2xf32>) outs(%e : tensor<2x2xf32>) epsilon 1.0e-05
    soc.yield %n : tensor<2x2xf32>
  }
  %4 = soc.group (%3) : (tensor<2x2xf32>) -> tensor<2x2xi8> {
  ^bb0(%a: tensor<2x2xf32>):
    %e = tensor.empty() : tensor<2x2xi8>
    %q = nn.quantize as !y ins(%a : tensor<2x2xf32>) outs(%e : tensor<2x2xi8>)
    soc.yield %q : tensor<2x2xi8>
  }
  %5 = soc.group (%1) : (tensor<2x2xf32>) -> tensor<2x2xf32> {
  ^bb0(%a: tensor<2x2xf32>):
    %e = tensor.empty() : tensor<2x2xf32>
    %g = nn.activation silu ins(%a : tensor<2x2xf32>) outs(%e : tensor<2x2xf32>)
    soc.yield %g : tensor<2x2xf32>
  }
  return %4, %5 : tensor<2x2xi8>, tensor<2x2xf32>
}
