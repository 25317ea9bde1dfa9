// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What each nn operation means, in linalg. These decompositions are the
// reference semantics: the reference evaluator, the generic engines and the
// inside of a tile all use them. Norms and attention of floats of fewer than 32
// bits compute in f32 and round their result.

#include "dialects/nn/StructuredOps.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"

using namespace mlir;
using namespace tercet::nn;

using utils::IteratorType;

namespace {

/// What sums of elements of the type are kept in.
Type sumType(Type element) {
  bool narrow = isa<FloatType>(element) && element.getIntOrFloatBitWidth() < 32;
  return narrow ? Type(Float32Type::get(element.getContext())) : element;
}

Value widen(OpBuilder &b, Location loc, Value value) {
  Type wide = sumType(value.getType());
  return wide == value.getType() ? value : arith::ExtFOp::create(b, loc, wide, value).getResult();
}

Value roundTo(OpBuilder &b, Location loc, Type element, Value value) {
  return value.getType() == element ? value
                                    : arith::TruncFOp::create(b, loc, element, value).getResult();
}

/// A value for each row, from another value for each row.
Value mapRows(OpBuilder &b, Location loc, const RowMaps &maps, Value row, Scalar body) {
  Value empty =
      tensor::EmptyOp::create(b, loc, tensor::getMixedSizes(b, loc, row), elementType(row));
  return generic(b, loc, row, empty, {maps.rowIdentity, maps.rowIdentity}, maps.rowParallel, body);
}

/// 1 / sqrt(row / count + epsilon) for each row.
Value inverseDeviation(OpBuilder &b, Location loc, const RowMaps &maps, Value row, double count,
                       double epsilon) {
  return mapRows(b, loc, maps, row, [&](OpBuilder &n, Location at, ValueRange args) -> Value {
    Type type = args[0].getType();
    Value mean = arith::DivFOp::create(n, at, args[0], constant(n, at, type, count));
    Value moved = arith::AddFOp::create(n, at, mean, constant(n, at, type, epsilon));
    Value root = math::SqrtOp::create(n, at, moved);
    return arith::DivFOp::create(n, at, constant(n, at, type, 1.0), root);
  });
}

Value sigmoid(OpBuilder &b, Location loc, Value x) {
  Value one = constant(b, loc, x.getType(), 1.0);
  Value e = math::ExpOp::create(b, loc, arith::NegFOp::create(b, loc, x));
  return arith::DivFOp::create(b, loc, one, arith::AddFOp::create(b, loc, one, e));
}

Value activate(OpBuilder &b, Location loc, ActivationKind kind, Value x) {
  Type type = x.getType();
  auto c = [&](double value) { return constant(b, loc, type, value); };
  auto mul = [&](Value l, Value r) -> Value { return arith::MulFOp::create(b, loc, l, r); };
  auto add = [&](Value l, Value r) -> Value { return arith::AddFOp::create(b, loc, l, r); };
  switch (kind) {
  case ActivationKind::GeluErf: {
    Value erf = math::ErfOp::create(b, loc, mul(x, c(0.70710678118654752440)));
    return mul(mul(x, c(0.5)), add(erf, c(1.0)));
  }
  case ActivationKind::GeluTanh: {
    Value cube = mul(mul(x, x), x);
    Value inner = mul(c(0.79788456080286535588), add(x, mul(c(0.044715), cube)));
    return mul(mul(x, c(0.5)), add(math::TanhOp::create(b, loc, inner), c(1.0)));
  }
  case ActivationKind::QuickGelu:
    return mul(x, sigmoid(b, loc, mul(x, c(1.702))));
  case ActivationKind::Silu:
    return mul(x, sigmoid(b, loc, x));
  case ActivationKind::Sigmoid:
    return sigmoid(b, loc, x);
  }
  llvm_unreachable("unknown activation");
}

} // namespace

FailureOr<SmallVector<Value>> ActivationOp::decomposeOperation(OpBuilder &b) {
  RowMaps maps(b, std::max<int64_t>(1, getType().getRank()));
  AffineMap all = b.getMultiDimIdentityMap(getType().getRank());
  SmallVector<IteratorType> loops(getType().getRank(), IteratorType::parallel);
  return SmallVector<Value>{generic(b, getLoc(), getInput(), getInit(), {all, all}, loops,
                                    [&](OpBuilder &n, Location at, ValueRange args) {
                                      return activate(n, at, getKind(), args[0]);
                                    })};
}

FailureOr<SmallVector<Value>> LayerNormOp::decomposeOperation(OpBuilder &b) {
  Location loc = getLoc();
  RowMaps maps(b, getType().getRank());
  int64_t size = cast<RankedTensorType>(getScale().getType()).getDimSize(0);
  if (ShapedType::isDynamic(size))
    return emitOpError() << "the normalised dimension must be static";
  double count = size;
  Type element = sumType(elementType(getInput()));
  Value sum =
      sumRows(b, loc, maps, getInput(), {}, element,
              [](OpBuilder &n, Location at, ValueRange args) { return widen(n, at, args[0]); });
  Value mean = mapRows(b, loc, maps, sum, [&](OpBuilder &n, Location at, ValueRange args) -> Value {
    return arith::DivFOp::create(n, at, args[0], constant(n, at, args[0].getType(), count));
  });
  Value squares = sumRows(b, loc, maps, getInput(), mean, element,
                          [](OpBuilder &n, Location at, ValueRange args) -> Value {
                            Value d = arith::SubFOp::create(n, at, widen(n, at, args[0]), args[1]);
                            return arith::MulFOp::create(n, at, d, d);
                          });
  Value inverse = inverseDeviation(b, loc, maps, squares, count, getEpsilon().convertToDouble());
  SmallVector<Value> inputs{getInput(), mean, inverse, getScale()};
  SmallVector<AffineMap> indexing{maps.all, maps.row, maps.row, maps.last};
  if (getBias()) {
    inputs.push_back(getBias());
    indexing.push_back(maps.last);
  }
  indexing.push_back(maps.all);
  return SmallVector<Value>{generic(b, loc, inputs, getInit(), indexing, maps.parallel,
                                    [&](OpBuilder &n, Location at, ValueRange args) -> Value {
                                      Value y = arith::SubFOp::create(n, at, widen(n, at, args[0]),
                                                                      args[1]);
                                      y = arith::MulFOp::create(n, at, y, args[2]);
                                      y = arith::MulFOp::create(n, at, y, widen(n, at, args[3]));
                                      if (getBias())
                                        y = arith::AddFOp::create(n, at, y, widen(n, at, args[4]));
                                      return roundTo(n, at, args.back().getType(), y);
                                    })};
}

FailureOr<SmallVector<Value>> RmsNormOp::decomposeOperation(OpBuilder &b) {
  Location loc = getLoc();
  RowMaps maps(b, getType().getRank());
  int64_t size = cast<RankedTensorType>(getScale().getType()).getDimSize(0);
  if (ShapedType::isDynamic(size))
    return emitOpError() << "the normalised dimension must be static";
  Value squares = sumRows(b, loc, maps, getInput(), {}, sumType(elementType(getInput())),
                          [](OpBuilder &n, Location at, ValueRange args) -> Value {
                            Value x = widen(n, at, args[0]);
                            return arith::MulFOp::create(n, at, x, x);
                          });
  Value inverse = inverseDeviation(b, loc, maps, squares, size, getEpsilon().convertToDouble());
  return SmallVector<Value>{generic(b, loc, {getInput(), inverse, getScale()}, getInit(),
                                    {maps.all, maps.row, maps.last, maps.all}, maps.parallel,
                                    [&](OpBuilder &n, Location at, ValueRange args) -> Value {
                                      Value y = arith::MulFOp::create(n, at, widen(n, at, args[0]),
                                                                      args[1]);
                                      y = arith::MulFOp::create(n, at, y, widen(n, at, args[2]));
                                      return roundTo(n, at, args.back().getType(), y);
                                    })};
}

FailureOr<SmallVector<Value>> RopeOp::decomposeOperation(OpBuilder &b) {
  Location loc = getLoc();
  int64_t size = getType().getDimSize(3);
  if (ShapedType::isDynamic(size))
    return emitOpError() << "the head dimension must be static";
  int64_t half = size / 2;
  // Rank-4 pieces [B, S, H, D/2] of the input, rank-3 pieces of the tables.
  auto piece = [&](Value value, bool high) -> Value {
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, value);
    SmallVector<OpFoldResult> offsets(sizes.size(), b.getIndexAttr(0));
    SmallVector<OpFoldResult> strides(sizes.size(), b.getIndexAttr(1));
    offsets.back() = b.getIndexAttr(high ? half : 0);
    sizes.back() = b.getIndexAttr(half);
    return tensor::ExtractSliceOp::create(b, loc, value, offsets, sizes, strides);
  };
  // At a position, only the rows of the tables that belong to it.
  auto rowsOf = [&](Value table) -> Value {
    if (!getPosition())
      return table;
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, table);
    sizes[1] = tensor::getMixedSize(b, loc, getInput(), 1);
    SmallVector<OpFoldResult> offsets{b.getIndexAttr(0), getPosition(), b.getIndexAttr(0)},
        strides(3, b.getIndexAttr(1));
    return tensor::ExtractSliceOp::create(b, loc, table, offsets, sizes, strides);
  };
  Value cos = rowsOf(getCos()), sin = rowsOf(getSin());
  AffineMap all = b.getMultiDimIdentityMap(4);
  AffineExpr zero = b.getAffineConstantExpr(0), d0 = b.getAffineDimExpr(0),
             d1 = b.getAffineDimExpr(1), d3 = b.getAffineDimExpr(3);
  auto tableMap = [&](Value table) {
    bool shared = cast<RankedTensorType>(table.getType()).getDimSize(0) == 1;
    return AffineMap::get(4, 0, {shared ? zero : d0, d1, d3}, b.getContext());
  };
  SmallVector<IteratorType> loops(4, IteratorType::parallel);
  Value result = getInit();
  for (bool high : {false, true}) {
    Value self = piece(getInput(), high), other = piece(getInput(), !high);
    Value out = generic(b, loc, {self, other, piece(cos, high), piece(sin, high)},
                        piece(result, high), {all, all, tableMap(cos), tableMap(sin), all}, loops,
                        [&](OpBuilder &n, Location at, ValueRange args) -> Value {
                          Value straight = arith::MulFOp::create(n, at, args[0], args[2]);
                          Value turned = arith::MulFOp::create(n, at, args[1], args[3]);
                          if (high)
                            return arith::AddFOp::create(n, at, straight, turned);
                          return arith::SubFOp::create(n, at, straight, turned);
                        });
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, out);
    SmallVector<OpFoldResult> offsets(4, b.getIndexAttr(0)), strides(4, b.getIndexAttr(1));
    offsets.back() = b.getIndexAttr(high ? half : 0);
    result = tensor::InsertSliceOp::create(b, loc, out, result, offsets, sizes, strides);
  }
  return SmallVector<Value>{result};
}

FailureOr<SmallVector<Value>> GatherOp::decomposeOperation(OpBuilder &b) {
  Location loc = getLoc();
  int64_t rank = getType().getRank(), axis = getAxis();
  int64_t indexRank = cast<RankedTensorType>(getIndices().getType()).getRank();
  int64_t dataRank = cast<RankedTensorType>(getData().getType()).getRank();
  AffineMap all = b.getMultiDimIdentityMap(rank);
  SmallVector<AffineExpr> indexDims;
  for (int64_t dim = axis; dim < axis + indexRank; ++dim)
    indexDims.push_back(b.getAffineDimExpr(dim));
  AffineMap indexMap = AffineMap::get(rank, 0, indexDims, b.getContext());
  SmallVector<IteratorType> loops(rank, IteratorType::parallel);
  Value limit = tensor::DimOp::create(b, loc, getData(), axis);
  return SmallVector<Value>{
      generic(b, loc, getIndices(), getInit(), {indexMap, all}, loops,
              [&](OpBuilder &n, Location at, ValueRange args) -> Value {
                Value index = arith::IndexCastOp::create(n, at, n.getIndexType(), args[0]);
                index = checkedIndex(n, at, index, limit);
                SmallVector<Value> position;
                for (int64_t dim = 0; dim < dataRank; ++dim) {
                  if (dim == axis)
                    position.push_back(index);
                  else
                    position.push_back(
                        linalg::IndexOp::create(n, at, dim < axis ? dim : dim + indexRank - 1));
                }
                return tensor::ExtractOp::create(n, at, getData(), position);
              })};
}

FailureOr<SmallVector<Value>> AttentionOp::decomposeOperation(OpBuilder &b) {
  if (!hasPureTensorSemantics())
    return failure();
  Location loc = getLoc();
  Type element = sumType(elementType(getInit()));
  if (cast<RankedTensorType>(getQuery().getType()).isDynamicDim(2) ||
      cast<RankedTensorType>(getKey().getType()).isDynamicDim(2))
    return emitOpError() << "the number of heads must be static";
  AttentionLoops loops(b, loc, getQuery(), getKey(), getValue());
  auto accumulate = [](OpBuilder &n, Location at, ValueRange args) -> Value {
    Value product = arith::MulFOp::create(n, at, widen(n, at, args[0]), widen(n, at, args[1]));
    return arith::AddFOp::create(n, at, product, args[2]);
  };
  Value scores = loops.scores(b, element, accumulate);

  RowMaps rows(b, 5);
  SmallVector<Value> inputs{scores};
  SmallVector<AffineMap> maps{rows.all};
  if (getMask())
    inputs.push_back(loops.splitMask(b, getMask(), maps));
  maps.push_back(rows.all);
  double scale = getScale().convertToDouble();
  Value scaled =
      generic(b, loc, inputs, tensor::EmptyOp::create(b, loc, loops.scoreSizes, element), maps,
              rows.parallel, [&](OpBuilder &n, Location at, ValueRange args) -> Value {
                Value y = arith::MulFOp::create(n, at, args[0], constant(n, at, element, scale));
                if (args.size() == 3)
                  y = arith::AddFOp::create(n, at, y, widen(n, at, args[1]));
                return y;
              });
  // Softmax, but for the division, which is done on the smaller result.
  Value lowest = arith::ConstantOp::create(
      b, loc,
      b.getFloatAttr(element, APFloat::getInf(cast<FloatType>(element).getFloatSemantics(),
                                              /*Negative=*/true)));
  Value noMaximum =
      linalg::FillOp::create(b, loc, lowest,
                             Value(tensor::EmptyOp::create(b, loc, loops.rowSizes, element)))
          .getResult(0);
  Value maximum = generic(b, loc, scaled, noMaximum, {rows.all, rows.row}, rows.reduce,
                          [](OpBuilder &n, Location at, ValueRange args) -> Value {
                            return arith::MaxNumFOp::create(n, at, args[0], args[1]);
                          });
  Value weights =
      generic(b, loc, {scaled, maximum}, tensor::EmptyOp::create(b, loc, loops.scoreSizes, element),
              {rows.all, rows.row, rows.all}, rows.parallel,
              [](OpBuilder &n, Location at, ValueRange args) -> Value {
                Value moved = arith::SubFOp::create(n, at, args[0], args[1]);
                return math::ExpOp::create(n, at, moved);
              });
  Value sum = sumRows(b, loc, rows, weights, {}, element,
                      [](OpBuilder &, Location, ValueRange args) { return args[0]; });
  Value products = loops.products(b, weights, element, accumulate);
  Value result = generic(b, loc, {products, sum}, loops.split(b, getInit(), loops.v[3]),
                         {rows.all, loops.rowOfResult(b), rows.all}, rows.parallel,
                         [](OpBuilder &n, Location at, ValueRange args) -> Value {
                           Value y = arith::DivFOp::create(n, at, args[0], args[1]);
                           return roundTo(n, at, args.back().getType(), y);
                         });
  return SmallVector<Value>{
      tensor::CollapseShapeOp::create(b, loc, getInit().getType(), result, loops.splitHeads)};
}

FailureOr<SmallVector<Value>> PackedMatmulOp::decomposeOperation(OpBuilder &b) {
  if (!hasPureTensorSemantics())
    return failure();
  Location loc = getLoc();
  Type element = elementType(getRhs());
  SmallVector<OpFoldResult> rhs = tensor::getMixedSizes(b, loc, getRhs());
  SmallVector<OpFoldResult> init = tensor::getMixedSizes(b, loc, getInit());
  SmallVector<OpFoldResult> turnedSizes{rhs[1], rhs[0], rhs[2]};
  Value turned = linalg::TransposeOp::create(b, loc, getRhs(),
                                             tensor::EmptyOp::create(b, loc, turnedSizes, element),
                                             ArrayRef<int64_t>{1, 0, 2})
                     ->getResult(0);
  Value flat = tensor::CollapseShapeOp::create(b, loc, turned,
                                               SmallVector<ReassociationIndices>{{0}, {1, 2}});
  SmallVector<OpFoldResult> offsets(2, b.getIndexAttr(0)), strides(2, b.getIndexAttr(1));
  Value columns = tensor::ExtractSliceOp::create(
      b, loc, flat, offsets, SmallVector<OpFoldResult>{rhs[1], init[1]}, strides);
  return SmallVector<Value>{linalg::MatmulOp::create(b, loc, TypeRange{getInit().getType()},
                                                     ValueRange{getLhs(), columns},
                                                     ValueRange{getInit()})
                                .getResult(0)};
}
