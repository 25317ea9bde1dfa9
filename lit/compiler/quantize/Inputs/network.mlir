// Two products with their biases, a sum with what goes into the first, a table,
// and something that has no form in integers. The functions below main make samples.

#map = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d1)>
func.func @main(%x: tensor<2x4xf32> {nn.name = "x"}) -> (tensor<2x4xf32> {nn.name = "y"}, tensor<2x4xf32> {nn.name = "z"}) {
  %w1 = arith.constant dense<[[1.0, 0.5, 0.0, 0.0], [0.0, 1.0, 0.5, 0.0], [0.0, 0.0, 1.0, 0.5], [0.5, 0.0, 0.0, 1.0]]> : tensor<4x4xf32>
  %b1 = arith.constant dense<[0.5, -0.5, 0.25, -0.25]> : tensor<4xf32>
  %w2 = arith.constant dense<[[2.0, 0.0, 0.0, 1.0], [1.0, 2.0, 0.0, 0.0], [0.0, 1.0, 2.0, 0.0], [0.0, 0.0, 1.0, 2.0]]> : tensor<4x4xf32>
  %b2 = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2x4xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<2x4xf32>) -> tensor<2x4xf32>
  %m1 = linalg.matmul ins(%x, %w1 : tensor<2x4xf32>, tensor<4x4xf32>) outs(%f : tensor<2x4xf32>) -> tensor<2x4xf32> loc("first/MatMul")
  %a1 = linalg.generic {indexing_maps = [#map, #row, #map], iterator_types = ["parallel", "parallel"]} ins(%m1, %b1 : tensor<2x4xf32>, tensor<4xf32>) outs(%e : tensor<2x4xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %s = arith.addf %p, %q : f32
    linalg.yield %s : f32
  } -> tensor<2x4xf32> loc("first/Add")
  %t1 = nn.activation gelu_erf ins(%a1 : tensor<2x4xf32>) outs(%e : tensor<2x4xf32>) loc("first/Gelu")
  %m2 = linalg.matmul ins(%t1, %w2 : tensor<2x4xf32>, tensor<4x4xf32>) outs(%f : tensor<2x4xf32>) -> tensor<2x4xf32> loc("second/MatMul")
  %a2 = linalg.generic {indexing_maps = [#map, #row, #map], iterator_types = ["parallel", "parallel"]} ins(%m2, %b2 : tensor<2x4xf32>, tensor<4xf32>) outs(%e : tensor<2x4xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %s = arith.addf %p, %q : f32
    linalg.yield %s : f32
  } -> tensor<2x4xf32> loc("second/Add")
  %a3 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%a2, %t1 : tensor<2x4xf32>, tensor<2x4xf32>) outs(%e : tensor<2x4xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %s = arith.addf %p, %q : f32
    linalg.yield %s : f32
  } -> tensor<2x4xf32> loc("residual/Add")
  %d = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%a3, %x : tensor<2x4xf32>, tensor<2x4xf32>) outs(%e : tensor<2x4xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %s = arith.mulf %p, %q : f32
    linalg.yield %s : f32
  } -> tensor<2x4xf32> loc("gate/Mul")
  return %a3, %d : tensor<2x4xf32>, tensor<2x4xf32>
}

func.func @small() -> (tensor<2x4xf32> {nn.name = "x"}) {
  %x = arith.constant dense<[[0.5, -1.0, 2.0, -2.0], [1.0, 0.25, -0.75, 1.5]]> : tensor<2x4xf32>
  return %x : tensor<2x4xf32>
}
func.func @large() -> (tensor<2x4xf32> {nn.name = "x"}) {
  %x = arith.constant dense<[[4.0, 3.0, -3.0, -4.0], [0.0, 0.0, 0.0, 0.0]]> : tensor<2x4xf32>
  return %x : tensor<2x4xf32>
}
func.func @wrong() -> (tensor<4xf32> {nn.name = "x"}) {
  %x = arith.constant dense<1.0> : tensor<4xf32>
  return %x : tensor<4xf32>
}
