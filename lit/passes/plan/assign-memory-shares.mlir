// RUN: tercet-opt %s --plan-assign-memory -split-input-file | FileCheck %s

#a = #soc.cpu<"a", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#b = #soc.cpu<"b", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#a, #b], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>

// Shares: the parts of a concatenation come from two queues. Each is computed
// in its place, so that there is nothing to copy; the reader waits for the part
// of the other queue.
// CHECK-LABEL: cmd.entry @shares
// CHECK-DAG: %[[X:.*]] = cmd.input 0
// CHECK-DAG: %[[J:.*]] = cmd.buffer @arena[0 for 64]
// CHECK: cmd.dispatch @part on "a"(%[[X]], %[[J]]) offsets [0, 0] bytes [32, 32]
// CHECK: %[[T:.*]] = cmd.dispatch @part on "b"(%[[X]], %[[J]]) offsets [32, 32] bytes [32, 32]
// CHECK-NOT: cmd.copy
// CHECK: cmd.dispatch @whole on "a"(%[[J]], %{{.*}}) offsets [0, 0] bytes [64, 64] {{.*}}wait(%[[T]])
// CHECK: cmd.pool @arena arena in "dram" bytes 64
module attributes {soc.machine = #machine} {
  soc.kernel @part(%a0: memref<1x8xf32>, %a1: memref<1x8xf32>) attributes {engine = "a", num_inputs = 1 : i64, variant = #rows} {
    soc.return
  }
  soc.kernel @whole(%a0: memref<2x8xf32>, %a1: memref<2x8xf32>) attributes {engine = "a", num_inputs = 1 : i64, variant = #rows} {
    soc.return
  }
  func.func @shares(%x: tensor<2x8xf32>) -> tensor<2x8xf32> {
    %u = tensor.extract_slice %x[0, 0] [1, 8] [1, 1] : tensor<2x8xf32> to tensor<1x8xf32>
    %v = tensor.extract_slice %x[1, 0] [1, 8] [1, 1] : tensor<2x8xf32> to tensor<1x8xf32>
    %0, %t0 = soc.task on "a" order 0 variant #rows (%u) after () : (tensor<1x8xf32>) -> tensor<1x8xf32> {
    ^bb0(%p0: tensor<1x8xf32>):
      %e = tensor.empty() : tensor<1x8xf32>
      %r = soc.call @part ins(%p0 : tensor<1x8xf32>) outs(%e : tensor<1x8xf32>) -> tensor<1x8xf32>
      soc.yield %r : tensor<1x8xf32>
    }
    %1, %t1 = soc.task on "b" order 0 variant #rows (%v) after () : (tensor<1x8xf32>) -> tensor<1x8xf32> {
    ^bb0(%p0: tensor<1x8xf32>):
      %e = tensor.empty() : tensor<1x8xf32>
      %r = soc.call @part ins(%p0 : tensor<1x8xf32>) outs(%e : tensor<1x8xf32>) -> tensor<1x8xf32>
      soc.yield %r : tensor<1x8xf32>
    }
    %2 = tensor.concat dim(0) %0, %1 : (tensor<1x8xf32>, tensor<1x8xf32>) -> tensor<2x8xf32>
    %3, %t3 = soc.task on "a" order 1 variant #rows (%2) after (%t1) : (tensor<2x8xf32>) -> tensor<2x8xf32> {
    ^bb0(%p: tensor<2x8xf32>):
      %e = tensor.empty() : tensor<2x8xf32>
      %r = soc.call @whole ins(%p : tensor<2x8xf32>) outs(%e : tensor<2x8xf32>) -> tensor<2x8xf32>
      soc.yield %r : tensor<2x8xf32>
    }
    return %3 : tensor<2x8xf32>
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

// What is returned is joined in the output itself.
// CHECK-LABEL: cmd.entry @returned
// CHECK-DAG: %[[X:.*]] = cmd.input 0
// CHECK-DAG: %[[Y:.*]] = cmd.output 0
// CHECK: cmd.dispatch @part on "a"(%[[X]], %[[Y]]) offsets [0, 0] bytes [32, 32]
// CHECK: cmd.dispatch @part on "b"(%[[X]], %[[Y]]) offsets [0, 32] bytes [32, 32]
// CHECK-NOT: cmd.copy
// CHECK-NOT: cmd.pool
module attributes {soc.machine = #machine} {
  soc.kernel @part(%a0: memref<1x8xf32>, %a1: memref<1x8xf32>) attributes {engine = "a", num_inputs = 1 : i64, variant = #rows} {
    soc.return
  }
  func.func @returned(%x: tensor<1x8xf32>) -> tensor<2x8xf32> {
    %0, %t0 = soc.task on "a" order 0 variant #rows (%x) after () : (tensor<1x8xf32>) -> tensor<1x8xf32> {
    ^bb0(%p0: tensor<1x8xf32>):
      %e = tensor.empty() : tensor<1x8xf32>
      %r = soc.call @part ins(%p0 : tensor<1x8xf32>) outs(%e : tensor<1x8xf32>) -> tensor<1x8xf32>
      soc.yield %r : tensor<1x8xf32>
    }
    %1, %t1 = soc.task on "b" order 0 variant #rows (%x) after () : (tensor<1x8xf32>) -> tensor<1x8xf32> {
    ^bb0(%p0: tensor<1x8xf32>):
      %e = tensor.empty() : tensor<1x8xf32>
      %r = soc.call @part ins(%p0 : tensor<1x8xf32>) outs(%e : tensor<1x8xf32>) -> tensor<1x8xf32>
      soc.yield %r : tensor<1x8xf32>
    }
    %2 = tensor.concat dim(0) %0, %1 : (tensor<1x8xf32>, tensor<1x8xf32>) -> tensor<2x8xf32>
    return %2 : tensor<2x8xf32>
  }
}
