// RUN: tercet-opt %s --partition-apply-placement -split-input-file --verify-diagnostics

func.func @undecided(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{has no engine and variant yet; run partition-assign-engines}}
  %0 = soc.group (%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%y: tensor<4xf32>):
    soc.yield %y : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// -----

#none = #soc.variant<"none", precision = f32, tiles = [1], panels = [], time_ps = 1, scratch_bytes = 0>

func.func @panels(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{variant 'none' has a layout for 0 of 1 inputs}}
  %0 = soc.group on "cpu" variant #none (%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%y: tensor<4xf32>):
    soc.yield %y : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// -----

#packed = #soc.variant<"packed", precision = f32, tiles = [0, 0], panels = [16, 0], time_ps = 1, scratch_bytes = 0>

// Only what is known at compile time can be put into panels.
func.func @no_weight(%w: tensor<8x16xf32>, %x: tensor<4x8xf32>) -> tensor<8x16xf32> {
  // expected-error @below {{input 0 is wanted in panels but is no weight}}
  %0 = soc.group on "cpu" variant #packed (%w, %x) : (tensor<8x16xf32>, tensor<4x8xf32>) -> tensor<8x16xf32> {
  ^bb0(%a: tensor<8x16xf32>, %b: tensor<4x8xf32>):
    soc.yield %a : tensor<8x16xf32>
  }
  return %0 : tensor<8x16xf32>
}

// -----

#packed = #soc.variant<"packed", precision = f32, tiles = [0, 0], panels = [16], time_ps = 1, scratch_bytes = 0>

nn.weight @w = dense<1.0> : tensor<8x16xf32>

// And only where a product reads it as its right-hand side.
func.func @no_product() -> tensor<8x16xf32> {
  %w = nn.get_weight @w : tensor<8x16xf32>
  // expected-error @below {{input 0 is wanted in panels but is no right-hand side}}
  %0 = soc.group on "cpu" variant #packed (%w) : (tensor<8x16xf32>) -> tensor<8x16xf32> {
  ^bb0(%a: tensor<8x16xf32>):
    soc.yield %a : tensor<8x16xf32>
  }
  return %0 : tensor<8x16xf32>
}
