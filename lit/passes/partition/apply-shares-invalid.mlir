// RUN: tercet-opt %s --partition-apply-shares -split-input-file --verify-diagnostics

#v = #soc.variant<"v", precision = f32, tiles = [0, 0], panels = [0], time_ps = 1, scratch_bytes = 0>

func.func @gap(%x: tensor<6x8xf32>) -> tensor<6x8xf32> {
  // expected-error @below {{expected the share on engine 'b' to begin at row 2, got 3}}
  %0 = soc.group shares [#soc.share<"a", begin = 0, size = 2, variant = #v>, #soc.share<"b", begin = 3, size = 3, variant = #v>] (%x) : (tensor<6x8xf32>) -> tensor<6x8xf32> {
  ^bb0(%y: tensor<6x8xf32>):
    %e = tensor.empty() : tensor<6x8xf32>
    %1 = linalg.exp ins(%y : tensor<6x8xf32>) outs(%e : tensor<6x8xf32>) -> tensor<6x8xf32>
    soc.yield %1 : tensor<6x8xf32>
  }
  return %0 : tensor<6x8xf32>
}

// -----

#v = #soc.variant<"v", precision = f32, tiles = [0, 0], panels = [0], time_ps = 1, scratch_bytes = 0>

func.func @overlap(%x: tensor<6x8xf32>) -> tensor<6x8xf32> {
  // expected-error @below {{expected the share on engine 'b' to begin at row 4, got 3}}
  %0 = soc.group shares [#soc.share<"a", begin = 0, size = 4, variant = #v>, #soc.share<"b", begin = 3, size = 3, variant = #v>] (%x) : (tensor<6x8xf32>) -> tensor<6x8xf32> {
  ^bb0(%y: tensor<6x8xf32>):
    soc.yield %y : tensor<6x8xf32>
  }
  return %0 : tensor<6x8xf32>
}

// -----

#v = #soc.variant<"v", precision = f32, tiles = [0, 0], panels = [0], time_ps = 1, scratch_bytes = 0>

func.func @too_few(%x: tensor<6x8xf32>) -> tensor<6x8xf32> {
  // expected-error @below {{its shares cover 5 of 6 rows}}
  %0 = soc.group shares [#soc.share<"a", begin = 0, size = 5, variant = #v>] (%x) : (tensor<6x8xf32>) -> tensor<6x8xf32> {
  ^bb0(%y: tensor<6x8xf32>):
    soc.yield %y : tensor<6x8xf32>
  }
  return %0 : tensor<6x8xf32>
}

// -----

#v = #soc.variant<"v", precision = f32, tiles = [0, 0], panels = [0], time_ps = 1, scratch_bytes = 0>

// Numbers near the end of their range are no way around that.
func.func @too_many(%x: tensor<6x8xf32>) -> tensor<6x8xf32> {
  // expected-error @below {{expected the share on engine 'b' to have 1 to 1 rows, got 9223372036854775807}}
  %0 = soc.group shares [#soc.share<"a", begin = 0, size = 5, variant = #v>, #soc.share<"b", begin = 5, size = 9223372036854775807, variant = #v>] (%x) : (tensor<6x8xf32>) -> tensor<6x8xf32> {
  ^bb0(%y: tensor<6x8xf32>):
    soc.yield %y : tensor<6x8xf32>
  }
  return %0 : tensor<6x8xf32>
}

// -----

#v = #soc.variant<"v", precision = f32, tiles = [0, 0], panels = [0], time_ps = 1, scratch_bytes = 0>

func.func @empty_share(%x: tensor<6x8xf32>) -> tensor<6x8xf32> {
  // expected-error @below {{expected the share on engine 'a' to have 1 to 6 rows, got 0}}
  %0 = soc.group shares [#soc.share<"a", begin = 0, size = 0, variant = #v>, #soc.share<"b", begin = 0, size = 6, variant = #v>] (%x) : (tensor<6x8xf32>) -> tensor<6x8xf32> {
  ^bb0(%y: tensor<6x8xf32>):
    soc.yield %y : tensor<6x8xf32>
  }
  return %0 : tensor<6x8xf32>
}

// -----

#v = #soc.variant<"v", precision = f32, tiles = [], panels = [0], time_ps = 1, scratch_bytes = 0>

// One element has no rows.
func.func @one_element(%x: tensor<1x1xf32>) -> tensor<1x1xf32> {
  // expected-error @below {{has shares, but no rows to share}}
  %0 = soc.group shares [#soc.share<"a", begin = 0, size = 1, variant = #v>] (%x) : (tensor<1x1xf32>) -> tensor<1x1xf32> {
  ^bb0(%y: tensor<1x1xf32>):
    soc.yield %y : tensor<1x1xf32>
  }
  return %0 : tensor<1x1xf32>
}
