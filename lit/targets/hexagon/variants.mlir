// RUN: tercet-opt %s --partition-assign-engines -split-input-file | FileCheck %s

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 100, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 30000000000, cache_bytes_per_second = 0,
  operations_per_second = {i8 = 1024000000000 : i64}, efficiency_percent = {}>
#npu = #soc.engine<"npu", target = "hexagon", kind = "npu", memories = ["tcm", "dram"], performance = #figures,
  properties = {architecture = "v67", threads = 2 : i64}>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#tcm = #soc.memory<"tcm", bytes = 262144, alignment = 128, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 2, engines = [#cpu, #npu], memories = [#dram, #tcm]>

// A product of weights: panels of 32 columns, tiles of rows in fours and of
// columns in panels. The weights are no more than half of the scratchpad and stay
// there; what is left is for the tiles of two threads.
module attributes {soc.machine = #machine} {
  nn.weight @w = dense<1> : tensor<128x256xi8>
  nn.weight @b = dense<1> : tensor<256xi32>
  // CHECK-LABEL: @product
  // CHECK: soc.group on "npu" variant <"packed-product-resident", precision = i8, tiles = [{{[0-9]*[02468]}}, {{[0-9]+}}],
  // CHECK-SAME: panels = [0, 32, 0, 0], time_ps = {{[1-9][0-9]*}}, scratch_bytes = 114688, resident_bytes = 32768, granularity = 8>
  func.func @product(%x: tensor<64x128xf32>) -> tensor<64x256xi8> {
    %q = soc.group (%x) : (tensor<64x128xf32>) -> tensor<64x128xi8> {
    ^bb0(%a: tensor<64x128xf32>):
      %e = tensor.empty() : tensor<64x128xi8>
      %r = nn.quantize as !quant.uniform<i8:f32, 5.000000e-02:3> ins(%a : tensor<64x128xf32>) outs(%e : tensor<64x128xi8>)
      soc.yield %r : tensor<64x128xi8>
    }
    %w = nn.get_weight @w : tensor<128x256xi8>
    %b = nn.get_weight @b : tensor<256xi32>
    %0 = soc.group (%q, %w, %b, %b) : (tensor<64x128xi8>, tensor<128x256xi8>, tensor<256xi32>, tensor<256xi32>) -> tensor<64x256xi8> {
    ^bb0(%l: tensor<64x128xi8>, %r: tensor<128x256xi8>, %c: tensor<256xi32>, %m: tensor<256xi32>):
      %e = tensor.empty() : tensor<64x256xi8>
      %p = nn.quantized_matmul ins(%l, %r, %c, %m : tensor<64x128xi8>, tensor<128x256xi8>, tensor<256xi32>, tensor<256xi32>) outs(%e : tensor<64x256xi8>) shift 7 zero 0
      soc.yield %p : tensor<64x256xi8>
    }
    return %0 : tensor<64x256xi8>
  }

  // Floating point is not for it, and neither is what the application binds.
  // CHECK-LABEL: @float
  // CHECK: soc.group on "cpu"
  // CHECK-SAME: #soc.alternative<"npu", "unsupported", cost_ps = 0, "it computes in integers, and the group may be computed in floating point only; try --quantize">
  func.func @float(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
    %0 = soc.group (%x) : (tensor<4x8xf32>) -> tensor<4x8xf32> {
    ^bb0(%a: tensor<4x8xf32>):
      %r = math.tanh %a : tensor<4x8xf32>
      soc.yield %r : tensor<4x8xf32>
    }
    return %0 : tensor<4x8xf32>
  }
  // CHECK-LABEL: @argument
  // CHECK: soc.group on "cpu"
  // CHECK-SAME: #soc.alternative<"npu", "unsupported", cost_ps = 0, "it would read an input of the entry
  func.func @argument(%x: tensor<4x8xi8>) -> tensor<4x8xi16> {
    %0 = soc.group (%x) : (tensor<4x8xi8>) -> tensor<4x8xi16> {
    ^bb0(%a: tensor<4x8xi8>):
      %e = tensor.empty() : tensor<4x8xi16>
      %r = nn.rescale ins(%a : tensor<4x8xi8>) outs(%e : tensor<4x8xi16>) multiplier 9000 offset 0 shift 10 zero 0
      soc.yield %r : tensor<4x8xi16>
    }
    return %0 : tensor<4x8xi16>
  }
}

// -----

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 100, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 30000000000, cache_bytes_per_second = 0,
  operations_per_second = {i8 = 1024000000000 : i64}, efficiency_percent = {}>
#npu = #soc.engine<"npu", target = "hexagon", kind = "npu", memories = ["tcm", "dram"], performance = #figures,
  properties = {architecture = "v67", threads = 2 : i64}>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#tcm = #soc.memory<"tcm", bytes = 64000, alignment = 128, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 2, engines = [#cpu, #npu], memories = [#dram, #tcm]>

// Weights that are more than half of it are fetched for every tile.
module attributes {soc.machine = #machine} {
  nn.weight @w = dense<1> : tensor<128x256xi8>
  nn.weight @b = dense<1> : tensor<256xi32>
  // CHECK-LABEL: @streamed
  // CHECK: soc.group on "npu" variant <"packed-product", precision = i8,
  // CHECK-SAME: panels = [0, 32, 0, 0], time_ps = {{[1-9][0-9]*}}, scratch_bytes = 32000, granularity = 8>
  func.func @streamed(%x: tensor<64x128xf32>) -> tensor<64x256xi8> {
    %q = soc.group (%x) : (tensor<64x128xf32>) -> tensor<64x128xi8> {
    ^bb0(%a: tensor<64x128xf32>):
      %e = tensor.empty() : tensor<64x128xi8>
      %r = nn.quantize as !quant.uniform<i8:f32, 5.000000e-02:3> ins(%a : tensor<64x128xf32>) outs(%e : tensor<64x128xi8>)
      soc.yield %r : tensor<64x128xi8>
    }
    %w = nn.get_weight @w : tensor<128x256xi8>
    %b = nn.get_weight @b : tensor<256xi32>
    %0 = soc.group (%q, %w, %b, %b) : (tensor<64x128xi8>, tensor<128x256xi8>, tensor<256xi32>, tensor<256xi32>) -> tensor<64x256xi8> {
    ^bb0(%l: tensor<64x128xi8>, %r: tensor<128x256xi8>, %c: tensor<256xi32>, %m: tensor<256xi32>):
      %e = tensor.empty() : tensor<64x256xi8>
      %p = nn.quantized_matmul ins(%l, %r, %c, %m : tensor<64x128xi8>, tensor<128x256xi8>, tensor<256xi32>, tensor<256xi32>) outs(%e : tensor<64x256xi8>) shift 7 zero 0
      soc.yield %p : tensor<64x256xi8>
    }
    return %0 : tensor<64x256xi8>
  }
}

// -----

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 100, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 30000000000, cache_bytes_per_second = 0,
  operations_per_second = {i8 = 1024000000000 : i64}, efficiency_percent = {}>
#npu = #soc.engine<"npu", target = "hexagon", kind = "npu", memories = ["tcm", "dram"], performance = #figures,
  properties = {architecture = "v67", threads = 2 : i64}>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#small = #soc.memory<"tcm", bytes = 16384, alignment = 128, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 2, engines = [#cpu, #npu], memories = [#dram, #small]>

// What no tile fits the scratchpad for is refused, with what it would take.
module attributes {soc.machine = #machine} {
  nn.weight @w = dense<1> : tensor<512x256xi8>
  nn.weight @b = dense<1> : tensor<256xi32>
  // CHECK-LABEL: @small
  // CHECK: soc.group on "cpu"
  // CHECK: soc.group on "cpu"
  // CHECK-SAME: #soc.alternative<"npu", "unsupported", cost_ps = 0, "even its smallest tile takes {{[0-9]+}} bytes of the 8192 that each thread has of the scratchpad">
  func.func @small(%x: tensor<64x512xf32>) -> tensor<64x256xi8> {
    %q = soc.group (%x) : (tensor<64x512xf32>) -> tensor<64x512xi8> {
    ^bb0(%a: tensor<64x512xf32>):
      %e = tensor.empty() : tensor<64x512xi8>
      %r = nn.quantize as !quant.uniform<i8:f32, 5.000000e-02:3> ins(%a : tensor<64x512xf32>) outs(%e : tensor<64x512xi8>)
      soc.yield %r : tensor<64x512xi8>
    }
    %w = nn.get_weight @w : tensor<512x256xi8>
    %b = nn.get_weight @b : tensor<256xi32>
    %0 = soc.group (%q, %w, %b, %b) : (tensor<64x512xi8>, tensor<512x256xi8>, tensor<256xi32>, tensor<256xi32>) -> tensor<64x256xi8> {
    ^bb0(%l: tensor<64x512xi8>, %r: tensor<512x256xi8>, %c: tensor<256xi32>, %m: tensor<256xi32>):
      %e = tensor.empty() : tensor<64x256xi8>
      %p = nn.quantized_matmul ins(%l, %r, %c, %m : tensor<64x512xi8>, tensor<512x256xi8>, tensor<256xi32>, tensor<256xi32>) outs(%e : tensor<64x256xi8>) shift 7 zero 0
      soc.yield %p : tensor<64x256xi8>
    }
    return %0 : tensor<64x256xi8>
  }
}

// -----

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 100, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 30000000000, cache_bytes_per_second = 0,
  operations_per_second = {i8 = 1024000000000 : i64}, efficiency_percent = {}>
#npu = #soc.engine<"npu", target = "hexagon", kind = "npu", memories = ["tcm", "dram"], performance = #figures,
  properties = {architecture = "v67", threads = 2 : i64}>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#tcm = #soc.memory<"tcm", bytes = 262144, alignment = 128, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 2, engines = [#cpu, #npu], memories = [#dram, #tcm]>

#kept = #soc.variant<"packed-product-resident", precision = i8, tiles = [0, 0], panels = [0, 32, 0, 0], time_ps = 5, scratch_bytes = 65536, resident_bytes = 32768, granularity = 8>

// What has been placed with weights that stay leaves the other half to all that
// is placed after it, whatever has become of the weights meanwhile.
module attributes {soc.machine = #machine} {
  nn.weight @w = dense<1> : tensor<128x256xi8>
  nn.weight @other = dense<1> : tensor<512x512xi8>
  nn.weight @b = dense<1> : tensor<256xi32>
  // CHECK-LABEL: @afterwards
  // CHECK: soc.group on "npu" variant <"packed-product-resident"
  // CHECK: soc.group on "npu" variant <"elements", precision = i8, {{.*}}, scratch_bytes = 65536, granularity = 8>
  func.func @afterwards(%x: tensor<64x128xf32>) -> tensor<64x256xi8> {
    %q = soc.group (%x) : (tensor<64x128xf32>) -> tensor<64x128xi8> {
    ^bb0(%a: tensor<64x128xf32>):
      %e = tensor.empty() : tensor<64x128xi8>
      %r = nn.quantize as !quant.uniform<i8:f32, 5.000000e-02:3> ins(%a : tensor<64x128xf32>) outs(%e : tensor<64x128xi8>)
      soc.yield %r : tensor<64x128xi8>
    }
    %w = nn.get_weight @w : tensor<128x256xi8>
    %b = nn.get_weight @b : tensor<256xi32>
    %0 = soc.group on "npu" variant #kept (%q, %w, %b, %b) : (tensor<64x128xi8>, tensor<128x256xi8>, tensor<256xi32>, tensor<256xi32>) -> tensor<64x256xi8> {
    ^bb0(%l: tensor<64x128xi8>, %r: tensor<128x256xi8>, %c: tensor<256xi32>, %m: tensor<256xi32>):
      %e = tensor.empty() : tensor<64x256xi8>
      %p = nn.quantized_matmul ins(%l, %r, %c, %m : tensor<64x128xi8>, tensor<128x256xi8>, tensor<256xi32>, tensor<256xi32>) outs(%e : tensor<64x256xi8>) shift 7 zero 0
      soc.yield %p : tensor<64x256xi8>
    }
    %1 = soc.group on "npu" (%0) : (tensor<64x256xi8>) -> tensor<64x256xi8> {
    ^bb0(%a: tensor<64x256xi8>):
      %e = tensor.empty() : tensor<64x256xi8>
      %r = nn.rescale ins(%a : tensor<64x256xi8>) outs(%e : tensor<64x256xi8>) multiplier 9000 offset 0 shift 13 zero 0
      soc.yield %r : tensor<64x256xi8>
    }
    return %1 : tensor<64x256xi8>
  }
}
