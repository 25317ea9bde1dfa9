// RUN: tercet-opt %s --verify-plan -split-input-file --verify-diagnostics

#v = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0, 0], time_ps = 1, scratch_bytes = 0>
cmd.pool @state state in "dram" bytes 128 alignment 64 lower_bound 128 method "in order"
soc.kernel @update(%x: memref<4xf32>, %c: memref<16xf32>, %r: memref<16xf32>) attributes {engine = "cpu", num_inputs = 2 : i64, updates = 1 : i64, variant = #v} {
  soc.return
}
cmd.entry @moved {
  %x = cmd.input 0 "x" : tensor<4xf32>
  %c = cmd.state "cache" @state [0 for 64] : tensor<16xf32>
  %d = cmd.state "other" @state [64 for 64] : tensor<16xf32>
  // expected-error @below {{output 0 is not in the memory of input 1, which the kernel updates}}
  %t = cmd.dispatch @update on "cpu" (%x, %c, %d) offsets [0, 0, 0] bytes [16, 64, 64] grid [1, 1, 1]
}

// -----

// Two states in one place: the second's readers would find the first's rows.
#v = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
cmd.pool @state state in "dram" bytes 64 alignment 64 lower_bound 64 method "in order"
soc.kernel @write(%x: memref<16xf32>, %r: memref<16xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  soc.return
}
cmd.entry @overlap {
  %x = cmd.input 0 "x" : tensor<16xf32>
  %y = cmd.output 0 "y" : tensor<16xf32>
  // expected-note @below {{the other buffer}}
  %c = cmd.state "cache" @state [0 for 64] : tensor<16xf32>
  // expected-note @below {{the buffer}}
  %d = cmd.state "other" @state [0 for 64] : tensor<16xf32>
  %t = cmd.dispatch @write on "cpu" (%x, %c) offsets [0, 0] bytes [64, 64] grid [1, 1, 1]
  // expected-error @below {{reads bytes 0 to 64 of state 'other', where another buffer has been written since}}
  %u = cmd.dispatch @write on "cpu" (%d, %y) offsets [0, 0] bytes [64, 64] grid [1, 1, 1]
}
