// RUN: tercet-opt %s -split-input-file --verify-diagnostics

func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{'soc.group' op expected block arguments of the types of its inputs}}
  %0 = soc.group (%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%y: tensor<5xf32>):
    soc.yield %y : tensor<5xf32>
  }
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{'soc.group' op expected to yield values of the types of its results}}
  %0 = soc.group (%x) : (tensor<4xf32>) -> tensor<5xf32> {
  ^bb0(%y: tensor<4xf32>):
    soc.yield %y : tensor<4xf32>
  }
  return
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{'soc.task' op expected to yield values of the types of its results}}
  %0, %t = soc.task on "cpu" variant #rows (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%y: tensor<4xf32>):
    soc.yield
  }
  return
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0, %t = soc.task on "cpu" variant #rows (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    // expected-error @below {{no soc.kernel @nowhere in this module}}
    %1 = soc.call @nowhere ins(%a : tensor<4xf32>) outs(%a : tensor<4xf32>) -> tensor<4xf32>
    soc.yield %a : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
// expected-note @below {{kernel defined here}}
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0, %t = soc.task on "cpu" variant #rows (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    // expected-error @below {{operands differ from the kernel's arguments in number}}
    %1 = soc.call @kernel ins(%a, %a : tensor<4xf32>, tensor<4xf32>) outs(%a : tensor<4xf32>) -> tensor<4xf32>
    soc.yield %a : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
// expected-note @below {{kernel defined here}}
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0, %t = soc.task on "cpu" variant #rows (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %e = tensor.empty() : tensor<5xf32>
    // expected-error @below {{operands differ from the kernel's arguments in type}}
    %1 = soc.call @kernel ins(%a : tensor<4xf32>) outs(%e : tensor<5xf32>) -> tensor<5xf32>
    soc.yield %a : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
// expected-error @below {{num_inputs is 3 of 1 arguments}}
soc.kernel @kernel(%a: memref<4xf32>) attributes {engine = "cpu", num_inputs = 3 : i64, variant = #rows} {
  soc.return
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
// expected-error @below {{a kernel returns nothing; it writes its last arguments}}
soc.kernel @kernel(%a: memref<4xf32>) -> f32 attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
// expected-error @below {{expected arguments to be row-major memrefs of static shape, got 'memref<?xf32>'}}
soc.kernel @kernel(%a: memref<?xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{'soc.group' op has shares beside an engine or a variant of its own}}
  %0 = soc.group on "cpu" shares [#soc.share<"cpu", begin = 0, size = 4, variant = #rows>] (%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%y: tensor<4xf32>):
    soc.yield %y : tensor<4xf32>
  }
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{'soc.group' op expected a result}}
  soc.group (%x) : (tensor<4xf32>) -> () {
  ^bb0(%y: tensor<4xf32>):
    soc.yield
  }
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{'soc.group' op expected at least one share}}
  %0 = soc.group shares [] (%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%y: tensor<4xf32>):
    soc.yield %y : tensor<4xf32>
  }
  return
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
func.func @f(%x: tensor<4xf32>, %t: !soc.token) {
  // expected-error @below {{'soc.task' op waits for a token that no task signals}}
  %0, %u = soc.task on "cpu" variant #rows (%x) after (%t) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%y: tensor<4xf32>):
    soc.yield %y : tensor<4xf32>
  }
  return
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
func.func @f(%x: tensor<?xf32>) {
  // expected-error @below {{'soc.task' op operand #0 must be variadic of statically shaped tensor of any type values, but got 'tensor<?xf32>'}}
  %0, %u = soc.task on "cpu" variant #rows (%x) after () : (tensor<?xf32>) -> tensor<?xf32> {
  ^bb0(%y: tensor<?xf32>):
    soc.yield %y : tensor<?xf32>
  }
  return
}

// -----

// expected-error @below {{expected resident_bytes or granularity, got bytes}}
#v = #soc.variant<"v", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0, bytes = 1>

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
// expected-error @below {{in_place names input 1 of 1}}
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows, in_place = array<i64: 1>} {
  soc.return
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
// expected-error @below {{expected scratch of at least 0 bytes}}
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows, scratch_bytes = -64 : i64} {
  soc.return
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
// expected-error @below {{expected in alignments a power of two for each of 2 memories}}
soc.kernel @kernel(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows, alignments = array<i64: 16, 12>} {
  soc.return
}

// -----

func.func @f(%x: tensor<4xf32>, %p: index) {
  // expected-error @below {{'soc.group' op expected block arguments of the types of its inputs and scalars}}
  %0 = soc.group (%x) scalars (%p) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%y: tensor<4xf32>):
    soc.yield %y : tensor<4xf32>
  }
  return
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
// expected-error @below {{expected scalars after all memrefs}}
soc.kernel @k(%p: index, %x: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
// expected-error @below {{updates names input 0 of 1, which must have the type of the first output}}
soc.kernel @k(%x: memref<4xf32>, %y: memref<5xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, updates = 0 : i64, variant = #rows} {
  soc.return
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
// expected-note @below {{kernel defined here}}
soc.kernel @k(%x: memref<4xf32>, %y: memref<4xf32>, %p: index) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  soc.return
}
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0, %t = soc.task on "cpu" variant #rows (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%y: tensor<4xf32>):
    %e = tensor.empty() : tensor<4xf32>
    // expected-error @below {{operands differ from the kernel's arguments in number}}
    %1 = soc.call @k ins(%y : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
    soc.yield %1 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// -----

func.func @another_field(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{expected another field, got 'types'}}
  %0 = soc.group precisions [#soc.precision<"f32", types = []>] (%x) : (tensor<4xf32>) -> tensor<4xf32> {
  }
  return %0 : tensor<4xf32>
}

// -----

func.func @twice(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{'reason' is there twice}}
  %0 = soc.group precisions [#soc.precision<"f32", reason = "a", reason = "b">] (%x) : (tensor<4xf32>) -> tensor<4xf32> {
  }
  return %0 : tensor<4xf32>
}
