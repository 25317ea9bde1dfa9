// RUN: tercet-opt %s --graph-fuse-attention | FileCheck %s --implicit-check-not=nn.attention

// Softmax over queries is not attention.
// CHECK-LABEL: @wrong_axis
func.func @wrong_axis(%q: tensor<2x4x8xf32>, %k: tensor<2x8x6xf32>, %v: tensor<2x6x8xf32>) -> tensor<2x4x8xf32> {
  %zero = arith.constant 0.0 : f32
  %es = tensor.empty() : tensor<2x4x6xf32>
  %zs = linalg.fill ins(%zero : f32) outs(%es : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %0 = linalg.batch_matmul ins(%q, %k : tensor<2x4x8xf32>, tensor<2x8x6xf32>) outs(%zs : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %1 = linalg.softmax dimension(1) ins(%0 : tensor<2x4x6xf32>) outs(%es : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %ev = tensor.empty() : tensor<2x4x8xf32>
  %zv = linalg.fill ins(%zero : f32) outs(%ev : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %2 = linalg.batch_matmul ins(%1, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%zv : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %2 : tensor<2x4x8xf32>
}

// Attention weights that the program returns must be computed.
// CHECK-LABEL: @weights_returned
func.func @weights_returned(%q: tensor<2x4x8xf32>, %k: tensor<2x8x6xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>, tensor<2x4x6xf32>) {
  %zero = arith.constant 0.0 : f32
  %es = tensor.empty() : tensor<2x4x6xf32>
  %zs = linalg.fill ins(%zero : f32) outs(%es : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %0 = linalg.batch_matmul ins(%q, %k : tensor<2x4x8xf32>, tensor<2x8x6xf32>) outs(%zs : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %1 = linalg.softmax dimension(2) ins(%0 : tensor<2x4x6xf32>) outs(%es : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %ev = tensor.empty() : tensor<2x4x8xf32>
  %zv = linalg.fill ins(%zero : f32) outs(%ev : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %2 = linalg.batch_matmul ins(%1, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%zv : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %2, %1 : tensor<2x4x8xf32>, tensor<2x4x6xf32>
}

// A mask that replaces scores is not a mask that is added to them: a row that
// is masked altogether would differ.
// CHECK-LABEL: @select_mask
func.func @select_mask(%q: tensor<2x4x8xf32>, %k: tensor<2x8x6xf32>, %v: tensor<2x6x8xf32>, %keep: tensor<2x4x6xi1>, %low: tensor<2x4x6xf32>) -> tensor<2x4x8xf32> {
  %zero = arith.constant 0.0 : f32
  %es = tensor.empty() : tensor<2x4x6xf32>
  %zs = linalg.fill ins(%zero : f32) outs(%es : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %0 = linalg.batch_matmul ins(%q, %k : tensor<2x4x8xf32>, tensor<2x8x6xf32>) outs(%zs : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %m = linalg.select ins(%keep, %0, %low : tensor<2x4x6xi1>, tensor<2x4x6xf32>, tensor<2x4x6xf32>) outs(%es : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %1 = linalg.softmax dimension(2) ins(%m : tensor<2x4x6xf32>) outs(%es : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %ev = tensor.empty() : tensor<2x4x8xf32>
  %zv = linalg.fill ins(%zero : f32) outs(%ev : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %2 = linalg.batch_matmul ins(%1, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%zv : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %2 : tensor<2x4x8xf32>
}

// Two heads that share one value: the second product sees the scores in
// another shape.
// CHECK-LABEL: @shared_value
func.func @shared_value(%q: tensor<2x4x8xf32>, %k: tensor<2x8x6xf32>, %v: tensor<1x6x8xf32>) -> tensor<1x8x8xf32> {
  %zero = arith.constant 0.0 : f32
  %es = tensor.empty() : tensor<2x4x6xf32>
  %zs = linalg.fill ins(%zero : f32) outs(%es : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %0 = linalg.batch_matmul ins(%q, %k : tensor<2x4x8xf32>, tensor<2x8x6xf32>) outs(%zs : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %1 = linalg.softmax dimension(2) ins(%0 : tensor<2x4x6xf32>) outs(%es : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %c = tensor.collapse_shape %1 [[0, 1], [2]] : tensor<2x4x6xf32> into tensor<8x6xf32>
  %x = tensor.expand_shape %c [[0, 1], [2]] output_shape [1, 8, 6] : tensor<8x6xf32> into tensor<1x8x6xf32>
  %ev = tensor.empty() : tensor<1x8x8xf32>
  %zv = linalg.fill ins(%zero : f32) outs(%ev : tensor<1x8x8xf32>) -> tensor<1x8x8xf32>
  %2 = linalg.batch_matmul ins(%x, %v : tensor<1x8x6xf32>, tensor<1x6x8xf32>) outs(%zv : tensor<1x8x8xf32>) -> tensor<1x8x8xf32>
  return %2 : tensor<1x8x8xf32>
}
