// RUN: tercet-opt %s --verify-plan | FileCheck %s

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
cmd.pool @arena arena in "dram" bytes 256 alignment 16 lower_bound 0 method "by hand"

// One after another in the same bytes, and in place where the kernel can.
// CHECK-LABEL: cmd.entry @accepted
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows, in_place = array<i64: 0>} {
  soc.return
}
cmd.entry @accepted {
  %in = cmd.input 0 "x" : tensor<4xf32>
  %out = cmd.output 0 "y" : tensor<4xf32>
  %a = cmd.buffer @arena [0 for 16]
  %b = cmd.buffer @arena [0 for 16]
  %t = cmd.dispatch @kernel on "cpu" (%in, %a) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
  %u = cmd.dispatch @kernel on "cpu" (%a, %b) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
  %v = cmd.dispatch @kernel on "cpu" (%b, %out) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
  %w = cmd.dispatch @kernel on "cpu" (%in, %a) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
  %z = cmd.copy %a [0] to %out [0] bytes 16 on "cpu"
}
