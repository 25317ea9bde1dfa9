// RUN: tercet-opt %s --partition-assign-engines | FileCheck %s

// Both compute 1000 operations a nanosecond in f32; in i8 a computes 10 and b
// 100000. Neither is limited by its memory. A token takes 1000 ps.
#figures_a = #soc.performance<launch_ps = 100, synchronise_ps = 1000, bandwidth_bytes_per_second = 1000000000000000, cache_bytes_per_second = 0,
  operations_per_second = {f32 = 1000000000000, i8 = 10000000000}, efficiency_percent = {}>
#figures_b = #soc.performance<launch_ps = 100, synchronise_ps = 1000, bandwidth_bytes_per_second = 1000000000000000, cache_bytes_per_second = 0,
  operations_per_second = {f32 = 1000000000000, i8 = 100000000000000}, efficiency_percent = {}>
#a = #soc.cpu<"a", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0, performance = #figures_a>
#b = #soc.cpu<"b", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0, performance = #figures_b>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#a, #b], memories = [#dram]>
#float = #soc.variant<"float", precision = f32, tiles = [0], panels = [0], time_ps = 10000, scratch_bytes = 0>
#integer = #soc.variant<"integer", precision = i8, tiles = [0], panels = [0], time_ps = 10000, scratch_bytes = 0>
!q = !quant.uniform<i8:f32, 5.000000e-01>
#w8a8 = #soc.precision<"w8a8", inputs = [!q], results = [none, !q]>
#f32 = #soc.precision<"f32">

module attributes {soc.machine = #machine} {
  // Each engine offers both; the product goes where integers are fast, at the
  // price of two passes: of the argument, and of what the user gets back.
  // CHECK-LABEL: @fast_integers
  // CHECK: soc.group on "b" variant <"product", precision = i8,
  // CHECK-SAME: #soc.alternative<"a", "slower", {{.*}}"it takes longer there: f32, {{[0-9.]+}} us to run, 0.000 us to move">
  // CHECK-SAME: #soc.alternative<"b", "chosen", {{.*}}"w8a8, {{[0-9.]+}} us to run, {{[0-9.]+}} us to move">
  nn.weight @w = #nn.file<"m", offset = 0, bytes = 131072, digest = "0"> : tensor<512x64xf32>
  func.func @fast_integers(%x: tensor<64x512xf32>) -> tensor<64x64xf32> {
    %y = nn.get_weight @w : tensor<512x64xf32>
    %0 = soc.group precisions [#soc.precision<"w8a8", inputs = [!q, !q], results = [none, none, none, !q]>, #f32] (%x, %y) : (tensor<64x512xf32>, tensor<512x64xf32>) -> tensor<64x64xf32> {
    ^bb0(%a: tensor<64x512xf32>, %b: tensor<512x64xf32>):
      %z = arith.constant 0.0 : f32
      %e = tensor.empty() : tensor<64x64xf32>
      %f = linalg.fill ins(%z : f32) outs(%e : tensor<64x64xf32>) -> tensor<64x64xf32>
      %1 = linalg.matmul ins(%a, %b : tensor<64x512xf32>, tensor<512x64xf32>) outs(%f : tensor<64x64xf32>) -> tensor<64x64xf32>
      soc.yield %1 : tensor<64x64xf32>
    }
    return %0 : tensor<64x64xf32>
  }

  // A group that may only be computed in integers is, wherever.
  // CHECK-LABEL: @integers_only
  // CHECK: soc.group on "b" variant <"{{.*}}", precision = i8,
  // CHECK-SAME: #soc.alternative<"a", "slower", {{.*}}: w8a8,
  func.func @integers_only(%x: tensor<64x64xf32>) -> tensor<64x64xf32> {
    %0 = soc.group precisions [#soc.precision<"w8a8", inputs = [!q], results = [none, !q]>] (%x) : (tensor<64x64xf32>) -> tensor<64x64xf32> {
    ^bb0(%y: tensor<64x64xf32>):
      %e = tensor.empty() : tensor<64x64xf32>
      %1 = linalg.exp ins(%y : tensor<64x64xf32>) outs(%e : tensor<64x64xf32>) -> tensor<64x64xf32>
      soc.yield %1 : tensor<64x64xf32>
    }
    return %0 : tensor<64x64xf32>
  }

  // 10100 for the first group and 32 for storing 4 elements in integers, as its
  // reader wants, 8 operations each; a token; 10100; and for the user a pass of 132.
  // CHECK-LABEL: @handover
  // CHECK-SAME: #soc.proof<21364, lower_bound = 21364
  func.func @handover(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = soc.group on "a" variant #float precisions [#f32] (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      %e = tensor.empty() : tensor<4xf32>
      %r = linalg.exp ins(%y : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
      soc.yield %r : tensor<4xf32>
    }
    %1 = soc.group on "b" variant #integer precisions [#w8a8, #f32] (%0) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      %e = tensor.empty() : tensor<4xf32>
      %r = linalg.exp ins(%y : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
      soc.yield %r : tensor<4xf32>
    }
    return %1 : tensor<4xf32>
  }

  // The user reads the first result too: a pass of 132 of its own.
  // CHECK-LABEL: @pass
  // CHECK-SAME: #soc.proof<21464, lower_bound = 21464
  func.func @pass(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
    %0 = soc.group on "a" variant #float precisions [#f32] (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      %e = tensor.empty() : tensor<4xf32>
      %r = linalg.exp ins(%y : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
      soc.yield %r : tensor<4xf32>
    }
    %1 = soc.group on "b" variant #integer precisions [#w8a8, #f32] (%0) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      %e = tensor.empty() : tensor<4xf32>
      %r = linalg.exp ins(%y : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
      soc.yield %r : tensor<4xf32>
    }
    return %0, %1 : tensor<4xf32>, tensor<4xf32>
  }

  // A reader in floating point dequantises for nothing.
  // CHECK-LABEL: @back
  // CHECK-SAME: #soc.proof<20332, lower_bound = 20332
  func.func @back(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = soc.group on "a" variant #integer precisions [#w8a8, #f32] (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      %e = tensor.empty() : tensor<4xf32>
      %r = linalg.exp ins(%y : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
      soc.yield %r : tensor<4xf32>
    }
    %1 = soc.group on "a" variant #float precisions [#w8a8, #f32] (%0) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      %e = tensor.empty() : tensor<4xf32>
      %r = linalg.exp ins(%y : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
      soc.yield %r : tensor<4xf32>
    }
    return %1 : tensor<4xf32>
  }

  // Of the bytes that cross only those of the stored type count; here there is
  // no price on them, and the groups agree on one type.
  // CHECK-LABEL: @agree
  // CHECK-SAME: #soc.proof<20464, lower_bound = 20464
  func.func @agree(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = soc.group on "a" variant #integer precisions [#w8a8, #f32] (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      %e = tensor.empty() : tensor<4xf32>
      %r = linalg.exp ins(%y : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
      soc.yield %r : tensor<4xf32>
    }
    %1 = soc.group on "a" variant #integer precisions [#w8a8, #f32] (%0) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      %e = tensor.empty() : tensor<4xf32>
      %r = linalg.exp ins(%y : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
      soc.yield %r : tensor<4xf32>
    }
    return %1 : tensor<4xf32>
  }
}
