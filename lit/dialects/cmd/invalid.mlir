// RUN: tercet-opt %s -split-input-file --verify-diagnostics

// expected-error @below {{expected a size of at least 0 and an alignment that is a power of two}}
cmd.pool @arena arena in "dram" bytes 128 alignment 48 lower_bound 0 method ""

// -----

// expected-error @below {{expected a size of at least 0 and an alignment that is a power of two}}
cmd.pool @arena arena in "dram" bytes -1 alignment 64 lower_bound -1 method ""

// -----

// expected-error @below {{lower bound 129 is above the size 128}}
cmd.pool @arena arena in "dram" bytes 128 alignment 64 lower_bound 129 method ""

// -----

cmd.entry @main {
  // expected-error @below {{no cmd.pool @nowhere in this module}}
  %a = cmd.buffer @nowhere [0 for 16]
}

// -----

cmd.pool @arena arena in "dram" bytes 128 alignment 64 lower_bound 0 method "by hand"
cmd.entry @main {
  // expected-error @below {{[64 for 128] exceeds pool 'arena' of 128 bytes}}
  %a = cmd.buffer @arena [64 for 128]
}

// -----

cmd.pool @arena arena in "dram" bytes 128 alignment 64 lower_bound 0 method "by hand"
cmd.entry @main {
  // expected-error @below {{[-64 for 16] exceeds pool 'arena' of 128 bytes}}
  %a = cmd.buffer @arena [-64 for 16]
}

// -----

cmd.pool @arena arena in "dram" bytes 128 alignment 64 lower_bound 0 method "by hand"
cmd.entry @main {
  // expected-error @below {{offset 32 is not aligned to 64}}
  %a = cmd.buffer @arena [32 for 16]
}

// -----

cmd.entry @main {
  // expected-error @below {{no cmd.pool @nowhere in this module}}
  %a = cmd.weight @w @nowhere [0 for 16]
}

// -----

cmd.pool @arena arena in "dram" bytes 128 alignment 64 lower_bound 0 method "by hand"
cmd.entry @main {
  // expected-error @below {{no nn.weight @w in this module}}
  %a = cmd.weight @w @arena [0 for 16]
}

// -----

cmd.pool @arena arena in "dram" bytes 128 alignment 64 lower_bound 0 method "by hand"
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}
cmd.entry @main {
  %a = cmd.buffer @arena [0 for 16]
  // expected-error @below {{expected an offset and a size for each of 2 operands}}
  %t = cmd.dispatch @kernel on "cpu" (%a, %a) offsets [0] bytes [16, 16] grid [1, 1, 1]
}

// -----

cmd.pool @arena arena in "dram" bytes 128 alignment 64 lower_bound 0 method "by hand"
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}
cmd.entry @main {
  %a = cmd.buffer @arena [0 for 16]
  // expected-error @below {{expected a grid of three numbers above 0}}
  %t = cmd.dispatch @kernel on "cpu" (%a, %a) offsets [0, 0] bytes [16, 16] grid [1, 0, 1]
}

// -----

cmd.pool @arena arena in "dram" bytes 128 alignment 64 lower_bound 0 method "by hand"
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}
cmd.entry @main {
  %a = cmd.buffer @arena [0 for 16]
  // expected-error @below {{expected a scratch stride above 0 exactly where there is scratch}}
  %t = cmd.dispatch @kernel on "cpu" (%a, %a) offsets [0, 0] bytes [16, 16] grid [1, 1, 1] scratch (%a stride 0)
}

// -----

cmd.pool @arena arena in "dram" bytes 128 alignment 64 lower_bound 0 method "by hand"
cmd.entry @main {
  %a = cmd.buffer @arena [0 for 16]
  // expected-error @below {{no kernel @nowhere in this module}}
  %t = cmd.dispatch @nowhere on "cpu" (%a, %a) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
}

// -----

cmd.pool @arena arena in "dram" bytes 128 alignment 64 lower_bound 0 method "by hand"
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}
cmd.entry @main {
  %a = cmd.buffer @arena [0 for 16]
  // expected-error @below {{expected 2 operands and 0 scalars, got 1 and 0}}
  %t = cmd.dispatch @kernel on "cpu" (%a) offsets [0] bytes [16] grid [1, 1, 1]
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
cmd.pool @arena arena in "dram" bytes 128 alignment 64 lower_bound 0 method "by hand"
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}
cmd.entry @main {
  %a = cmd.buffer @arena [0 for 16]
  %x = cmd.input 0 "x" : tensor<4xf32>
  // expected-error @below {{operand 1: [8 for 16] exceeds a buffer of 16 bytes}}
  %t = cmd.dispatch @kernel on "cpu" (%x, %a) offsets [0, 8] bytes [16, 16] grid [1, 1, 1]
}

// -----

cmd.pool @arena arena in "dram" bytes 128 alignment 64 lower_bound 0 method "by hand"
cmd.entry @main {
  %a = cmd.buffer @arena [0 for 16]
  %y = cmd.output 0 "y" : tensor<4xf16>
  // expected-error @below {{target: [0 for 16] exceeds a buffer of 8 bytes}}
  %t = cmd.copy %a [0] to %y [0] bytes 16 on "cpu"
}

// -----

// Buffers and commands belong to an entry.
cmd.pool @arena arena in "dram" bytes 128 alignment 64 lower_bound 0 method "by hand"
// expected-error @below {{'cmd.buffer' op expects parent op 'cmd.entry'}}
%a = cmd.buffer @arena [0 for 16]

// -----

// expected-error @below {{'cmd.input' op expects parent op 'cmd.entry'}}
%a = cmd.input 0 "x" : tensor<4xf32>

// -----

cmd.pool @arena arena in "dram" bytes 64 alignment 64 lower_bound 64 method ""
cmd.entry @main {
  // expected-error @below {{no cmd.pool @arena for state in this module}}
  %c = cmd.state "cache" @arena [0 for 64] : tensor<16xf32>
}

// -----

cmd.pool @state state in "dram" bytes 64 alignment 64 lower_bound 64 method ""
cmd.entry @main {
  // expected-error @below {{expected the bytes of 'tensor<16xf32>', got 32}}
  %c = cmd.state "cache" @state [0 for 32] : tensor<16xf32>
}

// -----

cmd.entry @main {
  // expected-error @below {{expected a range that is not empty, got 4 to 3}}
  %p = cmd.scalar "position" [4 to 3]
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
soc.kernel @k(%x: memref<4xf32>, %y: memref<4xf32>, %p: index) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}
cmd.entry @main {
  %x = cmd.input 0 "x" : tensor<4xf32>
  %y = cmd.output 0 "y" : tensor<4xf32>
  // expected-error @below {{expected 2 operands and 1 scalars, got 2 and 0}}
  %t = cmd.dispatch @k on "cpu" (%x, %y) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
}
