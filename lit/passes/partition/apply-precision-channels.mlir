// RUN: tercet-opt %s --partition-apply-precision | FileCheck %s

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#product = #soc.variant<"product", precision = i8, tiles = [2, 0], panels = [0, 32], time_ps = 1, scratch_bytes = 64>
#norm = #soc.variant<"norm", precision = i8, tiles = [1, 0], panels = [0, 0], time_ps = 1, scratch_bytes = 64>
#rows = #soc.variant<"elements", precision = f32, tiles = [1, 0], panels = [0], time_ps = 1, scratch_bytes = 64>
#columns = #soc.variant<"elements", precision = f32, tiles = [0, 1], panels = [0], time_ps = 1, scratch_bytes = 64>
!each = !quant.uniform<i8:f32:1, {2.500000e-01:3, 1.000000e+00:3}>
!w = !quant.uniform<i8:f32, 1.000000e-02>
!y = !quant.uniform<i8:f32:1, {5.000000e-01:-7, 2.500000e-01:-7}>
!wide = !quant.uniform<i16:f32, 1.562500e-02>
!c = !quant.uniform<i32:f32, 4.656613e-10>

module attributes {soc.machine = #soc.machine<"board", workers = 1, engines = [#cpu], memories = [#dram]>} {
  nn.weight @w = dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  nn.weight @g = dense<1.0> : tensor<2xf32>

  // The scales 0.25 and 1 have the mean 0.5: rows of the weight are halved and
  // doubled before columns are quantised, and sums are in units of 0.5. Columns of
  // the result have scales of their own too, by which multipliers are divided. A
  // product without a bias gets one, for the zero.
  // CHECK-DAG: nn.weight @[[W:.*]] = #nn.quantize_columns<#nn.scale_rows<dense<{{.*}}> : tensor<2x2xf32>, factors = dense<[5.000000e-01, 2.000000e+00]> : tensor<2xf64>> : tensor<2x2xf32>> : tensor<2x2xi8>
  // CHECK-DAG: nn.weight @[[M:.*]] = #nn.fixed_point<#nn.scale_rows<#nn.column_scale<#nn.scale_rows<{{.*}}>, factors = dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf64>> : tensor<2xf64>, factor = 1.000000e+00 : f64, shift = 36> : tensor<2xi32>
  // CHECK-DAG: nn.weight @[[B:.*]] = #nn.column_bias<#nn.quantize_columns<#nn.scale_rows<{{.*}}>, scales = {{.*}}, scale = 5.000000e-01 : f64, zero = 3> : tensor<2xi32>
  // CHECK-DAG: nn.weight @{{.*}} = #nn.column_bias<#nn.quantize_columns<#nn.scale_rows<{{.*}}, scale = 5.000000e-01 : f64, zero = 3 means = dense<[2.000000e+00, 3.000000e+00]> : tensor<2xf64>> : tensor<2xi32>
  // CHECK-LABEL: @product
  // CHECK: nn.quantize as !quant.uniform<i8:f32:1, {2.500000e-01:3,1.000000e+00:3}>
  // CHECK: nn.quantized_matmul {{.*}} shift 5 zero -7
  // CHECK: nn.dequantize from !quant.uniform<i8:f32:1, {5.000000e-01:-7,2.500000e-01:-7}>
  func.func @product(%x: tensor<4x2xf32>) -> tensor<4x2xf32> {
    %w = nn.get_weight @w : tensor<2x2xf32>
    %0 = soc.group on "npu" variant #product precisions [#soc.precision<"w8a8", inputs = [!each, !w], results = [none, none, none, !y]>]
        (%x, %w) : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32> {
    ^bb0(%a: tensor<4x2xf32>, %r: tensor<2x2xf32>):
      %z = arith.constant 0.0 : f32
      %e = tensor.empty() : tensor<4x2xf32>
      %f = linalg.fill ins(%z : f32) outs(%e : tensor<4x2xf32>) -> tensor<4x2xf32>
      %p = linalg.matmul ins(%a, %r : tensor<4x2xf32>, tensor<2x2xf32>) outs(%f : tensor<4x2xf32>) -> tensor<4x2xf32>
      soc.yield %p : tensor<4x2xf32>
    }
    return %0 : tensor<4x2xf32>
  }

  // With the means of its channels, in units of their scales' mean, a product's bias
  // makes up for what rounding the weight takes from it.
  // CHECK-LABEL: @corrected
  func.func @corrected(%x: tensor<4x2xf32>) -> tensor<4x2xf32> {
    %w = nn.get_weight @w : tensor<2x2xf32>
    %0 = soc.group on "npu" variant #product precisions [#soc.precision<"w8a8", inputs = [!each, !w], results = [none, none, none, !y], snr_centibel = 300, means = dense<[1.0, 6.0]> : tensor<2xf32>>]
        (%x, %w) : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32> {
    ^bb0(%a: tensor<4x2xf32>, %r: tensor<2x2xf32>):
      %z = arith.constant 0.0 : f32
      %e = tensor.empty() : tensor<4x2xf32>
      %f = linalg.fill ins(%z : f32) outs(%e : tensor<4x2xf32>) -> tensor<4x2xf32>
      %p = linalg.matmul ins(%a, %r : tensor<4x2xf32>, tensor<2x2xf32>) outs(%f : tensor<4x2xf32>) -> tensor<4x2xf32>
      soc.yield %p : tensor<4x2xf32>
    }
    return %0 : tensor<4x2xf32>
  }

  // A norm's result in 16 bits; its reader wants 8, each channel with its scale:
  // by 2^-6 / 2^-2 and by 2^-6, of values that are raised by 15 bits.
  // Under a reshape channels stay what they are. A tile rescales its 2 rows: the
  // scratch has 2 * 64 + 128 bytes more.
  // CHECK-LABEL: @rescaled
  // CHECK: nn.quantized_layer_norm {{.*}} outs({{.*}} : tensor<1x4x2xi16>)
  // CHECK: %[[V:.*]] = tensor.collapse_shape {{.*}} : tensor<1x4x2xi16> into tensor<4x2xi16>
  // CHECK: soc.group on "npu" variant <"product", {{.*}}panels = [0, 32, 0, 0, 0], time_ps = 1, scratch_bytes = 320>
  // CHECK: ^bb0(%[[A:.*]]: tensor<4x2xi16>, %{{.*}}: tensor<2x2xi8>, %[[C:.*]]: tensor<2xi32>, %{{.*}}: tensor<2xi32>, %{{.*}}: tensor<2xi32>):
  // CHECK: nn.rescale ins(%[[A]] : tensor<4x2xi16>) columns(%[[C]] : tensor<2xi32>) outs({{.*}} : tensor<4x2xi8>) multiplier 0 offset 0 shift 18 zero 3
  func.func @rescaled(%x: tensor<1x4x2xf32>) -> tensor<4x2xf32> {
    %w = nn.get_weight @w : tensor<2x2xf32>
    %g = nn.get_weight @g : tensor<2xf32>
    %0 = soc.group on "npu" variant #norm precisions [#soc.precision<"w8a8", inputs = [!wide, !c], results = [none, !wide]>]
        (%x, %g) : (tensor<1x4x2xf32>, tensor<2xf32>) -> tensor<1x4x2xf32> {
    ^bb0(%a: tensor<1x4x2xf32>, %s: tensor<2xf32>):
      %e = tensor.empty() : tensor<1x4x2xf32>
      %n = nn.layer_norm ins(%a, %s : tensor<1x4x2xf32>, tensor<2xf32>) outs(%e : tensor<1x4x2xf32>) epsilon 1.0e-5
      soc.yield %n : tensor<1x4x2xf32>
    }
    %1 = tensor.collapse_shape %0 [[0, 1], [2]] : tensor<1x4x2xf32> into tensor<4x2xf32>
    %2 = soc.group on "npu" variant #product precisions [#soc.precision<"w8a8", inputs = [!each, !w], results = [none, none, none, !y]>]
        (%1, %w) : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32> {
    ^bb0(%a: tensor<4x2xf32>, %r: tensor<2x2xf32>):
      %z = arith.constant 0.0 : f32
      %e = tensor.empty() : tensor<4x2xf32>
      %f = linalg.fill ins(%z : f32) outs(%e : tensor<4x2xf32>) -> tensor<4x2xf32>
      %p = linalg.matmul ins(%a, %r : tensor<4x2xf32>, tensor<2x2xf32>) outs(%f : tensor<4x2xf32>) -> tensor<4x2xf32>
      soc.yield %p : tensor<4x2xf32>
    }
    return %2 : tensor<4x2xf32>
  }

  // A group on a CPU stores what its reader wants, but not where its tiles have some
  // of the channels only: then a group of its own does.
  // CHECK-LABEL: @rows
  // CHECK: soc.group on "cpu"
  // CHECK: linalg.exp
  // CHECK: nn.quantize
  // CHECK: soc.group on "npu"
  // CHECK-LABEL: @columns
  // CHECK: soc.group on "cpu"
  // CHECK: linalg.exp
  // CHECK: soc.group on "cpu"
  // CHECK: nn.quantize
  // CHECK: soc.group on "npu"
  func.func @rows(%x: tensor<4x2xf32>) -> tensor<4x2xf32> {
    %w = nn.get_weight @w : tensor<2x2xf32>
    %0 = soc.group on "cpu" variant #rows (%x) : (tensor<4x2xf32>) -> tensor<4x2xf32> {
    ^bb0(%a: tensor<4x2xf32>):
      %e = tensor.empty() : tensor<4x2xf32>
      %r = linalg.exp ins(%a : tensor<4x2xf32>) outs(%e : tensor<4x2xf32>) -> tensor<4x2xf32>
      soc.yield %r : tensor<4x2xf32>
    }
    %1 = soc.group on "npu" variant #product precisions [#soc.precision<"w8a8", inputs = [!each, !w], results = [none, none, none, !y]>]
        (%0, %w) : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32> {
    ^bb0(%a: tensor<4x2xf32>, %r: tensor<2x2xf32>):
      %z = arith.constant 0.0 : f32
      %e = tensor.empty() : tensor<4x2xf32>
      %f = linalg.fill ins(%z : f32) outs(%e : tensor<4x2xf32>) -> tensor<4x2xf32>
      %p = linalg.matmul ins(%a, %r : tensor<4x2xf32>, tensor<2x2xf32>) outs(%f : tensor<4x2xf32>) -> tensor<4x2xf32>
      soc.yield %p : tensor<4x2xf32>
    }
    return %1 : tensor<4x2xf32>
  }
  func.func @columns(%x: tensor<4x2xf32>) -> tensor<4x2xf32> {
    %w = nn.get_weight @w : tensor<2x2xf32>
    %0 = soc.group on "cpu" variant #columns (%x) : (tensor<4x2xf32>) -> tensor<4x2xf32> {
    ^bb0(%a: tensor<4x2xf32>):
      %e = tensor.empty() : tensor<4x2xf32>
      %r = linalg.exp ins(%a : tensor<4x2xf32>) outs(%e : tensor<4x2xf32>) -> tensor<4x2xf32>
      soc.yield %r : tensor<4x2xf32>
    }
    %1 = soc.group on "npu" variant #product precisions [#soc.precision<"w8a8", inputs = [!each, !w], results = [none, none, none, !y]>]
        (%0, %w) : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32> {
    ^bb0(%a: tensor<4x2xf32>, %r: tensor<2x2xf32>):
      %z = arith.constant 0.0 : f32
      %e = tensor.empty() : tensor<4x2xf32>
      %f = linalg.fill ins(%z : f32) outs(%e : tensor<4x2xf32>) -> tensor<4x2xf32>
      %p = linalg.matmul ins(%a, %r : tensor<4x2xf32>, tensor<2x2xf32>) outs(%f : tensor<4x2xf32>) -> tensor<4x2xf32>
      soc.yield %p : tensor<4x2xf32>
    }
    return %1 : tensor<4x2xf32>
  }
}
