// RUN: tercet-opt %s --verify-schedule -split-input-file --verify-diagnostics

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

func.func @no_order(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{has no place in the queue of engine 'cpu'}}
  %0, %t = soc.task on "cpu" variant #rows (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a0: tensor<4xf32>):
    soc.yield %a0 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

func.func @descending(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0, %t = soc.task on "cpu" order 3 variant #rows (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a0: tensor<4xf32>):
    soc.yield %a0 : tensor<4xf32>
  }
  // expected-error @below {{has place 3 in the queue of engine 'cpu' behind place 3}}
  %1, %u = soc.task on "cpu" order 3 variant #rows (%0) after () : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a0: tensor<4xf32>):
    soc.yield %a0 : tensor<4xf32>
  }
  return %1 : tensor<4xf32>
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

// Engines run at the same time: what one writes the other must wait for, even
// where a view lies between.
func.func @no_token(%x: tensor<4xf32>) -> tensor<2x2xf32> {
  // expected-note @below {{written here}}
  %0, %t = soc.task on "cpu" order 0 variant #rows (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a0: tensor<4xf32>):
    soc.yield %a0 : tensor<4xf32>
  }
  %v = tensor.expand_shape %0 [[0, 1]] output_shape [2, 2] : tensor<4xf32> into tensor<2x2xf32>
  // expected-error @below {{reads what engine 'cpu' writes without waiting for it}}
  %1, %u = soc.task on "npu" order 0 variant #rows (%v) after () : (tensor<2x2xf32>) -> tensor<2x2xf32> {
  ^bb0(%a0: tensor<2x2xf32>):
    soc.yield %a0 : tensor<2x2xf32>
  }
  return %1 : tensor<2x2xf32>
}
