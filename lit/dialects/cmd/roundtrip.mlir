// Every example of the dialect's documentation parses, prints and verifies.
// RUN: tercet-opt %s --verify-roundtrip

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 64>

nn.weight @dense = dense<1.0> : tensor<6xf32>

soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  memref.copy %a, %b : memref<4xf32> to memref<4xf32>
  soc.return
}

cmd.pool @arena arena in "dram" for ["cpu"] bytes 4096 alignment 64 lower_bound 4096 method "greedy-by-size"
cmd.pool @weights weights in "dram" bytes 64 alignment 64 lower_bound 64 method "in order"

cmd.entry @empty {
}

cmd.entry @main partition #soc.proof<7, lower_bound = 7, "frontier"> schedule #soc.proof<9, lower_bound = 8, "annealing"> {
  %in = cmd.input 0 "x" : tensor<4xf32>
  %out = cmd.output 0 "y" : tensor<4xf32>
  %w = cmd.weight @dense @weights [0 for 24]
  %a = cmd.buffer @arena [64 for 128]
  %s = cmd.buffer @arena [192 for 64]
  %t = cmd.dispatch @kernel on "cpu" (%in, %a) offsets [0, 0] bytes [16, 16] grid [1, 1, 1] scratch (%s stride 64)
  %u = cmd.dispatch @kernel on "cpu" (%a, %out) offsets [0, 0] bytes [16, 16] grid [1, 1, 1] wait (%t) predicted_ps 1000
      start_ps 2000 among [#soc.alternative<"cpu", "chosen", cost_ps = 1000, "">]
  %v = cmd.copy %w [0] to %a [64] bytes 16 on "cpu" wait (%u)
}

// A state and a scalar.
soc.kernel @update(%a: memref<4xf32>, %c: memref<16xf32>, %r: memref<16xf32>, %p: index) attributes {engine = "cpu", num_inputs = 2 : i64, updates = 1 : i64, variant = #rows} {
  soc.return
}

cmd.pool @state state in "dram" bytes 64 alignment 64 lower_bound 64 method "in order"

cmd.entry @step {
  %in = cmd.input 0 "x" : tensor<4xf32>
  %c = cmd.state "cache" @state [0 for 64] : tensor<16xf32>
  %p = cmd.scalar "position" [0 to 12]
  %t = cmd.dispatch @update on "cpu" (%in, %c, %c) offsets [0, 0, 0] bytes [16, 64, 64] grid [1, 1, 1] scalars (%p)
}
