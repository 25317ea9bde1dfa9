// RUN: tercet-opt %s --schedule-assign-order | FileCheck %s

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#cpu], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

// In program order both large values live at once. Reducing each before the
// next is made keeps one.
// CHECK-LABEL: @reduce_early
// CHECK: %[[A:.*]], %{{.*}} = soc.task on "cpu" order 0 {{.*}} -> tensor<4096xf32>
// CHECK: soc.task on "cpu" order 1 {{.*}}(%[[A]]) {{.*}} -> tensor<4xf32>
// CHECK: %[[B:.*]], %{{.*}} = soc.task on "cpu" order 2 {{.*}} -> tensor<4096xf32>
// CHECK: soc.task on "cpu" order 3 {{.*}}(%[[B]]) {{.*}} -> tensor<4xf32>
module attributes {soc.machine = #machine} {
  func.func @reduce_early(%x: tensor<4xf32>) -> tensor<4xf32> {
    %a, %ta = soc.task on "cpu" variant #rows (%x) after () : (tensor<4xf32>) -> tensor<4096xf32> {
    ^bb0(%i: tensor<4xf32>):
      %o = tensor.empty() : tensor<4096xf32>
      soc.yield %o : tensor<4096xf32>
    }
    %b, %tb = soc.task on "cpu" variant #rows (%x) after () : (tensor<4xf32>) -> tensor<4096xf32> {
    ^bb0(%i: tensor<4xf32>):
      %o = tensor.empty() : tensor<4096xf32>
      soc.yield %o : tensor<4096xf32>
    }
    %c, %tc = soc.task on "cpu" variant #rows (%a) after () : (tensor<4096xf32>) -> tensor<4xf32> {
    ^bb0(%i: tensor<4096xf32>):
      %o = tensor.empty() : tensor<4xf32>
      soc.yield %o : tensor<4xf32>
    }
    %d, %td = soc.task on "cpu" variant #rows (%b) after () : (tensor<4096xf32>) -> tensor<4xf32> {
    ^bb0(%i: tensor<4096xf32>):
      %o = tensor.empty() : tensor<4xf32>
      soc.yield %o : tensor<4xf32>
    }
    %e, %te = soc.task on "cpu" variant #rows (%c, %d) after () : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%i: tensor<4xf32>, %j: tensor<4xf32>):
      soc.yield %i : tensor<4xf32>
    }
    return %e : tensor<4xf32>
  }
}
