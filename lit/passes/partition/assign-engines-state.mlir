// RUN: tercet-opt %s --partition-assign-engines | FileCheck %s

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1,
  vector_bits = 256, vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 1000000000>

// Appending four rows of a cache of 4096 moves the four rows, and rotating them
// reads four rows of the tables: less than a tenth of a microsecond each at a
// byte in a nanosecond would not do for the 512 KiB of all.
// CHECK-LABEL: @append
// CHECK: soc.group on "cpu" variant <"rows", precision = f32, tiles = [{{.*}}], panels = [0, 0, 0], time_ps = {{[0-9][0-9][0-9][0-9][0-9][0-9][0-9]?}},
// CHECK: nn.rope
// CHECK: soc.group on "cpu" variant <"{{.*}}", precision = f16, tiles = [{{.*}}], panels = [0, 0], time_ps = {{[0-9][0-9][0-9][0-9][0-9][0-9]?}},
// CHECK: nn.cache_update
module attributes {soc.machine = #soc.machine<"board", workers = 1, engines = [#cpu], memories = [#dram]>} {
  func.func @append(%x: tensor<1x4x2x16xf32>, %t: tensor<1x4096x16xf32>, %p: index {nn.range = #nn.range<0, 4092>}, %c: tensor<1x4096x2x16xf16> {nn.name = "c", nn.state}) -> tensor<1x4096x2x16xf16> {
    %r = soc.group (%x, %t, %t) scalars (%p) : (tensor<1x4x2x16xf32>, tensor<1x4096x16xf32>, tensor<1x4096x16xf32>) -> tensor<1x4x2x16xf32> {
    ^bb0(%a: tensor<1x4x2x16xf32>, %s: tensor<1x4096x16xf32>, %d: tensor<1x4096x16xf32>, %q: index):
      %e = tensor.empty() : tensor<1x4x2x16xf32>
      %1 = nn.rope ins(%a, %s, %d : tensor<1x4x2x16xf32>, tensor<1x4096x16xf32>, tensor<1x4096x16xf32>) at %q outs(%e : tensor<1x4x2x16xf32>)
      soc.yield %1 : tensor<1x4x2x16xf32>
    }
    %0 = soc.group (%r, %c) scalars (%p) : (tensor<1x4x2x16xf32>, tensor<1x4096x2x16xf16>) -> tensor<1x4096x2x16xf16> {
    ^bb0(%a: tensor<1x4x2x16xf32>, %b: tensor<1x4096x2x16xf16>, %q: index):
      %1 = nn.cache_update ins(%a : tensor<1x4x2x16xf32>) at %q outs(%b : tensor<1x4096x2x16xf16>)
      soc.yield %1 : tensor<1x4096x2x16xf16>
    }
    return %0 : tensor<1x4096x2x16xf16>
  }
}
