// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From shapes alone; a right-hand side may be packed, a left-hand side never is.

#include "passes/partition/MultiplyAdds.h"

#include "dialects/nn/NN.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace tercet;

static uint64_t sizeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getNumElements();
}

/// Two products: every query with every key, and as many with the values.
template <typename OpTy> static uint64_t ofAttention(OpTy op) {
  int64_t keys = cast<RankedTensorType>(op.getKey().getType()).getDimSize(1);
  return 2 * sizeOf(op->getResult(0)) * keys;
}

static uint64_t countIn(Operation &op) {
  if (auto attention = dyn_cast<nn::AttentionOp>(op))
    return ofAttention(attention);
  if (auto attention = dyn_cast<nn::QuantizedAttentionOp>(op))
    return ofAttention(attention);
  if (auto attention = dyn_cast<nn::CachedAttentionOp>(op))
    return ofAttention(attention);
  if (isa<nn::PackedMatmulOp, nn::QuantizedMatmulOp>(op))
    return sizeOf(op.getResult(0)) *
           cast<RankedTensorType>(op.getOperand(0).getType()).getShape().back();
  if (auto product = dyn_cast<nn::GroupMatmulOp>(op))
    return sizeOf(op.getResult(0)) * product.getDepth();
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  // Pooling is a convolution, too, but multiplies nothing.
  bool multiplies = linalgOp && llvm::any_of(*linalgOp.getBlock(), [](Operation &inner) {
                      return isa<arith::MulFOp, arith::MulIOp>(inner);
                    });
  if (!multiplies ||
      (!linalg::isaContractionOpInterface(linalgOp) && !isa<linalg::ConvolutionOpInterface>(op)))
    return 0;
  uint64_t iterations = 1;
  for (int64_t range : linalgOp.getStaticLoopRanges())
    iterations *= ShapedType::isDynamic(range) ? 1 : range;
  return iterations;
}

uint64_t partition::countMultiplyAdds(soc::GroupOp group) {
  uint64_t count = 0;
  for (Operation &op : group.getBody().front().without_terminator())
    count += countIn(op);
  return count;
}
