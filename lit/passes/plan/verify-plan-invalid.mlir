// RUN: tercet-opt %s --verify-plan -split-input-file --verify-diagnostics

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
cmd.pool @arena arena in "dram" bytes 256 alignment 16 lower_bound 0 method "by hand"
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}
cmd.entry @main {
  %in = cmd.input 0 "x" : tensor<4xf32>
  %out = cmd.output 0 "y" : tensor<4xf32>
  // expected-note @below {{the buffer}}
  %a = cmd.buffer @arena [0 for 16]
  // expected-note @below {{the other buffer}}
  %b = cmd.buffer @arena [0 for 16]
  %t = cmd.dispatch @kernel on "cpu" (%in, %a) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
  %u = cmd.dispatch @kernel on "cpu" (%in, %b) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
  // expected-error @below {{reads bytes 0 to 16 of pool 'arena', where another buffer has been written since}}
  %v = cmd.dispatch @kernel on "cpu" (%a, %out) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
cmd.pool @arena arena in "dram" bytes 256 alignment 16 lower_bound 0 method "by hand"
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}
cmd.entry @main {
  %in = cmd.input 0 "x" : tensor<4xf32>
  %out = cmd.output 0 "y" : tensor<4xf32>
  // expected-note @below {{the buffer}}
  %a = cmd.buffer @arena [0 for 16]
  // expected-error @below {{reads bytes 0 to 16 of pool 'arena', where nothing has been written yet}}
  %t = cmd.dispatch @kernel on "cpu" (%a, %out) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
cmd.pool @arena arena in "dram" bytes 256 alignment 16 lower_bound 0 method "by hand"
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}
cmd.entry @main {
  %in = cmd.input 0 "x" : tensor<4xf32>
  %out = cmd.output 0 "y" : tensor<4xf32>
  %a = cmd.buffer @arena [0 for 32]
  %b = cmd.buffer @arena [16 for 16]
  %t = cmd.dispatch @kernel on "cpu" (%in, %a) offsets [0, 0] bytes [16, 32] grid [1, 1, 1]
  // Half of the bytes are another buffer's.
  // expected-error @below {{output 0 overlaps input 0, which the kernel cannot work on in place}}
  %u = cmd.dispatch @kernel on "cpu" (%a, %b) offsets [0, 0] bytes [32, 16] grid [1, 1, 1]
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
cmd.pool @arena arena in "dram" bytes 256 alignment 16 lower_bound 0 method "by hand"
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}
cmd.entry @main {
  %in = cmd.input 0 "x" : tensor<4xf32>
  %out = cmd.output 0 "y" : tensor<4xf32>
  %a = cmd.buffer @arena [0 for 16]
  %s = cmd.buffer @arena [0 for 64]
  %t = cmd.dispatch @kernel on "cpu" (%in, %a) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
  // expected-error @below {{scratch overlaps operand 0}}
  %u = cmd.dispatch @kernel on "cpu" (%a, %out) offsets [0, 0] bytes [16, 16] grid [1, 1, 1] scratch (%s stride 64)
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
cmd.pool @arena arena in "dram" bytes 256 alignment 16 lower_bound 0 method "by hand"
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>, %c: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}
cmd.entry @main {
  %in = cmd.input 0 "x" : tensor<4xf32>
  %a = cmd.buffer @arena [0 for 16]
  %b = cmd.buffer @arena [0 for 16]
  // expected-error @below {{outputs 0 and 1 overlap}}
  %t = cmd.dispatch @kernel on "cpu" (%in, %a, %b) offsets [0, 0, 0] bytes [16, 16, 16] grid [1, 1, 1]
}

// -----

nn.weight @v = dense<1.0> : tensor<4xf32>
nn.weight @w = dense<1.0> : tensor<4xf32>
cmd.pool @weights weights in "dram" bytes 64 alignment 8 lower_bound 0 method "by hand"
cmd.entry @main {
  %v = cmd.weight @v @weights [0 for 16]
  // expected-error @below {{overlaps the weight before it}}
  %w = cmd.weight @w @weights [8 for 16]
}

// -----

nn.weight @v = dense<1.0> : tensor<4xf32>
nn.weight @w = dense<1.0> : tensor<4xf32>
cmd.pool @weights weights in "dram" bytes 64 alignment 8 lower_bound 0 method "by hand"
cmd.entry @main {
  %v = cmd.weight @v @weights [0 for 16]
  // expected-error @below {{lies where @v does}}
  %w = cmd.weight @w @weights [0 for 16]
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
cmd.pool @arena arena in "dram" bytes 256 alignment 16 lower_bound 0 method "by hand"
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}

// The application gets no byte that nobody has written.
cmd.entry @main {
  %in = cmd.input 0 "x" : tensor<4xf32>
  // expected-error @below {{'cmd.output' op is not written whole}}
  %out = cmd.output 0 "y" : tensor<4xf32>
  %t = cmd.copy %in [0] to %out [0] bytes 12 on "cpu"
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
cmd.pool @arena arena in "dram" bytes 256 alignment 16 lower_bound 0 method "by hand"
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}

cmd.entry @main {
  // expected-note @below {{an input or a weight}}
  %in = cmd.input 0 "x" : tensor<4xf32>
  %out = cmd.output 0 "y" : tensor<4xf32>
  %t = cmd.dispatch @kernel on "cpu" (%in, %out) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
  // expected-error @below {{writes what is only read}}
  %u = cmd.copy %out [0] to %in [0] bytes 16 on "cpu"
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
cmd.pool @arena arena in "dram" bytes 256 alignment 16 lower_bound 0 method "by hand"
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}

// An output can be read, once it is there.
cmd.entry @main {
  // expected-note @below {{the buffer}}
  %y = cmd.output 0 "y" : tensor<4xf32>
  %z = cmd.output 1 "z" : tensor<4xf32>
  // expected-error @below {{reads bytes 0 to 16 of output 'y', where nothing has been written yet}}
  %t = cmd.copy %y [0] to %z [0] bytes 16 on "cpu"
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 5, scratch_bytes = 0>
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}
cmd.pool @arena arena in "dram" for ["other"] bytes 64 alignment 64 lower_bound 64 method "by hand"
cmd.entry @pool_of_others {
  %in = cmd.input 0 "x" : tensor<4xf32>
  %a = cmd.buffer @arena [0 for 16]
  // expected-error @below {{uses pool 'arena', which is not for engine 'cpu'}}
  %t = cmd.dispatch @kernel on "cpu" (%in, %a) offsets [0, 0] bytes [16, 16] grid [1, 1, 1]
}

// -----

// Weights that stay in an engine's own memory share it with the arena.
#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 1, cache_bytes_per_second = 0,
  operations_per_second = {}, efficiency_percent = {}>
#cpu = #soc.engine<"cpu", target = "vendor", kind = "cpu", memories = ["dram"], performance = #figures, properties = {}>
#npu = #soc.engine<"npu", target = "vendor", kind = "npu", memories = ["tcm", "dram"], performance = #figures, properties = {}>
#dram = #soc.memory<"dram", bytes = 64, alignment = 64, bandwidth_bytes_per_second = 0>
#tcm = #soc.memory<"tcm", bytes = 1024, alignment = 128, bandwidth_bytes_per_second = 0>
module attributes {soc.machine = #soc.machine<"board", workers = 1, engines = [#cpu, #npu], memories = [#dram, #tcm]>} {
  cmd.pool @arena arena in "dram" bytes 256 alignment 16 lower_bound 0 method "by hand"
  cmd.pool @arena_tcm arena in "tcm" bytes 768 alignment 128 lower_bound 0 method "by hand"
  // expected-error @below {{with those before it takes 1152 bytes of memory 'tcm', which has 1024}}
  cmd.pool @weights_npu_tcm weights in "tcm" for ["npu"] bytes 384 alignment 128 lower_bound 0 method "by hand"
}
