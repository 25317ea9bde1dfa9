// RUN: tercet-opt %s --plan-assign-memory -split-input-file --verify-diagnostics

// expected-error @below {{expected a #soc.machine with an engine and a memory on the module}}
module {
}

// -----

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 2, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 2, engines = [#cpu], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
  func.func @left(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error @below {{'arith.addf' op has no place in a plan}}
    %0 = arith.addf %x, %y : tensor<4xf32>
    return %0 : tensor<4xf32>
  }
}

// -----

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 2, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 2, engines = [#cpu], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>

// What tile has to do comes first.
module attributes {soc.machine = #machine} {
  func.func @no_call(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error @below {{is no call of a kernel}}
    %0, %t = soc.task on "cpu" order 0 variant #rows (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 2, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 2, engines = [#cpu], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
  func.func @no_engine(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error @below {{machine 'board' has no engine 'npu'}}
    %0, %t = soc.task on "npu" order 0 variant #rows (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 2, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 2, engines = [#cpu], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
  // expected-error @below {{expected tensors of static shape, got 'tensor<?xf32>'}}
  func.func @dynamic(%x: tensor<?xf32>) -> tensor<?xf32> {
    return %x : tensor<?xf32>
  }
}

// -----

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 2, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 2, engines = [#cpu], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
  // expected-error @below {{expected a body of one block}}
  func.func @blocks(%x: tensor<4xf32>) -> tensor<4xf32> {
    cf.br ^next
  ^next:
    return %x : tensor<4xf32>
  }
}

// -----

#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>

// expected-error @below {{the target of engine "npu" is not part of this build of Tercet}}
module attributes {soc.machine = #soc.machine<"board", workers = 1, engines = ["npu"], memories = [#dram]>} {
}

// -----

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 2, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 2, engines = [#cpu], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>

// A command has the operands of its task, so the kernel has to take them so.
module attributes {soc.machine = #machine} {
  soc.kernel @sub(%a0: memref<4xf32>, %a1: memref<4xf32>, %a2: memref<4xf32>) attributes {engine = "cpu", num_inputs = 2 : i64, variant = #rows} {
    soc.return
  }
  func.func @swapped(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error @below {{expected a call of its operands that gives its results, in order}}
    %0, %t = soc.task on "cpu" order 0 variant #rows (%x, %y) after () : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p: tensor<4xf32>, %q: tensor<4xf32>):
      %e = tensor.empty() : tensor<4xf32>
      %r = soc.call @sub ins(%q, %p : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
      soc.yield %r : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 1, cache_bytes_per_second = 0,
  operations_per_second = {}, efficiency_percent = {}>
#a = #soc.engine<"a", target = "t", kind = "cpu", memories = ["dram"], performance = #figures, properties = {}>
#b = #soc.engine<"b", target = "t", kind = "npu", memories = ["tcm"], performance = #figures, properties = {}>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#tcm = #soc.memory<"tcm", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>

// What a writes, b cannot reach: nothing is copied.
module attributes {soc.machine = #soc.machine<"board", workers = 1, engines = [#a, #b], memories = [#dram, #tcm]>} {
  soc.kernel @copy(%a0: memref<4xf32>, %a1: memref<4xf32>) attributes {engine = "a", num_inputs = 1 : i64, variant = #rows} {
    soc.return
  }
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error @below {{is computed on engine 'a' and read on another, and no memory is addressed by both}}
    // expected-note @below {{engine 'a' addresses 'dram'}}
    // expected-note @below {{engine 'b' addresses 'tcm'}}
    %0, %t0 = soc.task on "a" order 0 variant #rows (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p: tensor<4xf32>):
      %e = tensor.empty() : tensor<4xf32>
      %r = soc.call @copy ins(%p : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
      soc.yield %r : tensor<4xf32>
    }
    %1, %t1 = soc.task on "b" order 0 variant #rows (%0) after (%t0) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p: tensor<4xf32>):
      %e = tensor.empty() : tensor<4xf32>
      %r = soc.call @copy ins(%p : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
      soc.yield %r : tensor<4xf32>
    }
    return %1 : tensor<4xf32>
  }
}

// -----

#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 1, cache_bytes_per_second = 0,
  operations_per_second = {}, efficiency_percent = {}>
#a = #soc.engine<"a", target = "t", kind = "cpu", memories = ["dram", "tcm"], performance = #figures, properties = {}>
#b = #soc.engine<"b", target = "t", kind = "npu", memories = ["tcm"], performance = #figures, properties = {}>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#tcm = #soc.memory<"tcm", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>

// What a hands to b may lie in the memory that both address, but the output is
// the application's, and lies where the first engine works.
module attributes {soc.machine = #soc.machine<"board", workers = 1, engines = [#a, #b], memories = [#dram, #tcm]>} {
  soc.kernel @copy(%a0: memref<4xf32>, %a1: memref<4xf32>) attributes {engine = "a", num_inputs = 1 : i64, variant = #rows} {
    soc.return
  }
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0, %t0 = soc.task on "a" order 0 variant #rows (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p: tensor<4xf32>):
      %e = tensor.empty() : tensor<4xf32>
      %r = soc.call @copy ins(%p : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
      soc.yield %r : tensor<4xf32>
    }
    // expected-error @below {{is used on engine 'b', which does not address memory 'dram' where weights, inputs and outputs lie}}
    %1, %t1 = soc.task on "b" order 0 variant #rows (%0) after (%t0) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p: tensor<4xf32>):
      %e = tensor.empty() : tensor<4xf32>
      %r = soc.call @copy ins(%p : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
      soc.yield %r : tensor<4xf32>
    }
    return %1 : tensor<4xf32>
  }
}
