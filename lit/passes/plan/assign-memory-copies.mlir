// RUN: tercet-opt %s --plan-assign-memory -split-input-file | FileCheck %s

#a = #soc.cpu<"a", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#b = #soc.cpu<"b", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#a, #b], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>

// A copy runs on the queue that made its bytes last, and waits for what of them
// comes from another.
// CHECK-LABEL: cmd.entry @copy_of_parts
// CHECK: %[[Y:.*]] = cmd.output 0
// CHECK: %[[Z:.*]] = cmd.output 1
// CHECK: %[[A:.*]] = cmd.dispatch @part on "a"
// CHECK: %[[B:.*]] = cmd.dispatch @part on "b"
// CHECK: cmd.copy %[[Y]][0] to %[[Z]][0] bytes 64 on "b" wait(%[[A]])
// CHECK-NOT: cmd.pool
module attributes {soc.machine = #machine} {
  soc.kernel @part(%a0: memref<1x8xf32>, %a1: memref<1x8xf32>) attributes {engine = "a", num_inputs = 1 : i64, variant = #rows} {
    soc.return
  }
  func.func @copy_of_parts(%x: tensor<1x8xf32>) -> (tensor<2x8xf32>, tensor<2x8xf32>) {
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
    return %2, %2 : tensor<2x8xf32>, tensor<2x8xf32>
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

// Whoever reads what was copied waits for the copy, if that is another queue's.
// CHECK-LABEL: cmd.entry @reader
// CHECK: cmd.dispatch @part on "b"
// CHECK: %[[C:.*]] = cmd.copy {{.*}} bytes 32 on "a"
// CHECK: cmd.dispatch @whole on "b"{{.*}} wait(%[[C]])
module attributes {soc.machine = #machine} {
  soc.kernel @part(%a0: memref<1x8xf32>, %a1: memref<1x8xf32>) attributes {engine = "a", num_inputs = 1 : i64, variant = #rows} {
    soc.return
  }
  soc.kernel @whole(%a0: memref<2x8xf32>, %a1: memref<2x8xf32>) attributes {engine = "a", num_inputs = 1 : i64, variant = #rows} {
    soc.return
  }
  func.func @reader(%x: tensor<1x8xf32>) -> tensor<2x8xf32> {
    %0, %t0 = soc.task on "b" order 0 variant #rows (%x) after () : (tensor<1x8xf32>) -> tensor<1x8xf32> {
    ^bb0(%p0: tensor<1x8xf32>):
      %e = tensor.empty() : tensor<1x8xf32>
      %r = soc.call @part ins(%p0 : tensor<1x8xf32>) outs(%e : tensor<1x8xf32>) -> tensor<1x8xf32>
      soc.yield %r : tensor<1x8xf32>
    }
    %1 = tensor.concat dim(0) %0, %x : (tensor<1x8xf32>, tensor<1x8xf32>) -> tensor<2x8xf32>
    %2, %t2 = soc.task on "b" order 1 variant #rows (%1) after () : (tensor<2x8xf32>) -> tensor<2x8xf32> {
    ^bb0(%p0: tensor<2x8xf32>):
      %e = tensor.empty() : tensor<2x8xf32>
      %r = soc.call @whole ins(%p0 : tensor<2x8xf32>) outs(%e : tensor<2x8xf32>) -> tensor<2x8xf32>
      soc.yield %r : tensor<2x8xf32>
    }
    return %2 : tensor<2x8xf32>
  }
}
