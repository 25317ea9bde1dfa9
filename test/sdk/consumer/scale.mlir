// y = x * w + b on [4, 8].
module {
  nn.weight @w = dense<3.0> : tensor<8xf32>
  nn.weight @b = dense<[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]> : tensor<8xf32>
  func.func @main(%x: tensor<4x8xf32> {nn.name = "x"}) -> (tensor<4x8xf32> {nn.name = "y"}) {
    %w = nn.get_weight @w : tensor<8xf32>
    %b = nn.get_weight @b : tensor<8xf32>
    %e = tensor.empty() : tensor<4x8xf32>
    %0 = linalg.generic {
      indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>,
                       affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]}
      ins(%x, %w, %b : tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>) outs(%e : tensor<4x8xf32>) {
    ^bb0(%a: f32, %c: f32, %d: f32, %o: f32):
      %1 = arith.mulf %a, %c : f32
      %2 = arith.addf %1, %d : f32
      linalg.yield %2 : f32
    } -> tensor<4x8xf32>
    return %0 : tensor<4x8xf32>
  }
}
