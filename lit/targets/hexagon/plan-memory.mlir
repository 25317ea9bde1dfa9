// RUN: tercet-opt %s --plan-assign-memory --verify-plan | FileCheck %s

// What an engine with a driver needs of memory: scratch for its own workers in
// its own memory, aligned for each of them; what it hands to itself there as
// well, as far as there is room; weights that it reads in a pool of their own;
// and nothing of what the application binds: its result is copied by a CPU.

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 4, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 1, cache_bytes_per_second = 0,
  operations_per_second = {}, efficiency_percent = {}>
#npu = #soc.engine<"npu", target = "hexagon", kind = "npu", memories = ["tcm", "dram"], performance = #figures,
  properties = {architecture = "v67", threads = 2 : i64}>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#tcm = #soc.memory<"tcm", bytes = 1024, alignment = 128, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 4, engines = [#cpu, #npu], memories = [#dram, #tcm]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 192>
#two = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0, 0], time_ps = 5, scratch_bytes = 192>

// CHECK-LABEL: cmd.entry @main
// CHECK-DAG: %[[X:.*]] = cmd.input 0
// CHECK-DAG: %[[Y:.*]] = cmd.output 0
// CHECK-DAG: %[[W:.*]] = cmd.weight @w @weights_npu[0 for 1024]
// CHECK-DAG: %[[V:.*]] = cmd.weight @v @weights[0 for 16]
// Two workers with 256 bytes each, where four of the CPU would be four.
// CHECK-DAG: %[[S:.*]] = cmd.buffer @arena_tcm[{{[0-9]+}} for 512]
// The first value has 256 bytes and stays; the second has 1024, which do not fit.
// CHECK-DAG: cmd.buffer @arena_tcm[{{[0-9]+}} for 256]
// CHECK-DAG: cmd.buffer @arena[{{[0-9]+}} for 1024]
// CHECK: cmd.dispatch @in on "cpu"
// CHECK: cmd.dispatch @small on "npu"{{.*}} scratch({{.*}} stride 256)
// CHECK: %[[T:.*]] = cmd.dispatch @large on "npu"
// CHECK: cmd.copy %{{.*}}[0] to %[[Y]][0] bytes 1024 on "cpu" wait(
// CHECK: cmd.pool @arena arena in "dram" bytes {{[0-9]+}} alignment 128
// CHECK: cmd.pool @arena_tcm arena in "tcm" bytes {{[0-9]+}} alignment 128
// CHECK: cmd.pool @weights weights in "dram" for ["cpu"] bytes
// CHECK: cmd.pool @weights_npu weights in "dram" bytes 1024 alignment 128
module attributes {soc.machine = #machine} {
  nn.weight @w = dense<1.0> : tensor<256xf32>
  nn.weight @v = dense<1.0> : tensor<4xf32>
  soc.kernel @in(%a0: memref<64xf32>, %a1: memref<4xf32>, %a2: memref<64xf32>) attributes {engine = "cpu", num_inputs = 2 : i64, variant = #two, scratch_bytes = 0 : i64} {
    soc.return
  }
  soc.kernel @small(%a0: memref<64xf32>, %a1: memref<64xf32>) attributes {engine = "npu", num_inputs = 1 : i64, variant = #rows, scratch_bytes = 192 : i64} {
    soc.return
  }
  soc.kernel @large(%a0: memref<64xf32>, %a1: memref<256xf32>, %a2: memref<256xf32>) attributes {engine = "npu", num_inputs = 2 : i64, variant = #two, scratch_bytes = 192 : i64} {
    soc.return
  }
  func.func @main(%x: tensor<64xf32>) -> tensor<256xf32> {
    %v = nn.get_weight @v : tensor<4xf32>
    %w = nn.get_weight @w : tensor<256xf32>
    %0, %t0 = soc.task on "cpu" order 0 variant #two (%x, %v) after () : (tensor<64xf32>, tensor<4xf32>) -> tensor<64xf32> {
    ^bb0(%p0: tensor<64xf32>, %p1: tensor<4xf32>):
      %e = tensor.empty() : tensor<64xf32>
      %r = soc.call @in ins(%p0, %p1 : tensor<64xf32>, tensor<4xf32>) outs(%e : tensor<64xf32>) -> tensor<64xf32>
      soc.yield %r : tensor<64xf32>
    }
    %1, %t1 = soc.task on "npu" order 0 variant #rows (%0) after (%t0) : (tensor<64xf32>) -> tensor<64xf32> {
    ^bb0(%p0: tensor<64xf32>):
      %e = tensor.empty() : tensor<64xf32>
      %r = soc.call @small ins(%p0 : tensor<64xf32>) outs(%e : tensor<64xf32>) -> tensor<64xf32>
      soc.yield %r : tensor<64xf32>
    }
    %2, %t2 = soc.task on "npu" order 1 variant #two (%1, %w) after () : (tensor<64xf32>, tensor<256xf32>) -> tensor<256xf32> {
    ^bb0(%p0: tensor<64xf32>, %p1: tensor<256xf32>):
      %e = tensor.empty() : tensor<256xf32>
      %r = soc.call @large ins(%p0, %p1 : tensor<64xf32>, tensor<256xf32>) outs(%e : tensor<256xf32>) -> tensor<256xf32>
      soc.yield %r : tensor<256xf32>
    }
    return %2 : tensor<256xf32>
  }
}
