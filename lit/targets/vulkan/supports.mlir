// What the engine has no kernels for goes to the CPU, which says why it is not on
// the GPU.
// RUN: tercet-opt %s --partition-assign-engines | FileCheck %s

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 1, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 30000000000, cache_bytes_per_second = 0,
  operations_per_second = {f32 = 1000000000000 : i64}, efficiency_percent = {}>
#gpu = #soc.engine<"gpu", target = "vulkan", kind = "gpu", memories = ["dram"], performance = #figures, properties = {}>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
module attributes {soc.machine = #soc.machine<"board", workers = 2, engines = [#cpu, #gpu], memories = [#dram]>} {
  nn.weight @w_large = #nn.file<"x.bin", offset = 0, bytes = 134217732> : tensor<33554433xf32>
  nn.weight @w_half = dense<1.0> : tensor<8xf16>
  nn.weight @w_long = dense<1> : tensor<8xi64>
  nn.weight @w_double = dense<1.0> : tensor<8xf64>
  nn.weight @w_row = dense<1.0> : tensor<20000xf32>
  nn.weight @w_x = dense<1.0> : tensor<8xf32>

  // A binding has 128 MiB at most, of which some lie before the operand.
  // CHECK-LABEL: @large
  // CHECK: "gpu", "unsupported", cost_ps = 0, "its kernels take at most 134217472 bytes as one operand, and tensor<33554433xf32> has 134217732"
  func.func @large() -> tensor<33554433xf32> {
    %x = nn.get_weight @w_large : tensor<33554433xf32>
    %0 = soc.group (%x) : (tensor<33554433xf32>) -> tensor<33554433xf32> {
    ^bb0(%a: tensor<33554433xf32>):
      %e = tensor.empty() : tensor<33554433xf32>
      %r = linalg.exp ins(%a : tensor<33554433xf32>) outs(%e : tensor<33554433xf32>) -> tensor<33554433xf32>
      soc.yield %r : tensor<33554433xf32>
    }
    return %0 : tensor<33554433xf32>
  }

  // CHECK-LABEL: @element
  // CHECK: "gpu", "unsupported", cost_ps = 0, "it has no form for elements of type f64"
  func.func @element() -> tensor<8xf64> {
    %x = nn.get_weight @w_double : tensor<8xf64>
    %0 = soc.group (%x) : (tensor<8xf64>) -> tensor<8xf64> {
    ^bb0(%a: tensor<8xf64>):
      %e = tensor.empty() : tensor<8xf64>
      %r = linalg.exp ins(%a : tensor<8xf64>) outs(%e : tensor<8xf64>) -> tensor<8xf64>
      soc.yield %r : tensor<8xf64>
    }
    return %0 : tensor<8xf64>
  }

  // Narrow elements are fields of words, whatever the profile.
  // CHECK-LABEL: @narrow
  // CHECK-NOT: "gpu", "unsupported"
  // CHECK: return
  func.func @narrow() -> tensor<8xf16> {
    %x = nn.get_weight @w_half : tensor<8xf16>
    %0 = soc.group (%x) : (tensor<8xf16>) -> tensor<8xf16> {
    ^bb0(%a: tensor<8xf16>):
      %e = tensor.empty() : tensor<8xf16>
      %r = linalg.softmax dimension(0) ins(%a : tensor<8xf16>) outs(%e : tensor<8xf16>) -> tensor<8xf16>
      soc.yield %r : tensor<8xf16>
    }
    return %0 : tensor<8xf16>
  }

  // CHECK-LABEL: @division
  // CHECK: "gpu", "unsupported", cost_ps = 0, "it does not compute 'arith.divsi' in i64"
  func.func @division() -> tensor<8xi64> {
    %x = nn.get_weight @w_long : tensor<8xi64>
    %0 = soc.group (%x) : (tensor<8xi64>) -> tensor<8xi64> {
    ^bb0(%a: tensor<8xi64>):
      %e = tensor.empty() : tensor<8xi64>
      %r = linalg.div ins(%a, %a : tensor<8xi64>, tensor<8xi64>) outs(%e : tensor<8xi64>) -> tensor<8xi64>
      soc.yield %r : tensor<8xi64>
    }
    return %0 : tensor<8xi64>
  }

  // CHECK-LABEL: @body
  // CHECK: "gpu", "unsupported", cost_ps = 0, "it does not compute in f64"
  func.func @body() -> tensor<8xf32> {
    %x = nn.get_weight @w_x : tensor<8xf32>
    %0 = soc.group (%x) : (tensor<8xf32>) -> tensor<8xf32> {
    ^bb0(%a: tensor<8xf32>):
      %e = tensor.empty() : tensor<8xf32>
      %r = linalg.map ins(%a : tensor<8xf32>) outs(%e : tensor<8xf32>) (%v: f32, %o: f32) {
        %w = arith.extf %v : f32 to f64
        %n = arith.truncf %w : f64 to f32
        linalg.yield %n : f32
      }
      soc.yield %r : tensor<8xf32>
    }
    return %0 : tensor<8xf32>
  }

  // A row that stands between two operations does not fit the workgroup's memory.
  // CHECK-LABEL: @row
  // CHECK: "gpu", "unsupported", cost_ps = 0, "even its smallest tile keeps 80256 bytes of the 16384 of workgroup memory"
  func.func @row() -> tensor<20000xf32> {
    %x = nn.get_weight @w_row : tensor<20000xf32>
    %0 = soc.group (%x) : (tensor<20000xf32>) -> tensor<20000xf32> {
    ^bb0(%a: tensor<20000xf32>):
      %e = tensor.empty() : tensor<20000xf32>
      %p = linalg.exp ins(%a : tensor<20000xf32>) outs(%e : tensor<20000xf32>) -> tensor<20000xf32>
      %s = linalg.softmax dimension(0) ins(%p : tensor<20000xf32>) outs(%e : tensor<20000xf32>) -> tensor<20000xf32>
      soc.yield %s : tensor<20000xf32>
    }
    return %0 : tensor<20000xf32>
  }

  // A cache in groups of bytes is neither written nor read.
  // CHECK-LABEL: @groups
  // CHECK: "gpu", "unsupported", cost_ps = 0, "it has no kernel for 'nn.cache_update' that stores rows in groups"
  // CHECK: "gpu", "unsupported", cost_ps = 0, "it has no kernel for 'nn.cached_attention' over keys and values that are stored in groups"
  // CHECK-LABEL: @odd
  // CHECK: "gpu", "unsupported", cost_ps = 0, "it has no kernel for 'nn.cached_attention' with heads that are no multiple of 4 elements"
  func.func @groups(%x: tensor<1x1x2x64xf32>, %p: index {nn.range = #nn.range<0, 15>}, %c: tensor<1x16x2x68xi8> {nn.state}) -> (tensor<1x1x2x64xf32>, tensor<1x16x2x68xi8> {nn.tied = 2 : i64}) {
    %0 = soc.group (%x, %c) scalars (%p) : (tensor<1x1x2x64xf32>, tensor<1x16x2x68xi8>) -> tensor<1x16x2x68xi8> {
    ^bb0(%a: tensor<1x1x2x64xf32>, %d: tensor<1x16x2x68xi8>, %q: index):
      %r = nn.cache_update format #nn.groups<32 in 34 group 32 planes [<bits = 8, run = 1, at = 2>] codes signed scale f16 at 0>
             ins(%a : tensor<1x1x2x64xf32>) at %q outs(%d : tensor<1x16x2x68xi8>)
      soc.yield %r : tensor<1x16x2x68xi8>
    }
    %1 = soc.group (%x, %0) scalars (%p) : (tensor<1x1x2x64xf32>, tensor<1x16x2x68xi8>) -> tensor<1x1x2x64xf32> {
    ^bb0(%a: tensor<1x1x2x64xf32>, %d: tensor<1x16x2x68xi8>, %q: index):
      %e = tensor.empty() : tensor<1x1x2x64xf32>
      %r = nn.cached_attention format #nn.groups<32 in 34 group 32 planes [<bits = 8, run = 1, at = 2>] codes signed scale f16 at 0>
             ins(%a, %d, %d : tensor<1x1x2x64xf32>, tensor<1x16x2x68xi8>, tensor<1x16x2x68xi8>) at %q outs(%e : tensor<1x1x2x64xf32>) scale 1.250000e-01
      soc.yield %r : tensor<1x1x2x64xf32>
    }
    return %1, %0 : tensor<1x1x2x64xf32>, tensor<1x16x2x68xi8>
  }
  func.func @odd(%x: tensor<1x1x2x6xf32>, %p: index {nn.range = #nn.range<0, 15>}, %c: tensor<1x16x2x6xf32> {nn.state}) -> (tensor<1x1x2x6xf32>, tensor<1x16x2x6xf32> {nn.tied = 2 : i64}) {
    %1 = soc.group (%x, %c) scalars (%p) : (tensor<1x1x2x6xf32>, tensor<1x16x2x6xf32>) -> tensor<1x1x2x6xf32> {
    ^bb0(%a: tensor<1x1x2x6xf32>, %d: tensor<1x16x2x6xf32>, %q: index):
      %e = tensor.empty() : tensor<1x1x2x6xf32>
      %r = nn.cached_attention ins(%a, %d, %d : tensor<1x1x2x6xf32>, tensor<1x16x2x6xf32>, tensor<1x16x2x6xf32>) at %q outs(%e : tensor<1x1x2x6xf32>) scale 1.250000e-01
      soc.yield %r : tensor<1x1x2x6xf32>
    }
    return %1, %c : tensor<1x1x2x6xf32>, tensor<1x16x2x6xf32>
  }
}
