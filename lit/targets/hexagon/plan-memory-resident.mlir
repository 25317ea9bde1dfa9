// RUN: tercet-opt %s --plan-assign-memory --verify-plan -split-input-file | FileCheck %s

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 4, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 1, cache_bytes_per_second = 0,
  operations_per_second = {}, efficiency_percent = {}>
#npu = #soc.engine<"npu", target = "hexagon", kind = "npu", memories = ["tcm", "dram"], performance = #figures,
  properties = {architecture = "v67", threads = 2 : i64}>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#tcm = #soc.memory<"tcm", bytes = 1664, alignment = 128, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 4, engines = [#cpu, #npu], memories = [#dram, #tcm]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0, 0, 0], time_ps = 5, scratch_bytes = 192>
#kept = #soc.variant<"packed-product-resident", precision = f32, tiles = [1], panels = [0, 32, 0], time_ps = 5, scratch_bytes = 192, resident_bytes = 512>

// A weight that a variant keeps lies in the NPU's own memory, in a pool that
// nobody else addresses; those beside it that are not packed, and one that the
// CPU reads too, do not. Tasks that do not care read it where it is, in other
// entries as well. What is left of the memory is for scratch and values: the
// first value has 256 bytes and stays, the second has 1024 and does not.
// CHECK-LABEL: cmd.entry @first
// CHECK-DAG: cmd.weight @w @weights_npu_tcm[0 for 512]
// CHECK-DAG: cmd.weight @b @weights_npu[{{[0-9]+}} for 16]
// CHECK-DAG: cmd.buffer @arena_tcm[{{[0-9]+}} for 512]
// CHECK-DAG: cmd.buffer @arena_tcm[{{[0-9]+}} for 256]
// CHECK-DAG: cmd.buffer @arena[{{[0-9]+}} for 1024]
// CHECK-LABEL: cmd.entry @second
// CHECK-DAG: cmd.weight @w @weights_npu_tcm[0 for 512]
// CHECK-DAG: cmd.weight @both @weights_npu[{{[0-9]+}} for 512]
// CHECK: cmd.pool @arena_tcm arena in "tcm" bytes {{[0-9]+}} alignment 128
// CHECK: cmd.pool @weights_npu weights in "dram" bytes {{[0-9]+}} alignment 128
// CHECK: cmd.pool @weights_npu_tcm weights in "tcm" for ["npu"] bytes 512 alignment 128
module attributes {soc.machine = #machine} {
  nn.weight @w = dense<1.0> : tensor<128xf32>
  nn.weight @both = dense<1.0> : tensor<128xf32>
  nn.weight @b = dense<1.0> : tensor<4xf32>
  soc.kernel @in(%a0: memref<64xf32>, %a1: memref<128xf32>, %a2: memref<4xf32>, %a3: memref<64xf32>) attributes {engine = "cpu", num_inputs = 3 : i64, variant = #rows, scratch_bytes = 0 : i64} {
    soc.return
  }
  soc.kernel @small(%a0: memref<64xf32>, %a1: memref<128xf32>, %a2: memref<4xf32>, %a3: memref<64xf32>) attributes {engine = "npu", num_inputs = 3 : i64, variant = #kept, scratch_bytes = 192 : i64} {
    soc.return
  }
  soc.kernel @large(%a0: memref<64xf32>, %a1: memref<128xf32>, %a2: memref<4xf32>, %a3: memref<256xf32>) attributes {engine = "npu", num_inputs = 3 : i64, variant = #rows, scratch_bytes = 192 : i64} {
    soc.return
  }
  func.func @first(%x: tensor<64xf32>) -> tensor<256xf32> {
    %w = nn.get_weight @w : tensor<128xf32>
    %both = nn.get_weight @both : tensor<128xf32>
    %b = nn.get_weight @b : tensor<4xf32>
    %0, %t0 = soc.task on "cpu" order 0 variant #rows (%x, %both, %b) after () : (tensor<64xf32>, tensor<128xf32>, tensor<4xf32>) -> tensor<64xf32> {
    ^bb0(%p0: tensor<64xf32>, %p1: tensor<128xf32>, %p2: tensor<4xf32>):
      %e = tensor.empty() : tensor<64xf32>
      %r = soc.call @in ins(%p0, %p1, %p2 : tensor<64xf32>, tensor<128xf32>, tensor<4xf32>) outs(%e : tensor<64xf32>) -> tensor<64xf32>
      soc.yield %r : tensor<64xf32>
    }
    %1, %t1 = soc.task on "npu" order 0 variant #kept (%0, %w, %b) after (%t0) : (tensor<64xf32>, tensor<128xf32>, tensor<4xf32>) -> tensor<64xf32> {
    ^bb0(%p0: tensor<64xf32>, %p1: tensor<128xf32>, %p2: tensor<4xf32>):
      %e = tensor.empty() : tensor<64xf32>
      %r = soc.call @small ins(%p0, %p1, %p2 : tensor<64xf32>, tensor<128xf32>, tensor<4xf32>) outs(%e : tensor<64xf32>) -> tensor<64xf32>
      soc.yield %r : tensor<64xf32>
    }
    %2, %t2 = soc.task on "npu" order 1 variant #rows (%1, %w, %b) after () : (tensor<64xf32>, tensor<128xf32>, tensor<4xf32>) -> tensor<256xf32> {
    ^bb0(%p0: tensor<64xf32>, %p1: tensor<128xf32>, %p2: tensor<4xf32>):
      %e = tensor.empty() : tensor<256xf32>
      %r = soc.call @large ins(%p0, %p1, %p2 : tensor<64xf32>, tensor<128xf32>, tensor<4xf32>) outs(%e : tensor<256xf32>) -> tensor<256xf32>
      soc.yield %r : tensor<256xf32>
    }
    return %2 : tensor<256xf32>
  }
  func.func @second(%x: tensor<64xf32>) -> tensor<256xf32> {
    %w = nn.get_weight @w : tensor<128xf32>
    %both = nn.get_weight @both : tensor<128xf32>
    %b = nn.get_weight @b : tensor<4xf32>
    %0, %t0 = soc.task on "cpu" order 0 variant #rows (%x, %both, %b) after () : (tensor<64xf32>, tensor<128xf32>, tensor<4xf32>) -> tensor<64xf32> {
    ^bb0(%p0: tensor<64xf32>, %p1: tensor<128xf32>, %p2: tensor<4xf32>):
      %e = tensor.empty() : tensor<64xf32>
      %r = soc.call @in ins(%p0, %p1, %p2 : tensor<64xf32>, tensor<128xf32>, tensor<4xf32>) outs(%e : tensor<64xf32>) -> tensor<64xf32>
      soc.yield %r : tensor<64xf32>
    }
    %1, %t1 = soc.task on "npu" order 0 variant #kept (%0, %both, %b) after (%t0) : (tensor<64xf32>, tensor<128xf32>, tensor<4xf32>) -> tensor<64xf32> {
    ^bb0(%p0: tensor<64xf32>, %p1: tensor<128xf32>, %p2: tensor<4xf32>):
      %e = tensor.empty() : tensor<64xf32>
      %r = soc.call @small ins(%p0, %p1, %p2 : tensor<64xf32>, tensor<128xf32>, tensor<4xf32>) outs(%e : tensor<64xf32>) -> tensor<64xf32>
      soc.yield %r : tensor<64xf32>
    }
    %2, %t2 = soc.task on "npu" order 1 variant #rows (%1, %w, %b) after () : (tensor<64xf32>, tensor<128xf32>, tensor<4xf32>) -> tensor<256xf32> {
    ^bb0(%p0: tensor<64xf32>, %p1: tensor<128xf32>, %p2: tensor<4xf32>):
      %e = tensor.empty() : tensor<256xf32>
      %r = soc.call @large ins(%p0, %p1, %p2 : tensor<64xf32>, tensor<128xf32>, tensor<4xf32>) outs(%e : tensor<256xf32>) -> tensor<256xf32>
      soc.yield %r : tensor<256xf32>
    }
    return %2 : tensor<256xf32>
  }
}
