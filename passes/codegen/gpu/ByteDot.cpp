// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The form is vector.reduction of arith.muli of two sign extensions.

#include "passes/codegen/gpu/ByteDot.h"

using namespace mlir;
using namespace tercet::codegen;

constexpr int64_t kBytes = 4;

static Value bytesOf(TileBuilder &b, Value word) {
  Value one = vector::FromElementsOp::create(b, VectorType::get({1}, word.getType()), word);
  return vector::BitCastOp::create(b, VectorType::get({kBytes}, b.getI8Type()), one);
}

Value tercet::codegen::emitByteDot(TileBuilder &b, Value left, Value right, Value sum) {
  auto wide = VectorType::get({kBytes}, b.getI32Type());
  Value products = arith::MulIOp::create(b, arith::ExtSIOp::create(b, wide, bytesOf(b, left)),
                                         arith::ExtSIOp::create(b, wide, bytesOf(b, right)));
  return vector::ReductionOp::create(b, vector::CombiningKind::ADD, products, sum);
}

/// The bytes that are extended; null if they are none.
static Value extendedBytes(Value value) {
  auto extension = value.getDefiningOp<arith::ExtSIOp>();
  auto type = extension ? dyn_cast<VectorType>(extension.getIn().getType()) : VectorType();
  return type && type.getRank() == 1 && type.getNumElements() == kBytes &&
                 type.getElementType().isInteger(8)
             ? extension.getIn()
             : Value();
}

std::optional<ByteDot> ByteDot::of(vector::ReductionOp op) {
  if (op.getKind() != vector::CombiningKind::ADD || !op.getAcc() || !op.getType().isInteger(32))
    return std::nullopt;
  auto products = op.getVector().getDefiningOp<arith::MulIOp>();
  if (!products)
    return std::nullopt;
  ByteDot dot{extendedBytes(products.getLhs()), extendedBytes(products.getRhs()), op.getAcc()};
  return dot.left && dot.right ? std::optional<ByteDot>(dot) : std::nullopt;
}
