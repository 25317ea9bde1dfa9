// RUN: tercet-opt %s --verify-plan | FileCheck %s

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
cmd.pool @arena arena in "dram" bytes 256 alignment 16 lower_bound 0 method "by hand"
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}

// A token orders a read after the write.
// CHECK-LABEL: cmd.entry @read_after_write
cmd.entry @read_after_write {
  %in = cmd.input 0 "x" : tensor<4xf32>
  %out = cmd.output 0 "y" : tensor<4xf32>
  %a = cmd.buffer @arena [0 for 16]
  %t = cmd.dispatch @kernel on "p" (%in, %a) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
  %u = cmd.dispatch @kernel on "q" (%a, %out) offsets [0, 0] bytes [16, 16] grid [1, 1, 1] wait (%t)
}

// A write after the last read of what was there before: two buffers at one
// place, in two queues.
// CHECK-LABEL: cmd.entry @write_after_read
cmd.entry @write_after_read {
  %in = cmd.input 0 "x" : tensor<4xf32>
  %out = cmd.output 0 "y" : tensor<4xf32>
  %a = cmd.buffer @arena [0 for 16]
  %b = cmd.buffer @arena [0 for 16]
  %other = cmd.output 1 "z" : tensor<4xf32>
  %t = cmd.dispatch @kernel on "p" (%in, %a) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
  %u = cmd.dispatch @kernel on "p" (%a, %out) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
  %v = cmd.dispatch @kernel on "q" (%in, %b) offsets [0, 0] bytes [16, 16] grid [1, 1, 1] wait (%u)
  %w = cmd.dispatch @kernel on "q" (%b, %other) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
}

// A write after a write that nobody read.
// CHECK-LABEL: cmd.entry @write_after_write
cmd.entry @write_after_write {
  %in = cmd.input 0 "x" : tensor<4xf32>
  %out = cmd.output 0 "y" : tensor<4xf32>
  %a = cmd.buffer @arena [0 for 16]
  %b = cmd.buffer @arena [0 for 16]
  %t = cmd.dispatch @kernel on "p" (%in, %a) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
  %u = cmd.dispatch @kernel on "q" (%in, %b) offsets [0, 0] bytes [16, 16] grid [1, 1, 1] wait (%t)
  %v = cmd.dispatch @kernel on "q" (%b, %out) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
}

// A token carries what its command has waited for, here through a third queue.
// CHECK-LABEL: cmd.entry @through_a_third
cmd.entry @through_a_third {
  %in = cmd.input 0 "x" : tensor<4xf32>
  %out = cmd.output 0 "y" : tensor<4xf32>
  %a = cmd.buffer @arena [0 for 16]
  %c = cmd.buffer @arena [16 for 16]
  %t = cmd.dispatch @kernel on "p" (%in, %a) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
  %u = cmd.dispatch @kernel on "r" (%in, %c) offsets [0, 0] bytes [16, 16] grid [1, 1, 1] wait (%t)
  %v = cmd.dispatch @kernel on "q" (%a, %out) offsets [0, 0] bytes [16, 16] grid [1, 1, 1] wait (%u)
}

// Reads need no order among each other.
// CHECK-LABEL: cmd.entry @readers
cmd.entry @readers {
  %in = cmd.input 0 "x" : tensor<4xf32>
  %out = cmd.output 0 "y" : tensor<4xf32>
  %a = cmd.buffer @arena [0 for 16]
  %other = cmd.output 1 "z" : tensor<4xf32>
  %t = cmd.dispatch @kernel on "p" (%in, %a) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
  %u = cmd.dispatch @kernel on "q" (%a, %out) offsets [0, 0] bytes [16, 16] grid [1, 1, 1] wait (%t)
  %v = cmd.dispatch @kernel on "r" (%a, %other) offsets [0, 0] bytes [16, 16] grid [1, 1, 1] wait (%t)
}

// Nor do commands on other bytes, of the arena or of an output.
// CHECK-LABEL: cmd.entry @apart
cmd.entry @apart {
  %in = cmd.input 0 "x" : tensor<4xf32>
  %out = cmd.output 0 "y" : tensor<4xf32>
  %a = cmd.buffer @arena [0 for 32]
  %t = cmd.dispatch @kernel on "p" (%in, %a) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
  %u = cmd.dispatch @kernel on "q" (%in, %a) offsets [0, 16] bytes [16, 16] grid [1, 1, 1]
  %v = cmd.copy %a [0] to %out [0] bytes 8 on "p"
  %w = cmd.copy %a [16] to %out [8] bytes 8 on "q"
}

// No bytes meet nothing, wherever they are.
// CHECK-LABEL: cmd.entry @nothing
cmd.entry @nothing {
  %in = cmd.input 0 "x" : tensor<4xf32>
  %out = cmd.output 0 "y" : tensor<4xf32>
  %a = cmd.buffer @arena [0 for 16]
  %none = cmd.buffer @arena [0 for 0]
  %t = cmd.dispatch @kernel on "p" (%in, %a) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
  %u = cmd.copy %none [0] to %none [0] bytes 0 on "q"
  %v = cmd.dispatch @kernel on "p" (%a, %out) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
}
