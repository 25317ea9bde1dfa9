// RUN: tercet-opt %s --partition-apply-precision | FileCheck %s

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#product = #soc.variant<"product", precision = i8, tiles = [2, 0], panels = [0, 32, 0], time_ps = 1, scratch_bytes = 64>
#norm = #soc.variant<"norm", precision = i8, tiles = [1, 0], panels = [0, 0], time_ps = 1, scratch_bytes = 64>
#attention = #soc.variant<"attention", precision = i8, tiles = [], panels = [0, 0, 0, 0], time_ps = 1, scratch_bytes = 64>
#sum = #soc.variant<"sum", precision = i16, tiles = [], panels = [0, 0], time_ps = 1, scratch_bytes = 64>
#all = affine_map<(d0, d1) -> (d0, d1)>
#last = affine_map<(d0, d1) -> (d1)>
!x = !quant.uniform<i8:f32, 5.000000e-02:3>
!w = !quant.uniform<i8:f32, 1.000000e-02>
!c = !quant.uniform<i32:f32, 9.313226e-10>
!y = !quant.uniform<i8:f32, 1.000000e-01:-7>
!i16 = !quant.uniform<i16:f32, 1.000000e-03>
!score = !quant.uniform<i16:f32, 2.707606e-03>
!head = !quant.uniform<i8:f32, 2.000000e-02>

module attributes {soc.machine = #soc.machine<"board", workers = 1, engines = [#cpu], memories = [#dram]>} {
  nn.weight @w = dense<0.5> : tensor<8x16xf32>
  nn.weight @b = dense<0.25> : tensor<16xf32>
  nn.weight @g = dense<1.0> : tensor<8xf32>

  // Multipliers are 0.05 / 0.1 times the columns' scales, and the greatest, 0.005,
  // needs 38 bits behind the point. The zero of the result of the function of the
  // biased product is in the table. What crosses into the function and out of it is
  // converted by groups on the CPU.
  // CHECK-DAG: nn.weight @[[W:.*]] = #nn.quantize_columns<dense<5.000000e-01> : tensor<8x16xf32>> : tensor<8x16xi8>
  // CHECK-DAG: nn.weight @[[M:.*]] = #nn.fixed_point<#nn.column_scale<dense<{{.*}}>> : tensor<16xf64>, factor = 5.000000e-01 : f64, shift = 38> : tensor<16xi32>
  // CHECK-DAG: nn.weight @[[B:.*]] = #nn.column_bias<#nn.quantize_columns<{{.*}}>, scales = #nn.column_scale<{{.*}}>, scale = 5.000000e-02 : f64, zero = 3, bias = dense<2.500000e-01> : tensor<16xf32>> : tensor<16xi32>
  // CHECK-DAG: nn.weight @[[T:.*]] = dense<"{{.*}}"> : tensor<256xi8>
  // CHECK-LABEL: @product
  // CHECK: %[[Q:.*]] = soc.group on "cpu" variant {{.*}}(%arg0) : (tensor<4x8xf32>) -> tensor<4x8xi8>
  // CHECK: nn.quantize as !quant.uniform<i8:f32, 5.000000e-02:3>
  // CHECK: %[[R:.*]] = soc.group on "npu" variant <"product", precision = i8, tiles = [2, 0], panels = [0, 32, 0, 0, 0], {{.*}}(%[[Q]], %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}})
  // CHECK-NEXT: ^bb0(%[[A0:.*]]: tensor<4x8xi8>, %[[A1:.*]]: tensor<8x16xi8>, %[[A2:.*]]: tensor<16xi32>, %[[A3:.*]]: tensor<16xi32>, %[[A4:.*]]: tensor<256xi8>
  // CHECK: %[[P:.*]] = nn.quantized_matmul ins(%[[A0]], %[[A1]], %[[A2]], %[[A3]] : {{.*}} shift 7 zero -7
  // CHECK: %[[L:.*]] = nn.lookup ins(%[[P]], %[[A4]]
  // CHECK: soc.yield %[[L]] : tensor<4x16xi8>
  // CHECK: %[[F:.*]] = soc.group on "cpu" variant {{.*}}(%[[R]]) : (tensor<4x16xi8>) -> tensor<4x16xf32>
  // CHECK: nn.dequantize from !quant.uniform<i8:f32, 1.000000e-01:-7>
  // CHECK: return %[[F]]
  func.func @product(%x: tensor<4x8xf32>) -> tensor<4x16xf32> {
    %w = nn.get_weight @w : tensor<8x16xf32>
    %b = nn.get_weight @b : tensor<16xf32>
    %0 = soc.group on "npu" variant #product precisions [#soc.precision<"f32">, #soc.precision<"w8a8", inputs = [!x, !w, !c],
        results = [none, none, none, none, !y, !y]>] (%x, %w, %b) : (tensor<4x8xf32>, tensor<8x16xf32>, tensor<16xf32>) -> tensor<4x16xf32> {
    ^bb0(%a: tensor<4x8xf32>, %r: tensor<8x16xf32>, %v: tensor<16xf32>):
      %z = arith.constant 0.0 : f32
      %e = tensor.empty() : tensor<4x16xf32>
      %f = linalg.fill ins(%z : f32) outs(%e : tensor<4x16xf32>) -> tensor<4x16xf32>
      %p = linalg.matmul ins(%a, %r : tensor<4x8xf32>, tensor<8x16xf32>) outs(%f : tensor<4x16xf32>) -> tensor<4x16xf32>
      %s = linalg.generic {indexing_maps = [#last, #all, #all], iterator_types = ["parallel", "parallel"]} ins(%v, %p : tensor<16xf32>, tensor<4x16xf32>) outs(%e : tensor<4x16xf32>) {
      ^bb0(%i: f32, %j: f32, %o: f32):
        %t = arith.addf %i, %j : f32
        linalg.yield %t : f32
      } -> tensor<4x16xf32>
      %g = nn.activation gelu_erf ins(%s : tensor<4x16xf32>) outs(%e : tensor<4x16xf32>)
      soc.yield %g : tensor<4x16xf32>
    }
    return %0 : tensor<4x16xf32>
  }

  // The greatest scale, 2^31 * 9.313226e-10 = 2, by the scale of the result is 20:
  // five bits before the point. 1e-5 is 1e-5 * 64 / 0.05^2 = 0.256 of the
  // input's units, and no less than 1. Without a bias there is an offset of zeros.
  // CHECK-LABEL: @norm
  // CHECK: nn.quantized_layer_norm ins({{.*}} : tensor<4x8xi8>, tensor<8xi32>, tensor<8xi32>) {{.*}} epsilon 1 gain_shift 5 zero -7
  func.func @norm(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
    %g = nn.get_weight @g : tensor<8xf32>
    %0 = soc.group on "npu" variant #norm precisions [#soc.precision<"w8a8", inputs = [!x, !c], results = [none, !y]>]
        (%x, %g) : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32> {
    ^bb0(%a: tensor<4x8xf32>, %s: tensor<8xf32>):
      %e = tensor.empty() : tensor<4x8xf32>
      %n = nn.layer_norm ins(%a, %s : tensor<4x8xf32>, tensor<8xf32>) outs(%e : tensor<4x8xf32>) epsilon 1.0e-5
      soc.yield %n : tensor<4x8xf32>
    }
    return %0 : tensor<4x8xf32>
  }

  // 0.02^2 * 0.25 * 256 / ln 2 = 0.0369: 4 zeros behind the point, and 0.02 / 0.1 has 2.
  // CHECK-LABEL: @attention
  // CHECK: nn.quantize as !quant.uniform<i16:f32, 0.002707606>
  // CHECK: nn.quantized_attention ins({{.*}}) mask(%{{.*}} : tensor<1x1x1x6xi16>) {{.*}} score_multiplier {{.*}} score_shift 4 multiplier 1717986918 shift 2 zero -7
  func.func @attention(%q: tensor<1x4x2x8xf32>, %k: tensor<1x6x2x8xf32>, %m: tensor<1x1x1x6xf32>) -> tensor<1x4x2x8xf32> {
    %0 = soc.group on "npu" variant #attention precisions [#soc.precision<"w8a8", inputs = [!head, !head, !head, !score], results = [none, !y]>]
        (%q, %k, %k, %m) : (tensor<1x4x2x8xf32>, tensor<1x6x2x8xf32>, tensor<1x6x2x8xf32>, tensor<1x1x1x6xf32>) -> tensor<1x4x2x8xf32> {
    ^bb0(%a: tensor<1x4x2x8xf32>, %b: tensor<1x6x2x8xf32>, %c: tensor<1x6x2x8xf32>, %d: tensor<1x1x1x6xf32>):
      %e = tensor.empty() : tensor<1x4x2x8xf32>
      %r = nn.attention ins(%a, %b, %c : tensor<1x4x2x8xf32>, tensor<1x6x2x8xf32>, tensor<1x6x2x8xf32>) mask(%d : tensor<1x1x1x6xf32>)
        outs(%e : tensor<1x4x2x8xf32>) scale 2.5e-1
      soc.yield %r : tensor<1x4x2x8xf32>
    }
    return %0 : tensor<1x4x2x8xf32>
  }

  // A sum in 16 bits, as its variant says, of an i8 and an i16: 0.05 / 0.001 and 1.
  // CHECK-LABEL: @sum
  // CHECK: nn.quantized_add ins({{.*}} : tensor<4x8xi8>, tensor<4x8xi16>) outs({{.*}} : tensor<4x8xi16>) multipliers [12800, 256] offset -38400 shift 8 zero 0
  func.func @sum(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
    %0 = soc.group on "npu" variant #sum precisions [#soc.precision<"w8a16", inputs = [!x, !i16], results = [none, !i16]>]
        (%x, %y) : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32> {
    ^bb0(%a: tensor<4x8xf32>, %b: tensor<4x8xf32>):
      %e = tensor.empty() : tensor<4x8xf32>
      %s = linalg.generic {indexing_maps = [#all, #all, #all], iterator_types = ["parallel", "parallel"]} ins(%a, %b : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
      ^bb0(%i: f32, %j: f32, %o: f32):
        %t = arith.addf %j, %i : f32
        linalg.yield %t : f32
      } -> tensor<4x8xf32>
      soc.yield %s : tensor<4x8xf32>
    }
    return %0 : tensor<4x8xf32>
  }
}
