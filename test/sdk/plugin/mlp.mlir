// A product that the plug-in's engine runs, and a softmax that it does not.
nn.weight @w = dense<0.5> : tensor<8x16xf32>

func.func @main(%x: tensor<4x8xf32> {nn.name = "x"}) -> (tensor<4x16xf32> {nn.name = "y"}) {
  %w = nn.get_weight @w : tensor<8x16xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x16xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<4x16xf32>) -> tensor<4x16xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<4x8xf32>, tensor<8x16xf32>) outs(%z : tensor<4x16xf32>) -> tensor<4x16xf32> loc("dense"("MatMul"))
  %1 = linalg.softmax dimension(1) ins(%0 : tensor<4x16xf32>) outs(%e : tensor<4x16xf32>) -> tensor<4x16xf32> loc("probabilities"("Softmax"))
  return %1 : tensor<4x16xf32>
}
