func.func @main(%x: tensor<4xi4>) -> (tensor<4xi4>, tensor<4xi4>) {
  %e = tensor.empty() : tensor<4xi4>
  %0 = linalg.copy ins(%x : tensor<4xi4>) outs(%e : tensor<4xi4>) -> tensor<4xi4> loc("first"("Copy"))
  %1 = linalg.transpose ins(%0 : tensor<4xi4>) outs(%e : tensor<4xi4>) permutation = [0] loc("second"("Turn"))
  %2 = linalg.add ins(%0, %x : tensor<4xi4>, tensor<4xi4>) outs(%e : tensor<4xi4>) -> tensor<4xi4> loc("third"("Add"))
  return %0, %2 : tensor<4xi4>, tensor<4xi4>
}
