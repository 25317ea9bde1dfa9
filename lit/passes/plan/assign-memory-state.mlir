// RUN: tercet-opt %s --plan-assign-memory --verify-plan | FileCheck %s

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 2, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 2, engines = [#cpu], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0, 0], time_ps = 5, scratch_bytes = 0>
#one = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>

// What is updated is the state itself, in its pool, for all entries that name
// it; scalars are the entry's own.
// CHECK-LABEL: cmd.entry @append
// CHECK: %[[X:.*]] = cmd.input 0 "x"
// CHECK: %[[P:.*]] = cmd.scalar "position"[0 to 12]
// CHECK: %[[C:.*]] = cmd.state "cache" @state[0 for 64] : tensor<16xf32>
// CHECK: %[[Y:.*]] = cmd.output 0 "y"
// CHECK-NOT: cmd.buffer
// CHECK: cmd.dispatch @update on "cpu"(%[[X]], %[[C]], %[[C]]) offsets [0, 0, 0] bytes [16, 64, 64] grid [1, 1, 1] scalars(%[[P]])
// CHECK: cmd.dispatch @read on "cpu"(%[[C]], %[[Y]])
// CHECK-LABEL: cmd.entry @read_only
// CHECK: cmd.state "other" @state[64 for 16]
// CHECK: cmd.state "cache" @state[0 for 64]
// CHECK: cmd.pool @state state in "dram" bytes 128 alignment 64
module attributes {soc.machine = #machine} {
  soc.kernel @update(%x: memref<4xf32>, %c: memref<16xf32>, %r: memref<16xf32>, %p: index) attributes {engine = "cpu", num_inputs = 2 : i64, updates = 1 : i64, variant = #rows} {
    soc.return
  }
  soc.kernel @read(%c: memref<16xf32>, %y: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #one} {
    soc.return
  }
  func.func @append(%x: tensor<4xf32> {nn.name = "x"}, %p: index {nn.name = "position", nn.range = #nn.range<0, 12>}, %c: tensor<16xf32> {nn.name = "cache", nn.state}) -> (tensor<16xf32> {nn.name = "cache", nn.tied = 2 : i64}, tensor<4xf32> {nn.name = "y"}) {
    %0, %t0 = soc.task on "cpu" order 0 variant #rows (%x, %c) scalars (%p) after () : (tensor<4xf32>, tensor<16xf32>) -> tensor<16xf32> {
    ^bb0(%a0: tensor<4xf32>, %a1: tensor<16xf32>, %s: index):
      %e = tensor.empty() : tensor<16xf32>
      %r = soc.call @update ins(%a0, %a1 : tensor<4xf32>, tensor<16xf32>) outs(%e : tensor<16xf32>) scalars (%s) -> tensor<16xf32>
      soc.yield %r : tensor<16xf32>
    }
    %1, %t1 = soc.task on "cpu" order 1 variant #one (%0) after () : (tensor<16xf32>) -> tensor<4xf32> {
    ^bb0(%a0: tensor<16xf32>):
      %e = tensor.empty() : tensor<4xf32>
      %r = soc.call @read ins(%a0 : tensor<16xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
      soc.yield %r : tensor<4xf32>
    }
    return %0, %1 : tensor<16xf32>, tensor<4xf32>
  }
  func.func @read_only(%o: tensor<4xf32> {nn.name = "other", nn.state}, %c: tensor<16xf32> {nn.name = "cache", nn.state})
      -> (tensor<4xf32>, tensor<4xf32> {nn.name = "other", nn.tied = 0 : i64}, tensor<16xf32> {nn.name = "cache", nn.tied = 1 : i64}) {
    %0, %t0 = soc.task on "cpu" order 0 variant #one (%c) after () : (tensor<16xf32>) -> tensor<4xf32> {
    ^bb0(%a0: tensor<16xf32>):
      %e = tensor.empty() : tensor<4xf32>
      %r = soc.call @read ins(%a0 : tensor<16xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
      soc.yield %r : tensor<4xf32>
    }
    return %0, %o, %c : tensor<4xf32>, tensor<4xf32>, tensor<16xf32>
  }
}
