// RUN: tercet-opt %s --plan-assign-memory -split-input-file | FileCheck %s

#a = #soc.cpu<"a", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#b = #soc.cpu<"b", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#a, #b], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>

// While the other engine may still be reading the first value, nothing else
// takes its place, however late that comes in the list.
// CHECK-LABEL: cmd.entry @concurrent
// CHECK: cmd.buffer @arena[{{0|128}} for 128]
// CHECK: cmd.buffer @arena[{{0|128}} for 128]
// CHECK: cmd.pool @arena arena in "dram" bytes 256 alignment 64 lower_bound 256
module attributes {soc.machine = #machine} {
  soc.kernel @copy(%a0: memref<32xf32>, %a1: memref<32xf32>) attributes {engine = "a", num_inputs = 1 : i64, variant = #rows} {
    soc.return
  }
  func.func @concurrent(%x: tensor<32xf32>) -> (tensor<32xf32>, tensor<32xf32>) {
    %0, %t0 = soc.task on "a" order 0 variant #rows (%x) after () : (tensor<32xf32>) -> tensor<32xf32> {
    ^bb0(%p0: tensor<32xf32>):
      %e = tensor.empty() : tensor<32xf32>
      %r = soc.call @copy ins(%p0 : tensor<32xf32>) outs(%e : tensor<32xf32>) -> tensor<32xf32>
      soc.yield %r : tensor<32xf32>
    }
    %1, %t1 = soc.task on "b" order 0 variant #rows (%0) after (%t0) : (tensor<32xf32>) -> tensor<32xf32> {
    ^bb0(%p0: tensor<32xf32>):
      %e = tensor.empty() : tensor<32xf32>
      %r = soc.call @copy ins(%p0 : tensor<32xf32>) outs(%e : tensor<32xf32>) -> tensor<32xf32>
      soc.yield %r : tensor<32xf32>
    }
    %2, %t2 = soc.task on "a" order 1 variant #rows (%x) after () : (tensor<32xf32>) -> tensor<32xf32> {
    ^bb0(%p0: tensor<32xf32>):
      %e = tensor.empty() : tensor<32xf32>
      %r = soc.call @copy ins(%p0 : tensor<32xf32>) outs(%e : tensor<32xf32>) -> tensor<32xf32>
      soc.yield %r : tensor<32xf32>
    }
    %3, %t3 = soc.task on "a" order 2 variant #rows (%2) after () : (tensor<32xf32>) -> tensor<32xf32> {
    ^bb0(%p0: tensor<32xf32>):
      %e = tensor.empty() : tensor<32xf32>
      %r = soc.call @copy ins(%p0 : tensor<32xf32>) outs(%e : tensor<32xf32>) -> tensor<32xf32>
      soc.yield %r : tensor<32xf32>
    }
    return %1, %3 : tensor<32xf32>, tensor<32xf32>
  }
}

// -----

#a = #soc.cpu<"a", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#b = #soc.cpu<"b", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#a, #b], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>

// The same with a token from the reader to the writer: one place is enough.
// CHECK-LABEL: cmd.entry @token
// CHECK: cmd.buffer @arena[0 for 128]
// CHECK: cmd.buffer @arena[0 for 128]
// CHECK: cmd.dispatch @copy on "a"
// CHECK: %[[READ:.*]] = cmd.dispatch @copy on "b"
// CHECK: cmd.dispatch @copy on "a"{{.*}} wait(%[[READ]])
// CHECK: cmd.pool @arena arena in "dram" bytes 128 alignment 64 lower_bound 128
module attributes {soc.machine = #machine} {
  soc.kernel @copy(%a0: memref<32xf32>, %a1: memref<32xf32>) attributes {engine = "a", num_inputs = 1 : i64, variant = #rows} {
    soc.return
  }
  func.func @token(%x: tensor<32xf32>) -> (tensor<32xf32>, tensor<32xf32>) {
    %0, %t0 = soc.task on "a" order 0 variant #rows (%x) after () : (tensor<32xf32>) -> tensor<32xf32> {
    ^bb0(%p0: tensor<32xf32>):
      %e = tensor.empty() : tensor<32xf32>
      %r = soc.call @copy ins(%p0 : tensor<32xf32>) outs(%e : tensor<32xf32>) -> tensor<32xf32>
      soc.yield %r : tensor<32xf32>
    }
    %1, %t1 = soc.task on "b" order 0 variant #rows (%0) after (%t0) : (tensor<32xf32>) -> tensor<32xf32> {
    ^bb0(%p0: tensor<32xf32>):
      %e = tensor.empty() : tensor<32xf32>
      %r = soc.call @copy ins(%p0 : tensor<32xf32>) outs(%e : tensor<32xf32>) -> tensor<32xf32>
      soc.yield %r : tensor<32xf32>
    }
    %2, %t2 = soc.task on "a" order 1 variant #rows (%x) after (%t1) : (tensor<32xf32>) -> tensor<32xf32> {
    ^bb0(%p0: tensor<32xf32>):
      %e = tensor.empty() : tensor<32xf32>
      %r = soc.call @copy ins(%p0 : tensor<32xf32>) outs(%e : tensor<32xf32>) -> tensor<32xf32>
      soc.yield %r : tensor<32xf32>
    }
    %3, %t3 = soc.task on "a" order 2 variant #rows (%2) after () : (tensor<32xf32>) -> tensor<32xf32> {
    ^bb0(%p0: tensor<32xf32>):
      %e = tensor.empty() : tensor<32xf32>
      %r = soc.call @copy ins(%p0 : tensor<32xf32>) outs(%e : tensor<32xf32>) -> tensor<32xf32>
      soc.yield %r : tensor<32xf32>
    }
    return %1, %3 : tensor<32xf32>, tensor<32xf32>
  }
}

// -----

#a = #soc.cpu<"a", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#b = #soc.cpu<"b", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#a, #b], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>

// Nor is a value overwritten in place that another engine may still be reading.
// CHECK-LABEL: cmd.entry @in_place
// CHECK: cmd.pool @arena arena in "dram" bytes 256
module attributes {soc.machine = #machine} {
  soc.kernel @copy(%a0: memref<32xf32>, %a1: memref<32xf32>) attributes {engine = "a", num_inputs = 1 : i64, variant = #rows} {
    soc.return
  }
  soc.kernel @exp(%a0: memref<32xf32>, %a1: memref<32xf32>) attributes {engine = "a", num_inputs = 1 : i64, variant = #rows, in_place = array<i64: 0>} {
    soc.return
  }
  func.func @in_place(%x: tensor<32xf32>) -> (tensor<32xf32>, tensor<32xf32>) {
    %0, %t0 = soc.task on "a" order 0 variant #rows (%x) after () : (tensor<32xf32>) -> tensor<32xf32> {
    ^bb0(%p0: tensor<32xf32>):
      %e = tensor.empty() : tensor<32xf32>
      %r = soc.call @copy ins(%p0 : tensor<32xf32>) outs(%e : tensor<32xf32>) -> tensor<32xf32>
      soc.yield %r : tensor<32xf32>
    }
    %1, %t1 = soc.task on "b" order 0 variant #rows (%0) after (%t0) : (tensor<32xf32>) -> tensor<32xf32> {
    ^bb0(%p0: tensor<32xf32>):
      %e = tensor.empty() : tensor<32xf32>
      %r = soc.call @copy ins(%p0 : tensor<32xf32>) outs(%e : tensor<32xf32>) -> tensor<32xf32>
      soc.yield %r : tensor<32xf32>
    }
    %2, %t2 = soc.task on "a" order 1 variant #rows (%0) after () : (tensor<32xf32>) -> tensor<32xf32> {
    ^bb0(%p0: tensor<32xf32>):
      %e = tensor.empty() : tensor<32xf32>
      %r = soc.call @exp ins(%p0 : tensor<32xf32>) outs(%e : tensor<32xf32>) -> tensor<32xf32>
      soc.yield %r : tensor<32xf32>
    }
    %3, %t3 = soc.task on "a" order 2 variant #rows (%2) after () : (tensor<32xf32>) -> tensor<32xf32> {
    ^bb0(%p0: tensor<32xf32>):
      %e = tensor.empty() : tensor<32xf32>
      %r = soc.call @copy ins(%p0 : tensor<32xf32>) outs(%e : tensor<32xf32>) -> tensor<32xf32>
      soc.yield %r : tensor<32xf32>
    }
    return %1, %3 : tensor<32xf32>, tensor<32xf32>
  }
}
