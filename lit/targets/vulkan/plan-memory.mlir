// RUN: tercet-opt %s --plan-assign-memory --verify-plan | FileCheck %s

// What an entry is given is copied once by the CPU, before anything else, for all
// who do not see the application's memory; a CPU reads it where it is. A state
// that the GPU updates is in a pool of its driver, and so is every other.

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 4, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 1, cache_bytes_per_second = 0,
  operations_per_second = {}, efficiency_percent = {}>
#gpu = #soc.engine<"gpu", target = "vulkan", kind = "gpu", memories = ["dram"], performance = #figures, properties = {}>
#npu = #soc.engine<"npu", target = "hexagon", kind = "npu", memories = ["dram"], performance = #figures,
  properties = {architecture = "v67", threads = 2 : i64}>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 4, engines = [#cpu, #gpu, #npu], memories = [#dram]>
#one = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>
#two = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0, 0], time_ps = 5, scratch_bytes = 0>

// CHECK-LABEL: cmd.entry @main
// CHECK-DAG: %[[X:.*]] = cmd.input 0
// CHECK-DAG: %[[P:.*]] = cmd.scalar "position"[0 to 12]
// CHECK-DAG: %[[C:.*]] = cmd.state "cache" @state[0 for 64]
// CHECK-DAG: %[[Y:.*]] = cmd.output 0
// CHECK: %[[T:.*]] = cmd.copy %[[X]][0] to %[[S:.*]][0] bytes 32 on "cpu"
// Half of it, and then the other half.
// CHECK: cmd.dispatch @update on "gpu"(%[[S]], %[[C]], %[[C]]) offsets [16, 0, 0] bytes [16, 64, 64] {{.*}} scalars(%[[P]]) wait(%[[T]])
// CHECK: cmd.dispatch @update on "gpu"(%[[S]], %[[C]], %[[C]]) offsets [0, 0, 0]
// CHECK: cmd.dispatch @read on "cpu"(%[[X]], %[[Y]])
// CHECK: cmd.pool @state state in "dram" for ["cpu", "gpu"] bytes 64
module attributes {soc.machine = #machine} {
  soc.kernel @update(%x: memref<4xf32>, %c: memref<16xf32>, %r: memref<16xf32>, %p: index) attributes {engine = "gpu", num_inputs = 2 : i64, updates = 1 : i64, variant = #two} {
    soc.return
  }
  soc.kernel @read(%x: memref<8xf32>, %y: memref<8xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #one} {
    soc.return
  }
  func.func @main(%x: tensor<8xf32> {nn.name = "x"}, %p: index {nn.name = "position", nn.range = #nn.range<0, 12>}, %c: tensor<16xf32> {nn.name = "cache", nn.state})
      -> (tensor<8xf32> {nn.name = "y"}, tensor<16xf32> {nn.name = "cache", nn.tied = 2 : i64}) {
    %high = tensor.extract_slice %x[4] [4] [1] : tensor<8xf32> to tensor<4xf32>
    %0, %t0 = soc.task on "gpu" order 0 variant #two (%high, %c) scalars (%p) after () : (tensor<4xf32>, tensor<16xf32>) -> tensor<16xf32> {
    ^bb0(%a0: tensor<4xf32>, %a1: tensor<16xf32>, %s: index):
      %e = tensor.empty() : tensor<16xf32>
      %r = soc.call @update ins(%a0, %a1 : tensor<4xf32>, tensor<16xf32>) outs(%e : tensor<16xf32>) scalars (%s) -> tensor<16xf32>
      soc.yield %r : tensor<16xf32>
    }
    %low = tensor.extract_slice %x[0] [4] [1] : tensor<8xf32> to tensor<4xf32>
    %1, %t1 = soc.task on "gpu" order 1 variant #two (%low, %0) scalars (%p) after (%t0) : (tensor<4xf32>, tensor<16xf32>) -> tensor<16xf32> {
    ^bb0(%a0: tensor<4xf32>, %a1: tensor<16xf32>, %s: index):
      %e = tensor.empty() : tensor<16xf32>
      %r = soc.call @update ins(%a0, %a1 : tensor<4xf32>, tensor<16xf32>) outs(%e : tensor<16xf32>) scalars (%s) -> tensor<16xf32>
      soc.yield %r : tensor<16xf32>
    }
    %2, %t2 = soc.task on "cpu" order 0 variant #one (%x) after () : (tensor<8xf32>) -> tensor<8xf32> {
    ^bb0(%a0: tensor<8xf32>):
      %e = tensor.empty() : tensor<8xf32>
      %r = soc.call @read ins(%a0 : tensor<8xf32>) outs(%e : tensor<8xf32>) -> tensor<8xf32>
      soc.yield %r : tensor<8xf32>
    }
    return %2, %1 : tensor<8xf32>, tensor<16xf32>
  }
}
