// RUN: tercet-opt %s --partition-assign-engines -split-input-file | FileCheck %s

#figures = #soc.performance<launch_ps = 1000, synchronise_ps = 100000000, bandwidth_bytes_per_second = 1000000000000, cache_bytes_per_second = 0,
  operations_per_second = {f32 = 1000000000}, efficiency_percent = {}>
#thrice = #soc.performance<launch_ps = 1000, synchronise_ps = 100000000, bandwidth_bytes_per_second = 1000000000000, cache_bytes_per_second = 0,
  operations_per_second = {f32 = 3000000000}, efficiency_percent = {}>
#a = #soc.cpu<"a", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0, performance = #figures>
#b = #soc.cpu<"b", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0, performance = #thrice>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#a, #b], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
  // Of 64 rows the engine that is three times as fast gets three quarters. The
  // outer dimension has one element, so that rows are of the second.
  // CHECK-LABEL: @quarter
  // CHECK: soc.group shares [#soc.share<"a", begin = 0, size = 16, variant = {{[^>]*}}>>,
  // CHECK-SAME: #soc.share<"b", begin = 16, size = 48, variant = {{[^>]*}}>>]
  // CHECK-SAME: #soc.alternative<"a", "share", cost_ps = {{[0-9]+}}, "rows 0 to 16; {{[0-9.]+}} us to run, 0.000 us to move">
  // CHECK-SAME: #soc.alternative<"b", "share", cost_ps = {{[0-9]+}}, "rows 16 to 64; {{[^>]*}}">
  func.func @quarter(%x: tensor<1x64x4096xf32>) -> tensor<1x64x4096xf32> {
    %0 = soc.group (%x) : (tensor<1x64x4096xf32>) -> tensor<1x64x4096xf32> {
    ^bb0(%y: tensor<1x64x4096xf32>):
      %e = tensor.empty() : tensor<1x64x4096xf32>
      %1 = linalg.exp ins(%y : tensor<1x64x4096xf32>) outs(%e : tensor<1x64x4096xf32>) -> tensor<1x64x4096xf32>
      soc.yield %1 : tensor<1x64x4096xf32>
    }
    return %0 : tensor<1x64x4096xf32>
  }

  // Waiting takes far longer than computing here; yet groups that are cut alike
  // owe each other nothing, whatever a view between them calls the rows.
  // CHECK-LABEL: @alike
  // CHECK: soc.group shares [#soc.share<"a", begin = 0, size = 16, {{.*}}#soc.share<"b", begin = 16, size = 48,
  // CHECK: soc.group shares [#soc.share<"a", begin = 0, size = 16, {{.*}}#soc.share<"b", begin = 16, size = 48,
  func.func @alike(%x: tensor<64x4096xf32>) -> tensor<1x64x4096xf32> {
    %0 = soc.group (%x) : (tensor<64x4096xf32>) -> tensor<64x4096xf32> {
    ^bb0(%y: tensor<64x4096xf32>):
      %e = tensor.empty() : tensor<64x4096xf32>
      %1 = linalg.exp ins(%y : tensor<64x4096xf32>) outs(%e : tensor<64x4096xf32>) -> tensor<64x4096xf32>
      soc.yield %1 : tensor<64x4096xf32>
    }
    %v = tensor.expand_shape %0 [[0, 1], [2]] output_shape [1, 64, 4096] : tensor<64x4096xf32> into tensor<1x64x4096xf32>
    %1 = soc.group (%v) : (tensor<1x64x4096xf32>) -> tensor<1x64x4096xf32> {
    ^bb0(%y: tensor<1x64x4096xf32>):
      %e = tensor.empty() : tensor<1x64x4096xf32>
      %2 = linalg.exp ins(%y : tensor<1x64x4096xf32>) outs(%e : tensor<1x64x4096xf32>) -> tensor<1x64x4096xf32>
      soc.yield %2 : tensor<1x64x4096xf32>
    }
    return %1 : tensor<1x64x4096xf32>
  }

  // A sum along the rows wants all of them: its input would have to be waited
  // for, so that neither is shared.
  // CHECK-LABEL: @across
  // CHECK: soc.group on "b"
  // CHECK: soc.group on "b"
  func.func @across(%x: tensor<64x64xf32>) -> tensor<64x64xf32> {
    %0 = soc.group (%x) : (tensor<64x64xf32>) -> tensor<64x64xf32> {
    ^bb0(%y: tensor<64x64xf32>):
      %e = tensor.empty() : tensor<64x64xf32>
      %1 = linalg.exp ins(%y : tensor<64x64xf32>) outs(%e : tensor<64x64xf32>) -> tensor<64x64xf32>
      soc.yield %1 : tensor<64x64xf32>
    }
    %1 = soc.group (%0) : (tensor<64x64xf32>) -> tensor<64x64xf32> {
    ^bb0(%y: tensor<64x64xf32>):
      %e = tensor.empty() : tensor<64x64xf32>
      %2 = linalg.softmax dimension(0) ins(%y : tensor<64x64xf32>) outs(%e : tensor<64x64xf32>) -> tensor<64x64xf32>
      soc.yield %2 : tensor<64x64xf32>
    }
    return %1 : tensor<64x64xf32>
  }

  // Shares that the text gives are kept.
  // CHECK-LABEL: @kept
  // CHECK: soc.group shares [#soc.share<"b", begin = 0, size = 3, variant = <"rows", {{[^>]*}}>>,
  // CHECK-SAME: #soc.share<"a", begin = 3, size = 1, variant = <"rows", {{[^>]*}}>>]
  func.func @kept(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = soc.group shares [#soc.share<"b", begin = 0, size = 3, variant = #rows>, #soc.share<"a", begin = 3, size = 1, variant = #rows>] (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      %e = tensor.empty() : tensor<4xf32>
      %1 = linalg.exp ins(%y : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
      soc.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}
