// RUN: tercet-opt %s --partition-apply-precision | FileCheck %s

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#floats = #soc.variant<"rows", precision = f32, tiles = [1, 0], panels = [0], time_ps = 1, scratch_bytes = 64>
#bytes = #soc.variant<"table", precision = i8, tiles = [0, 0], panels = [0], time_ps = 1, scratch_bytes = 64>
!x = !quant.uniform<i8:f32, 5.000000e-02:3>
!y = !quant.uniform<i8:f32, 1.000000e-01>
!wide = !quant.uniform<i16:f32, 1.000000e-03>

module attributes {soc.machine = #soc.machine<"board", workers = 1, engines = [#cpu], memories = [#dram]>} {
  // Floats between integers: the float group reads i8 and writes i8 itself, in
  // tiles of a row, for which its scratch has room: 2 * 64 + 128 bytes each. A
  // view in between has the type of what it views.
  // CHECK-LABEL: @between
  // CHECK: %[[A:.*]] = soc.group on "npu"
  // CHECK: %[[V:.*]] = tensor.collapse_shape %[[A]] {{.*}} : tensor<1x4x8xi8> into tensor<4x8xi8>
  // CHECK: %[[B:.*]] = soc.group on "cpu" variant <"rows", precision = f32, tiles = [1, 0], panels = [0], time_ps = 1, scratch_bytes = 576>(%[[V]]) : (tensor<4x8xi8>) -> tensor<4x8xi8>
  // CHECK: %[[F:.*]] = nn.dequantize from !quant.uniform<i8:f32, 1.000000e-01>
  // CHECK: %[[G:.*]] = nn.activation silu ins(%[[F]]
  // CHECK: %[[H:.*]] = nn.quantize as !quant.uniform<i8:f32, 5.000000e-02:3> ins(%[[G]]
  // CHECK: soc.yield %[[H]]
  // CHECK-NOT: soc.group
  // CHECK: soc.group on "npu" {{.*}}(%[[B]]
  func.func @between(%x: tensor<1x4x8xf32>) -> tensor<4x8xf32> {
    %0 = soc.group on "npu" variant #bytes precisions [#soc.precision<"w8a8", inputs = [!x], results = [none, !y]>] (%x) : (tensor<1x4x8xf32>) -> tensor<1x4x8xf32> {
    ^bb0(%a: tensor<1x4x8xf32>):
      %e = tensor.empty() : tensor<1x4x8xf32>
      %r = nn.activation sigmoid ins(%a : tensor<1x4x8xf32>) outs(%e : tensor<1x4x8xf32>)
      soc.yield %r : tensor<1x4x8xf32>
    }
    %1 = tensor.collapse_shape %0 [[0, 1], [2]] : tensor<1x4x8xf32> into tensor<4x8xf32>
    %2 = soc.group on "cpu" variant #floats (%1) : (tensor<4x8xf32>) -> tensor<4x8xf32> {
    ^bb0(%a: tensor<4x8xf32>):
      %e = tensor.empty() : tensor<4x8xf32>
      %r = nn.activation silu ins(%a : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
      soc.yield %r : tensor<4x8xf32>
    }
    %3 = soc.group on "npu" variant #bytes precisions [#soc.precision<"w8a8", inputs = [!x], results = [none, !y]>] (%2) : (tensor<4x8xf32>) -> tensor<4x8xf32> {
    ^bb0(%a: tensor<4x8xf32>):
      %e = tensor.empty() : tensor<4x8xf32>
      %r = nn.activation sigmoid ins(%a : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
      soc.yield %r : tensor<4x8xf32>
    }
    return %3 : tensor<4x8xf32>
  }

  // A softmax reads whole rows that cannot be dequantised in its tiles, so a
  // group does; and as its result is wanted in floats too, another quantises it.
  // CHECK-LABEL: @apart
  // CHECK: soc.group on "npu"
  // CHECK: %[[F:.*]] = soc.group on "cpu" {{.*}} -> tensor<4x8xf32>
  // CHECK: nn.dequantize
  // CHECK: %[[S:.*]] = soc.group on "cpu" variant <"rows", {{.*}}scratch_bytes = 64>(%[[F]]) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  // CHECK: linalg.softmax
  // CHECK: %[[Q:.*]] = soc.group on "cpu" {{.*}}(%[[S]]) : (tensor<4x8xf32>) -> tensor<4x8xi8>
  // CHECK: nn.quantize
  // CHECK: %[[R:.*]] = soc.group on "npu" {{.*}}(%[[Q]]
  // CHECK: %[[D:.*]] = soc.group on "cpu" {{.*}}(%[[R]])
  // CHECK: return %[[S]], %[[D]]
  func.func @apart(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
    %0 = soc.group on "npu" variant #bytes precisions [#soc.precision<"w8a8", inputs = [!x], results = [none, !y]>] (%x) : (tensor<4x8xf32>) -> tensor<4x8xf32> {
    ^bb0(%a: tensor<4x8xf32>):
      %e = tensor.empty() : tensor<4x8xf32>
      %r = nn.activation sigmoid ins(%a : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
      soc.yield %r : tensor<4x8xf32>
    }
    %1 = soc.group on "cpu" variant #floats (%0) : (tensor<4x8xf32>) -> tensor<4x8xf32> {
    ^bb0(%a: tensor<4x8xf32>):
      %e = tensor.empty() : tensor<4x8xf32>
      %r = linalg.softmax dimension(1) ins(%a : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
      soc.yield %r : tensor<4x8xf32>
    }
    %2 = soc.group on "npu" variant #bytes precisions [#soc.precision<"w8a8", inputs = [!x], results = [none, !y]>] (%1) : (tensor<4x8xf32>) -> tensor<4x8xf32> {
    ^bb0(%a: tensor<4x8xf32>):
      %e = tensor.empty() : tensor<4x8xf32>
      %r = nn.activation sigmoid ins(%a : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
      soc.yield %r : tensor<4x8xf32>
    }
    return %1, %2 : tensor<4x8xf32>, tensor<4x8xf32>
  }

  // Stored in 16 bits, the value is rescaled by the one reader that wants 8: by
  // 0.001 / 0.05, in 14 bits.
  // CHECK-LABEL: @one_reader
  // CHECK: soc.group on "npu" {{.*}} -> tensor<4x8xi16>
  // CHECK: soc.group on "npu" variant <"table", {{.*}}scratch_bytes = 320> precisions [#soc.precision<"w8a8">]({{.*}}) : (tensor<4x8xi16>, tensor<256xi8>) -> tensor<4x8xi8>
  // CHECK: %[[R:.*]] = nn.rescale ins({{.*}} : tensor<4x8xi16>) outs({{.*}} : tensor<4x8xi8>) multiplier 10486 offset 0 shift 19 zero 3
  // CHECK: nn.lookup ins(%[[R]]
  func.func @one_reader(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
    %0 = soc.group on "npu" variant #bytes precisions [#soc.precision<"w8a8", inputs = [!x], results = [none, !wide]>] (%x) : (tensor<4x8xf32>) -> tensor<4x8xf32> {
    ^bb0(%a: tensor<4x8xf32>):
      %e = tensor.empty() : tensor<4x8xf32>
      %r = nn.activation sigmoid ins(%a : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
      soc.yield %r : tensor<4x8xf32>
    }
    %1 = soc.group on "npu" variant #bytes precisions [#soc.precision<"w8a8", inputs = [!x], results = [none, !y]>] (%0) : (tensor<4x8xf32>) -> tensor<4x8xf32> {
    ^bb0(%a: tensor<4x8xf32>):
      %e = tensor.empty() : tensor<4x8xf32>
      %r = nn.activation sigmoid ins(%a : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
      soc.yield %r : tensor<4x8xf32>
    }
    return %1 : tensor<4x8xf32>
  }

  // Two of them, one through a view: a group rescales once. (The machine has no
  // engine of that name, so it is on the CPU.)
  // CHECK-LABEL: @two_readers
  // CHECK: %[[A:.*]] = soc.group on "npu" {{.*}} -> tensor<4x8xi16>
  // CHECK: %[[R:.*]] = soc.group on "cpu" {{.*}}(%[[A]]) : (tensor<4x8xi16>) -> tensor<4x8xi8>
  // CHECK: nn.rescale
  // CHECK: soc.group on "npu" {{.*}}(%[[R]]
  // CHECK: %[[V:.*]] = tensor.expand_shape %[[R]]
  // CHECK: soc.group on "npu" {{.*}}(%[[V]]
  func.func @two_readers(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<1x4x8xf32>) {
    %0 = soc.group on "npu" variant #bytes precisions [#soc.precision<"w8a8", inputs = [!x], results = [none, !wide]>] (%x) : (tensor<4x8xf32>) -> tensor<4x8xf32> {
    ^bb0(%a: tensor<4x8xf32>):
      %e = tensor.empty() : tensor<4x8xf32>
      %r = nn.activation sigmoid ins(%a : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
      soc.yield %r : tensor<4x8xf32>
    }
    %1 = soc.group on "npu" variant #bytes precisions [#soc.precision<"w8a8", inputs = [!x], results = [none, !y]>] (%0) : (tensor<4x8xf32>) -> tensor<4x8xf32> {
    ^bb0(%a: tensor<4x8xf32>):
      %e = tensor.empty() : tensor<4x8xf32>
      %r = nn.activation sigmoid ins(%a : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
      soc.yield %r : tensor<4x8xf32>
    }
    %2 = tensor.expand_shape %0 [[0, 1], [2]] output_shape [1, 4, 8] : tensor<4x8xf32> into tensor<1x4x8xf32>
    %3 = soc.group on "npu" variant #bytes precisions [#soc.precision<"w8a8", inputs = [!x], results = [none, !y]>] (%2) : (tensor<1x4x8xf32>) -> tensor<1x4x8xf32> {
    ^bb0(%a: tensor<1x4x8xf32>):
      %e = tensor.empty() : tensor<1x4x8xf32>
      %r = nn.activation silu ins(%a : tensor<1x4x8xf32>) outs(%e : tensor<1x4x8xf32>)
      soc.yield %r : tensor<1x4x8xf32>
    }
    return %1, %3 : tensor<4x8xf32>, tensor<1x4x8xf32>
  }

  // Groups that stay in floats stay as they are; of their list of precisions that is left.
  // CHECK-LABEL: @unchanged
  // CHECK: %[[A:.*]] = soc.group on "cpu" variant <"rows", {{[^>]*}}> precisions [#soc.precision<"f32">](%arg0) : (tensor<4x8xf32>) -> tensor<4x8xf32> {
  // CHECK: nn.activation silu
  // CHECK: return %[[A]]
  func.func @unchanged(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
    %0 = soc.group on "cpu" variant #floats precisions [#soc.precision<"w8a8", inputs = [!x], results = [none, !y]>, #soc.precision<"f32">] (%x) : (tensor<4x8xf32>) -> tensor<4x8xf32> {
    ^bb0(%a: tensor<4x8xf32>):
      %e = tensor.empty() : tensor<4x8xf32>
      %r = nn.activation silu ins(%a : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
      soc.yield %r : tensor<4x8xf32>
    }
    return %0 : tensor<4x8xf32>
  }
}
