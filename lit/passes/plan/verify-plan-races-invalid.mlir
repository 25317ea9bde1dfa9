// RUN: tercet-opt %s --verify-plan -split-input-file --verify-diagnostics

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
cmd.pool @arena arena in "dram" bytes 256 alignment 16 lower_bound 0 method "by hand"
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}

// Read after write: the other queue may not have written yet.
cmd.entry @main {
  %in = cmd.input 0 "x" : tensor<4xf32>
  %out = cmd.output 0 "y" : tensor<4xf32>
  %a = cmd.buffer @arena [0 for 16]
  // expected-note @below {{the other command, for which it does not wait}}
  %t = cmd.dispatch @kernel on "p" (%in, %a) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
  // expected-error @below {{reads bytes 0 to 16 of pool 'arena' while a command of another queue may be using them}}
  %u = cmd.dispatch @kernel on "q" (%a, %out) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
cmd.pool @arena arena in "dram" bytes 256 alignment 16 lower_bound 0 method "by hand"
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}

// Write after read: the other queue may still be reading.
cmd.entry @main {
  %in = cmd.input 0 "x" : tensor<4xf32>
  %out = cmd.output 0 "y" : tensor<4xf32>
  %a = cmd.buffer @arena [0 for 16]
  %b = cmd.buffer @arena [0 for 16]
  %c = cmd.buffer @arena [16 for 16]
  %t = cmd.dispatch @kernel on "p" (%in, %a) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
  // expected-note @below {{the other command, for which it does not wait}}
  %u = cmd.dispatch @kernel on "p" (%a, %out) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
  // expected-error @below {{writes bytes 0 to 16 of pool 'arena' while a command of another queue may be using them}}
  %v = cmd.dispatch @kernel on "q" (%in, %b) offsets [0, 0] bytes [16, 16] grid [1, 1, 1] wait (%t)
  %w = cmd.dispatch @kernel on "q" (%b, %c) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
cmd.pool @arena arena in "dram" bytes 256 alignment 16 lower_bound 0 method "by hand"
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}

// Write after write: either may come last.
cmd.entry @main {
  %in = cmd.input 0 "x" : tensor<4xf32>
  %out = cmd.output 0 "y" : tensor<4xf32>
  %a = cmd.buffer @arena [0 for 16]
  %b = cmd.buffer @arena [0 for 16]
  // expected-note @below {{the other command, for which it does not wait}}
  %t = cmd.dispatch @kernel on "p" (%in, %a) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
  // expected-error @below {{writes bytes 0 to 16 of pool 'arena' while a command of another queue may be using them}}
  %u = cmd.dispatch @kernel on "q" (%in, %b) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
  %v = cmd.dispatch @kernel on "q" (%b, %out) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
cmd.pool @arena arena in "dram" bytes 256 alignment 16 lower_bound 0 method "by hand"
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}

// A token says nothing of what its queue does afterwards.
cmd.entry @main {
  %in = cmd.input 0 "x" : tensor<4xf32>
  %out = cmd.output 0 "y" : tensor<4xf32>
  %a = cmd.buffer @arena [0 for 16]
  %c = cmd.buffer @arena [16 for 16]
  %t = cmd.dispatch @kernel on "p" (%in, %c) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
  // expected-note @below {{the other command, for which it does not wait}}
  %u = cmd.dispatch @kernel on "p" (%in, %a) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
  // expected-error @below {{reads bytes 0 to 16 of pool 'arena' while a command of another queue may be using them}}
  %v = cmd.dispatch @kernel on "q" (%a, %out) offsets [0, 0] bytes [16, 16] grid [1, 1, 1] wait (%t)
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
cmd.pool @arena arena in "dram" bytes 256 alignment 16 lower_bound 0 method "by hand"
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}

// Of a copy the same holds, and one byte in common is enough.
cmd.entry @main {
  %in = cmd.input 0 "x" : tensor<4xf32>
  %out = cmd.output 0 "y" : tensor<4xf32>
  %a = cmd.buffer @arena [0 for 32]
  %b = cmd.buffer @arena [16 for 16]
  // expected-note @below {{the other command, for which it does not wait}}
  %t = cmd.copy %in [0] to %a [1] bytes 16 on "p"
  // expected-error @below {{writes bytes 16 to 32 of pool 'arena' while a command of another queue may be using them}}
  %u = cmd.copy %in [0] to %b [0] bytes 16 on "q"
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
cmd.pool @arena arena in "dram" bytes 256 alignment 16 lower_bound 0 method "by hand"
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}

// Outputs are memory like any other.
cmd.entry @main {
  %in = cmd.input 0 "x" : tensor<4xf32>
  %out = cmd.output 0 "y" : tensor<4xf32>
  // expected-note @below {{the other command, for which it does not wait}}
  %t = cmd.dispatch @kernel on "p" (%in, %out) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
  // expected-error @below {{writes bytes 0 to 16 of output 'y' while a command of another queue may be using them}}
  %u = cmd.dispatch @kernel on "q" (%in, %out) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
cmd.pool @arena arena in "dram" bytes 256 alignment 16 lower_bound 0 method "by hand"
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}

// The scratch of a task too.
cmd.entry @main {
  %in = cmd.input 0 "x" : tensor<4xf32>
  %out = cmd.output 0 "y" : tensor<4xf32>
  %a = cmd.buffer @arena [0 for 16]
  %s = cmd.buffer @arena [0 for 64]
  // expected-note @below {{the other command, for which it does not wait}}
  %t = cmd.dispatch @kernel on "p" (%in, %out) offsets [0, 0] bytes [16, 16] grid [1, 1, 1] scratch (%s stride 64)
  // expected-error @below {{writes bytes 0 to 16 of pool 'arena' while a command of another queue may be using them}}
  %u = cmd.dispatch @kernel on "q" (%in, %a) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
}
