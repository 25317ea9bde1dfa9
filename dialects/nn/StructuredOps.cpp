// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builders of structured operations for decompositions.

#include "dialects/nn/StructuredOps.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"

using namespace mlir;
using namespace tercet::nn;
using utils::IteratorType;

Value tercet::nn::constant(OpBuilder &b, Location loc, Type type, double value) {
  TypedAttr attr = isa<FloatType>(type) ? TypedAttr(b.getFloatAttr(type, value))
                                        : TypedAttr(b.getIntegerAttr(type, int64_t(value)));
  return arith::ConstantOp::create(b, loc, attr);
}

Type tercet::nn::elementType(Value value) { return getElementTypeOrSelf(value.getType()); }

Value tercet::nn::generic(OpBuilder &b, Location loc, ValueRange inputs, Value init,
                          ArrayRef<AffineMap> maps, ArrayRef<IteratorType> iterators, Scalar body) {
  return linalg::GenericOp::create(b, loc, init.getType(), inputs, init, maps, iterators,
                                   [&](OpBuilder &nested, Location at, ValueRange args) {
                                     linalg::YieldOp::create(nested, at, body(nested, at, args));
                                   })
      .getResult(0);
}

Value tercet::nn::filled(OpBuilder &b, Location loc, ArrayRef<OpFoldResult> sizes, Type element,
                         double value) {
  Value empty = tensor::EmptyOp::create(b, loc, sizes, element);
  return linalg::FillOp::create(b, loc, constant(b, loc, element, value), empty).getResult(0);
}

Value tercet::nn::checkedIndex(OpBuilder &b, Location loc, Value index, Value limit) {
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  Value negative = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, index, zero);
  Value fromEnd = arith::AddIOp::create(b, loc, index, limit);
  index = arith::SelectOp::create(b, loc, negative, fromEnd, index);
  // Unsigned: what is still negative is out of range as well.
  Value inside = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, index, limit);
  cf::AssertOp::create(b, loc, inside, "gather index out of range");
  Value last = arith::SubIOp::create(b, loc, limit, one);
  return arith::MaxSIOp::create(b, loc, arith::MinSIOp::create(b, loc, index, last), zero);
}

RowMaps::RowMaps(OpBuilder &b, int64_t rank) {
  SmallVector<AffineExpr> dims;
  for (int64_t dim = 0; dim < rank; ++dim)
    dims.push_back(b.getAffineDimExpr(dim));
  all = b.getMultiDimIdentityMap(rank);
  row = AffineMap::get(rank, 0, ArrayRef<AffineExpr>(dims).drop_back(), b.getContext());
  last = AffineMap::get(rank, 0, dims.back());
  parallel.assign(rank, IteratorType::parallel);
  reduce = parallel;
  reduce.back() = IteratorType::reduction;
  rowParallel.assign(rank - 1, IteratorType::parallel);
  rowIdentity = b.getMultiDimIdentityMap(rank - 1);
}

Value tercet::nn::sumRows(OpBuilder &b, Location loc, const RowMaps &maps, Value x, ValueRange rows,
                          Type element, Scalar term) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, x);
  sizes.pop_back();
  SmallVector<Value> inputs{x};
  llvm::append_range(inputs, rows);
  SmallVector<AffineMap> indexing{maps.all};
  indexing.append(rows.size() + 1, maps.row);
  return generic(b, loc, inputs, filled(b, loc, sizes, element, 0.0), indexing, maps.reduce,
                 [&](OpBuilder &n, Location at, ValueRange args) -> Value {
                   Value next = term(n, at, args.drop_back());
                   if (isa<FloatType>(element))
                     return arith::AddFOp::create(n, at, next, args.back());
                   return arith::AddIOp::create(n, at, next, args.back());
                 });
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

namespace {

/// A map from the six loops to some of them.
AffineMap sixLoops(MLIRContext *context, ArrayRef<unsigned> results) {
  SmallVector<AffineExpr> dims;
  for (unsigned dim : results)
    dims.push_back(getAffineDimExpr(dim, context));
  return AffineMap::get(6, 0, dims, context);
}

enum Loop : unsigned { B, G, R, S, T, D };

} // namespace

AttentionLoops::AttentionLoops(OpBuilder &b, Location loc, Value query, Value key, Value value)
    : loc(loc), query(query), key(key), value(value) {
  q = tensor::getMixedSizes(b, loc, query);
  k = tensor::getMixedSizes(b, loc, key);
  v = tensor::getMixedSizes(b, loc, value);
  int64_t heads = cast<RankedTensorType>(query.getType()).getDimSize(2);
  int64_t keyHeads = cast<RankedTensorType>(key.getType()).getDimSize(2);
  groups = b.getIndexAttr(keyHeads);
  inGroup = b.getIndexAttr(heads / keyHeads);
  scoreSizes = {q[0], groups, inGroup, q[1], k[1]};
  rowSizes.assign(scoreSizes.begin(), scoreSizes.end() - 1);
}

Value AttentionLoops::split(OpBuilder &b, Value tensor, OpFoldResult last) const {
  SmallVector<OpFoldResult> sizes{q[0], q[1], groups, inGroup, last};
  auto [staticSizes, dynamicSizes] = decomposeMixedValues(sizes);
  auto type = RankedTensorType::get(staticSizes, elementType(tensor));
  return tensor::ExpandShapeOp::create(b, loc, type, tensor, splitHeads, sizes);
}

Value AttentionLoops::splitMask(OpBuilder &b, Value mask, SmallVectorImpl<AffineMap> &maps) const {
  MLIRContext *context = b.getContext();
  auto type = cast<RankedTensorType>(mask.getType());
  auto dimOrZero = [&](int64_t dim, unsigned loop) {
    return type.getDimSize(dim) == 1 ? getAffineConstantExpr(0, context)
                                     : getAffineDimExpr(loop, context);
  };
  SmallVector<AffineExpr> results{dimOrZero(0, B)};
  if (type.getDimSize(1) != 1) {
    SmallVector<OpFoldResult> m = tensor::getMixedSizes(b, loc, mask);
    SmallVector<OpFoldResult> sizes{m[0], groups, inGroup, m[2], m[3]};
    auto [staticSizes, dynamicSizes] = decomposeMixedValues(sizes);
    mask = tensor::ExpandShapeOp::create(
        b, loc, RankedTensorType::get(staticSizes, type.getElementType()), mask,
        SmallVector<ReassociationIndices>{{0}, {1, 2}, {3}, {4}}, sizes);
    results.append({getAffineDimExpr(G, context), getAffineDimExpr(R, context)});
  } else {
    results.push_back(getAffineConstantExpr(0, context));
  }
  results.push_back(dimOrZero(2, S));
  results.push_back(dimOrZero(3, T));
  maps.push_back(AffineMap::get(5, 0, results, context));
  return mask;
}

Value AttentionLoops::scores(OpBuilder &b, Type element, Scalar accumulate) const {
  // Keys transposed, [B, G, D, T], so that the product reads them with unit stride.
  SmallVector<OpFoldResult> keySizes{k[0], k[2], k[3], k[1]};
  Value empty = tensor::EmptyOp::create(b, loc, keySizes, elementType(key));
  Value keys =
      linalg::TransposeOp::create(b, loc, key, empty, ArrayRef<int64_t>{0, 2, 3, 1})->getResult(0);
  MLIRContext *context = b.getContext();
  auto par = IteratorType::parallel, red = IteratorType::reduction;
  return generic(b, loc, {split(b, query, q[3]), keys}, filled(b, loc, scoreSizes, element, 0.0),
                 {sixLoops(context, {B, S, G, R, D}), sixLoops(context, {B, G, D, T}),
                  sixLoops(context, {B, G, R, S, T})},
                 {par, par, par, par, par, red}, accumulate);
}

Value AttentionLoops::products(OpBuilder &b, Value weights, Type element, Scalar accumulate) const {
  MLIRContext *context = b.getContext();
  auto par = IteratorType::parallel, red = IteratorType::reduction;
  SmallVector<OpFoldResult> sizes{q[0], q[1], groups, inGroup, v[3]};
  return generic(b, loc, {weights, value}, filled(b, loc, sizes, element, 0.0),
                 {sixLoops(context, {B, G, R, S, T}), sixLoops(context, {B, T, G, D}),
                  sixLoops(context, {B, S, G, R, D})},
                 {par, par, par, par, red, par}, accumulate);
}

AffineMap AttentionLoops::rowOfResult(OpBuilder &b) const {
  return AffineMap::get(
      5, 0,
      {b.getAffineDimExpr(0), b.getAffineDimExpr(2), b.getAffineDimExpr(3), b.getAffineDimExpr(1)},
      b.getContext());
}
