// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Looking through elementwise operations as if they were expressions.

#include "passes/graph/Matching.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"

#include <cmath>

using namespace mlir;
using namespace tercet::graph;

bool Elementwise::isAligned(unsigned i) const {
  return maps[i] && maps[i].isIdentity() &&
         cast<RankedTensorType>(operands[i].getType()).getShape() ==
             cast<RankedTensorType>(op->getResult(0).getType()).getShape();
}

std::optional<Elementwise> tercet::graph::matchElementwise(Value value) {
  auto op = value.getDefiningOp<linalg::LinalgOp>();
  if (!op || op->getNumResults() != 1 || op.getNumParallelLoops() != op.getNumLoops() ||
      !op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity())
    return std::nullopt;
  Block *body = op.getBlock();
  Operation *scalar = body->getTerminator()->getOperand(0).getDefiningOp();
  if (!scalar || scalar->getBlock() != body || scalar->getNumResults() != 1)
    return std::nullopt;
  // The scalar operation, constants, the terminator, and nothing else.
  for (Operation &inner : body->without_terminator())
    if (&inner != scalar && !inner.hasTrait<OpTrait::ConstantLike>())
      return std::nullopt;
  Elementwise match;
  match.op = op;
  match.scalar = scalar;
  for (Value operand : scalar->getOperands()) {
    auto argument = dyn_cast<BlockArgument>(operand);
    if (argument && argument.getOwner() == body) {
      if (argument.getArgNumber() >= static_cast<unsigned>(op.getNumDpsInputs()))
        return std::nullopt;
      match.operands.push_back(op->getOperand(argument.getArgNumber()));
      match.maps.push_back(op.getIndexingMapsArray()[argument.getArgNumber()]);
    } else {
      match.operands.push_back(operand);
      match.maps.push_back({});
    }
  }
  return match;
}

Value tercet::graph::skipReshapes(Value value) {
  while (Operation *def = value.getDefiningOp()) {
    if (!isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp>(def))
      break;
    value = def->getOperand(0);
  }
  return value;
}

std::optional<double> tercet::graph::matchConstant(Value value) {
  value = skipReshapes(value);
  if (auto fill = value.getDefiningOp<linalg::FillOp>())
    value = fill.getInputs()[0];
  if (auto broadcast = value.getDefiningOp<linalg::BroadcastOp>())
    return matchConstant(broadcast.getInput());
  FloatAttr number;
  if (matchPattern(value, m_Constant(&number)))
    return number.getValueAsDouble();
  DenseFPElementsAttr elements;
  if (matchPattern(value, m_Constant(&elements)) && elements.isSplat()) {
    APFloat splat = elements.getSplatValue<APFloat>();
    bool losesInfo;
    splat.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
    return splat.convertToDouble();
  }
  return std::nullopt;
}

bool tercet::graph::isNear(double a, double b) {
  return std::abs(a - b) <= 1e-6 * std::max(std::abs(a), std::abs(b));
}

Product tercet::graph::flattenProduct(Value value) {
  Product product;
  std::optional<Elementwise> match = matchElementwise(value);
  if (match && isa<arith::MulFOp>(match->scalar)) {
    for (unsigned i = 0; i < 2; ++i) {
      if (std::optional<double> number = matchConstant(match->operands[i])) {
        product.constant *= *number;
        continue;
      }
      if (!match->isAligned(i))
        return Product{1.0, {value}};
      Product part = flattenProduct(match->operands[i]);
      // A product that has other readers stays one factor.
      if (!match->operands[i].hasOneUse())
        part = Product{1.0, {match->operands[i]}};
      product.constant *= part.constant;
      product.factors.append(part.factors.begin(), part.factors.end());
    }
    return product;
  }
  if (match && isa<arith::DivFOp>(match->scalar) && match->maps[0] && match->isAligned(0)) {
    std::optional<double> number = matchConstant(match->operands[1]);
    if (number && *number != 0.0) {
      product = match->operands[0].hasOneUse() ? flattenProduct(match->operands[0])
                                               : Product{1.0, {match->operands[0]}};
      product.constant /= *number;
      return product;
    }
  }
  product.factors.push_back(value);
  return product;
}

Value tercet::graph::matchAddConstant(Value value, double &constant) {
  std::optional<Elementwise> match = matchElementwise<arith::AddFOp>(value);
  if (!match)
    return {};
  for (unsigned i = 0; i < 2; ++i)
    if (std::optional<double> number = matchConstant(match->operands[i]))
      if (match->isAligned(1 - i)) {
        constant = *number;
        return match->operands[1 - i];
      }
  return {};
}

/// The tensor x, if `value` is the sum of x over its last dimension.
static Value matchSumOfRows(Value value) {
  auto op = skipReshapes(value).getDefiningOp<linalg::LinalgOp>();
  if (!op || op->getNumResults() != 1 || op.getNumDpsInputs() != 1 ||
      op.getNumReductionLoops() != 1)
    return {};
  Operation *scalar = op.getBlock()->getTerminator()->getOperand(0).getDefiningOp();
  if (!isa_and_nonnull<arith::AddFOp>(scalar) || op.getBlock()->getOperations().size() != 2)
    return {};
  for (Value operand : scalar->getOperands())
    if (!isa<BlockArgument>(operand))
      return {};
  AffineMap in = op.getMatchingIndexingMap(op.getDpsInputOperand(0));
  if (!in.isIdentity() || op.getIteratorTypesArray().back() != utils::IteratorType::reduction)
    return {};
  std::optional<double> start = matchConstant(op.getDpsInits()[0]);
  return start && *start == 0.0 ? op->getOperand(0) : Value();
}

Value tercet::graph::matchMeanOfRows(Value value) {
  // sum / n, or sum * (1 / n).
  Product product = flattenProduct(skipReshapes(value));
  if (product.factors.size() != 1)
    return {};
  Value x = matchSumOfRows(product.factors[0]);
  if (!x)
    return {};
  double count = cast<RankedTensorType>(x.getType()).getShape().back();
  return isNear(product.constant * count, 1.0) ? x : Value();
}

bool tercet::graph::isRowBroadcast(const Elementwise &match, unsigned i) {
  if (!match.maps[i])
    return false;
  ArrayRef<int64_t> shape = cast<RankedTensorType>(match.op->getResult(0).getType()).getShape();
  ArrayRef<int64_t> from = cast<RankedTensorType>(match.operands[i].getType()).getShape();
  if (shape.empty())
    return false;
  // Every dimension but the last must be read in order, unless it has one element.
  int64_t next = 0, rank = shape.size(), elements = 1;
  for (AffineExpr result : match.maps[i].getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(result);
    if (!dim)
      continue;
    int64_t position = dim.getPosition();
    if (position == rank - 1 && shape[position] != 1)
      return false;
    if (position < next)
      return false;
    next = position + 1;
  }
  for (int64_t size : from)
    elements *= size;
  int64_t rows = 1;
  for (int64_t size : shape.drop_back())
    rows *= size;
  return elements == rows;
}

bool tercet::graph::isVectorBroadcast(const Elementwise &match, unsigned i) {
  if (!match.maps[i])
    return false;
  ArrayRef<int64_t> shape = cast<RankedTensorType>(match.op->getResult(0).getType()).getShape();
  auto type = cast<RankedTensorType>(match.operands[i].getType());
  if (shape.empty() || type.getNumElements() != shape.back() || match.maps[i].getNumResults() == 0)
    return false;
  auto dim = dyn_cast<AffineDimExpr>(match.maps[i].getResults().back());
  return dim && dim.getPosition() == shape.size() - 1;
}

Value tercet::graph::reshapeTo(OpBuilder &builder, Location loc, Value value,
                               ArrayRef<int64_t> shape) {
  auto from = cast<RankedTensorType>(value.getType());
  if (from.getShape() == shape)
    return value;
  auto to = RankedTensorType::get(shape, from.getElementType());
  if (std::optional<SmallVector<ReassociationIndices>> groups =
          getReassociationIndicesForReshape(from, to)) {
    if (from.getRank() > to.getRank())
      return tensor::CollapseShapeOp::create(builder, loc, to, value, *groups);
    if (from.getRank() < to.getRank())
      return tensor::ExpandShapeOp::create(builder, loc, to, value, *groups);
  }
  // Through one dimension.
  auto flatType = RankedTensorType::get({from.getNumElements()}, from.getElementType());
  auto allOf = [](int64_t rank) {
    ReassociationIndices all;
    for (int64_t dim = 0; dim < rank; ++dim)
      all.push_back(dim);
    return rank == 0 ? SmallVector<ReassociationIndices>{} : SmallVector<ReassociationIndices>{all};
  };
  if (from.getRank() == 0)
    value = tensor::ExpandShapeOp::create(builder, loc, flatType, value,
                                          SmallVector<ReassociationIndices>{});
  else if (from.getRank() > 1)
    value = tensor::CollapseShapeOp::create(builder, loc, flatType, value, allOf(from.getRank()));
  if (to.getRank() == 0)
    return tensor::CollapseShapeOp::create(builder, loc, to, value,
                                           SmallVector<ReassociationIndices>{});
  if (to.getRank() == 1)
    return value;
  return tensor::ExpandShapeOp::create(builder, loc, to, value, allOf(to.getRank()));
}
