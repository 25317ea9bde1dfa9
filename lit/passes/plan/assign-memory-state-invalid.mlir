// RUN: tercet-opt %s --plan-assign-memory -split-input-file --verify-diagnostics

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 2, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 2, engines = [#cpu], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0, 0], time_ps = 5, scratch_bytes = 0>
#one = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>

// A reader of what was there before would find what is there now.
module attributes {soc.machine = #machine} {
  soc.kernel @update(%x: memref<4xf32>, %c: memref<16xf32>, %r: memref<16xf32>, %p: index) attributes {engine = "cpu", num_inputs = 2 : i64, updates = 1 : i64, variant = #rows} {
    soc.return
  }
  soc.kernel @read(%c: memref<16xf32>, %y: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #one} {
    soc.return
  }
  func.func @late(%x: tensor<4xf32> {nn.name = "x"}, %p: index {nn.name = "position", nn.range = #nn.range<0, 12>}, %c: tensor<16xf32> {nn.name = "cache", nn.state}) -> (tensor<16xf32> {nn.name = "cache", nn.tied = 2 : i64}, tensor<4xf32>) {
    // expected-note @below {{updated here}}
    %0, %t0 = soc.task on "cpu" order 0 variant #rows (%x, %c) scalars (%p) after () : (tensor<4xf32>, tensor<16xf32>) -> tensor<16xf32> {
    ^bb0(%a0: tensor<4xf32>, %a1: tensor<16xf32>, %s: index):
      %e = tensor.empty() : tensor<16xf32>
      %r = soc.call @update ins(%a0, %a1 : tensor<4xf32>, tensor<16xf32>) outs(%e : tensor<16xf32>) scalars (%s) -> tensor<16xf32>
      soc.yield %r : tensor<16xf32>
    }
    // expected-error @below {{reads a state after it has been updated in place; read what the update returns}}
    %1, %t1 = soc.task on "cpu" order 1 variant #one (%c) after () : (tensor<16xf32>) -> tensor<4xf32> {
    ^bb0(%a0: tensor<16xf32>):
      %e = tensor.empty() : tensor<4xf32>
      %r = soc.call @read ins(%a0 : tensor<16xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
      soc.yield %r : tensor<4xf32>
    }
    return %0, %1 : tensor<16xf32>, tensor<4xf32>
  }
}

// -----

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 2, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 2, engines = [#cpu], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0, 0], time_ps = 5, scratch_bytes = 0>
#one = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
  soc.kernel @update(%x: memref<4xf32>, %c: memref<16xf32>, %r: memref<16xf32>, %p: index) attributes {engine = "cpu", num_inputs = 2 : i64, updates = 1 : i64, variant = #rows} {
    soc.return
  }
  soc.kernel @read(%c: memref<16xf32>, %y: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #one} {
    soc.return
  }
  // expected-error @below {{result 0 is tied to argument 2, but is not computed in its memory; return the last update of that state}}
  func.func @stale(%x: tensor<4xf32> {nn.name = "x"}, %p: index {nn.name = "position", nn.range = #nn.range<0, 12>}, %c: tensor<16xf32> {nn.name = "cache", nn.state}) -> (tensor<16xf32> {nn.name = "cache", nn.tied = 2 : i64}) {
    %0, %t0 = soc.task on "cpu" order 0 variant #rows (%x, %c) scalars (%p) after () : (tensor<4xf32>, tensor<16xf32>) -> tensor<16xf32> {
    ^bb0(%a0: tensor<4xf32>, %a1: tensor<16xf32>, %s: index):
      %e = tensor.empty() : tensor<16xf32>
      %r = soc.call @update ins(%a0, %a1 : tensor<4xf32>, tensor<16xf32>) outs(%e : tensor<16xf32>) scalars (%s) -> tensor<16xf32>
      soc.yield %r : tensor<16xf32>
    }
    return %c : tensor<16xf32>
  }
}

// -----

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 2, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 2, engines = [#cpu], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0, 0], time_ps = 5, scratch_bytes = 0>
#one = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
  soc.kernel @update(%x: memref<4xf32>, %c: memref<16xf32>, %r: memref<16xf32>, %p: index) attributes {engine = "cpu", num_inputs = 2 : i64, updates = 1 : i64, variant = #rows} {
    soc.return
  }
  soc.kernel @read(%c: memref<16xf32>, %y: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #one} {
    soc.return
  }
  func.func @no_state(%x: tensor<4xf32>, %p: index {nn.range = #nn.range<0, 12>}, %c: tensor<16xf32>) -> tensor<16xf32> {
    // expected-error @below {{updates in place what is no state of the entry; only arguments with `nn.state` and their updates can be updated}}
    %0, %t0 = soc.task on "cpu" order 0 variant #rows (%x, %c) scalars (%p) after () : (tensor<4xf32>, tensor<16xf32>) -> tensor<16xf32> {
    ^bb0(%a0: tensor<4xf32>, %a1: tensor<16xf32>, %s: index):
      %e = tensor.empty() : tensor<16xf32>
      %r = soc.call @update ins(%a0, %a1 : tensor<4xf32>, tensor<16xf32>) outs(%e : tensor<16xf32>) scalars (%s) -> tensor<16xf32>
      soc.yield %r : tensor<16xf32>
    }
    return %0 : tensor<16xf32>
  }
}

// -----

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 2, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 2, engines = [#cpu], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0, 0], time_ps = 5, scratch_bytes = 0>
#one = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
  // expected-error @below {{expected scalar argument 0 to have a range of values, `nn.range`}}
  func.func @unbounded(%p: index, %x: tensor<4xf32>) -> tensor<4xf32> {
    return %x : tensor<4xf32>
  }
}

// -----

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 2, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 2, engines = [#cpu], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0, 0], time_ps = 5, scratch_bytes = 0>
#one = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
  func.func @one(%c: tensor<16xf32> {nn.name = "cache", nn.state}) -> (tensor<16xf32> {nn.tied = 0 : i64}) {
    return %c : tensor<16xf32>
  }
  // expected-error @below {{state 'cache' is 'tensor<4xf32>' here and 'tensor<16xf32>' in another entry}}
  func.func @two(%c: tensor<4xf32> {nn.name = "cache", nn.state}) -> (tensor<4xf32> {nn.tied = 0 : i64}) {
    return %c : tensor<4xf32>
  }
}

// -----

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 2, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 2, engines = [#cpu], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0, 0], time_ps = 5, scratch_bytes = 0>
#one = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
  // expected-error @below {{is a state without a name, `nn.name`, by which entries share it}}
  func.func @nameless(%c: tensor<16xf32> {nn.state}) -> (tensor<16xf32> {nn.tied = 0 : i64}) {
    return %c : tensor<16xf32>
  }
}
