// RUN: tercet-opt %s --partition-apply-precision -split-input-file --verify-diagnostics

#bytes = #soc.variant<"table", precision = i8, tiles = [], panels = [0], time_ps = 1, scratch_bytes = 64>

func.func @no_types(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{is to be computed in 'i8', but no types for that are given; expected `precisions`, which calibration writes}}
  %0 = soc.group on "npu" variant #bytes (%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    soc.yield %a : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// -----

#halves = #soc.variant<"table", precision = i16, tiles = [], panels = [0], time_ps = 1, scratch_bytes = 64>
!x = !quant.uniform<i8:f32, 5.000000e-02:3>

func.func @not_listed(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{is to be computed in 'i16', expected one of f32, w8a8}}
  %0 = soc.group on "npu" variant #halves precisions [#soc.precision<"f32">, #soc.precision<"w8a8", inputs = [!x], results = [none, !x]>] (%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %e = tensor.empty() : tensor<4xf32>
    %r = nn.activation silu ins(%a : tensor<4xf32>) outs(%e : tensor<4xf32>)
    soc.yield %r : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// -----

#bytes = #soc.variant<"table", precision = i8, tiles = [], panels = [0], time_ps = 1, scratch_bytes = 64>
!wide = !quant.uniform<i16:f32, 5.000000e-02>

// A table has 256 entries.
func.func @does_not_fit(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{cannot be computed in w8a8: input 0 of precision w8a8: expected i8 and at most one scale for each block of 128 channels, got !quant.uniform<i16:f32, 5.000000e-02>}}
  %0 = soc.group on "npu" variant #bytes precisions [#soc.precision<"w8a8", inputs = [!wide], results = [none, !wide]>] (%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %e = tensor.empty() : tensor<4xf32>
    %r = nn.activation silu ins(%a : tensor<4xf32>) outs(%e : tensor<4xf32>)
    soc.yield %r : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// -----

#bytes = #soc.variant<"softmax", precision = i8, tiles = [], panels = [0], time_ps = 1, scratch_bytes = 64>
!x = !quant.uniform<i8:f32, 5.000000e-02:3>

func.func @no_form(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // expected-error @below {{cannot be computed in w8a8: 'linalg.softmax' has no form in integers}}
  %0 = soc.group on "npu" variant #bytes precisions [#soc.precision<"w8a8", inputs = [!x], results = [none, !x]>] (%x) : (tensor<4x8xf32>) -> tensor<4x8xf32> {
  ^bb0(%a: tensor<4x8xf32>):
    %e = tensor.empty() : tensor<4x8xf32>
    %r = linalg.softmax dimension(1) ins(%a : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
    soc.yield %r : tensor<4x8xf32>
  }
  return %0 : tensor<4x8xf32>
}

// -----

#product = #soc.variant<"product", precision = i16, tiles = [], panels = [0, 0], time_ps = 1, scratch_bytes = 64>
!wide = !quant.uniform<i16:f32, 1.000000e-03>
!w = !quant.uniform<i8:f32, 1.000000e-02>

// 517 * 127 * 32768 is more than 2^31.
func.func @too_deep(%x: tensor<4x517xf32>) -> tensor<4x8xf32> {
  %w = nn.get_weight @w : tensor<517x8xf32>
  // expected-error @below {{cannot be computed in w8a16: its product sums over 517 elements; sums of i32 hold 516 of i16}}
  %0 = soc.group on "npu" variant #product precisions [#soc.precision<"w8a16", inputs = [!wide, !w], results = [none, none, none, !wide]>]
      (%x, %w) : (tensor<4x517xf32>, tensor<517x8xf32>) -> tensor<4x8xf32> {
  ^bb0(%a: tensor<4x517xf32>, %r: tensor<517x8xf32>):
    %z = arith.constant 0.0 : f32
    %e = tensor.empty() : tensor<4x8xf32>
    %f = linalg.fill ins(%z : f32) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
    %p = linalg.matmul ins(%a, %r : tensor<4x517xf32>, tensor<517x8xf32>) outs(%f : tensor<4x8xf32>) -> tensor<4x8xf32>
    soc.yield %p : tensor<4x8xf32>
  }
  return %0 : tensor<4x8xf32>
}
nn.weight @w = dense<0.5> : tensor<517x8xf32>

// -----

#product = #soc.variant<"product", precision = i8, tiles = [], panels = [0, 0], time_ps = 1, scratch_bytes = 64>
!x = !quant.uniform<i8:f32, 1.000000e-01>
!fine = !quant.uniform<i16:f32, 1.000000e-03>

// Sums are in units of 0.01.
func.func @too_fine(%x: tensor<4x2xf32>) -> tensor<4x8xf32> {
  %w = nn.get_weight @w : tensor<2x8xf32>
  // expected-error @below {{the result of its product is finer than the sums that it comes from}}
  %0 = soc.group on "npu" variant #product precisions [#soc.precision<"w8a8", inputs = [!x, !x], results = [none, none, none, !fine]>]
      (%x, %w) : (tensor<4x2xf32>, tensor<2x8xf32>) -> tensor<4x8xf32> {
  ^bb0(%a: tensor<4x2xf32>, %r: tensor<2x8xf32>):
    %z = arith.constant 0.0 : f32
    %e = tensor.empty() : tensor<4x8xf32>
    %f = linalg.fill ins(%z : f32) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
    %p = linalg.matmul ins(%a, %r : tensor<4x2xf32>, tensor<2x8xf32>) outs(%f : tensor<4x8xf32>) -> tensor<4x8xf32>
    soc.yield %p : tensor<4x8xf32>
  }
  return %0 : tensor<4x8xf32>
}
nn.weight @w = dense<0.5> : tensor<2x8xf32>

// -----

#bytes = #soc.variant<"table", precision = i8, tiles = [], panels = [0], time_ps = 1, scratch_bytes = 64>
!x = !quant.uniform<i8:f32, 5.000000e-02:3>

// Without a machine nobody converts what comes in.
func.func @no_cpu(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{expected a CPU that converts values between engines of different precisions: the machine has none}}
  %0 = soc.group on "npu" variant #bytes precisions [#soc.precision<"w8a8", inputs = [!x], results = [none, !x]>] (%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %e = tensor.empty() : tensor<4xf32>
    %r = nn.activation silu ins(%a : tensor<4xf32>) outs(%e : tensor<4xf32>)
    soc.yield %r : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// -----

#bytes = #soc.variant<"table", precision = i8, tiles = [], panels = [0], time_ps = 1, scratch_bytes = 64>
#halves = #soc.variant<"table", precision = i16, tiles = [], panels = [0], time_ps = 1, scratch_bytes = 64>

func.func @two_precisions(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{has shares in 'i8' and in 'i16'; expected one precision for all of them}}
  %0 = soc.group shares [#soc.share<"a", begin = 0, size = 2, variant = #bytes>, #soc.share<"b", begin = 2, size = 2, variant = #halves>] (%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    soc.yield %a : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}
