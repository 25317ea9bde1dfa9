// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations on caches: verifiers, loops, and what they mean in linalg. A cache
// is cut to the rows that are valid before anything else is done, so that what
// lies behind them is neither read nor computed with. Tiles of an update insert
// rows of their own at the position; tiles of an attention move the position.

#include "dialects/nn/GroupFormats.h"
#include "dialects/nn/KernelOperands.h"
#include "dialects/nn/StoredGroups.h"
#include "dialects/nn/StructuredOps.h"

using namespace mlir;
using namespace tercet::nn;
using mlir::utils::IteratorType;

static ShapedType shapedType(Value value) { return cast<ShapedType>(value.getType()); }

/// a + b, folded where both are constants.
static OpFoldResult add(OpBuilder &b, Location loc, OpFoldResult lhs, OpFoldResult rhs) {
  AffineExpr d0 = b.getAffineDimExpr(0), d1 = b.getAffineDimExpr(1);
  return affine::makeComposedFoldedAffineApply(b, loc, d0 + d1, {lhs, rhs});
}

/// Floats converted to floats of another type, element by element.
static Value converted(OpBuilder &b, Location loc, Value value, Type element) {
  Type from = elementType(value);
  if (from == element)
    return value;
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, value);
  AffineMap map = b.getMultiDimIdentityMap(sizes.size());
  SmallVector<IteratorType> loops(sizes.size(), IteratorType::parallel);
  bool wider = from.getIntOrFloatBitWidth() < element.getIntOrFloatBitWidth();
  return generic(b, loc, value, tensor::EmptyOp::create(b, loc, sizes, element), {map, map}, loops,
                 [&](OpBuilder &n, Location at, ValueRange args) -> Value {
                   if (wider)
                     return arith::ExtFOp::create(n, at, element, args[0]);
                   return arith::TruncFOp::create(n, at, element, args[0]);
                 });
}

/// A head's elements of one token are stored in whole blocks that nn.encode_groups
/// can make: bytes of i8 in the last dimension of a cache.
static LogicalResult verifyStored(Operation *op, StringRef name, GroupsAttr format,
                                  ShapedType cache, int64_t elements) {
  if (!isEncodable(format) || format.getSumAt() >= 0)
    return op->emitOpError() << "expected a format that can be made as the program runs, without "
                                "sums, got "
                             << format;
  if (!cache.getElementType().isSignlessInteger(8))
    return op->emitOpError() << "expected a " << name << " of i8 with a format, got " << cache;
  if (ShapedType::isDynamic(elements))
    return success();
  if (elements % format.getBlock() != 0)
    return op->emitOpError() << "expected heads of whole blocks of " << format.getBlock()
                             << " elements, got " << elements;
  int64_t bytes = elements / format.getBlock() * format.getBytes();
  if (cache.getDimSize(3) != bytes)
    return op->emitOpError() << "expected a " << name << " with " << bytes << " bytes for the "
                             << elements << " elements of a head, got " << cache;
  return success();
}

/// Rows [B, S, G, D] as they are stored: [B, S, G, bytes].
static Value encoded(OpBuilder &b, Location loc, Value rows, GroupsAttr format) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, rows);
  Value matrix = tensor::CollapseShapeOp::create(b, loc, rows,
                                                 SmallVector<ReassociationIndices>{{0, 1, 2}, {3}});
  auto type = cast<RankedTensorType>(matrix.getType());
  int64_t blocks = format.getBlocks(type.getDimSize(1)), bytes = format.getBytes();
  OpFoldResult count = tensor::getMixedSize(b, loc, matrix, 0);
  Value empty = tensor::EmptyOp::create(
      b, loc, ArrayRef<OpFoldResult>{count, b.getIndexAttr(blocks), b.getIndexAttr(bytes)},
      b.getI8Type());
  Value made = EncodeGroupsOp::create(b, loc, empty.getType(), format, matrix, empty).getResult();
  made =
      tensor::CollapseShapeOp::create(b, loc, made, SmallVector<ReassociationIndices>{{0}, {1, 2}});
  sizes[3] = b.getIndexAttr(blocks * bytes);
  auto [shape, dynamic] = decomposeMixedValues(sizes);
  return tensor::ExpandShapeOp::create(b, loc, RankedTensorType::get(shape, b.getI8Type()), made,
                                       SmallVector<ReassociationIndices>{{0, 1, 2}, {3}}, sizes);
}

/// What the first `rows` rows of a cache in groups stand for, in f32, with
/// `elements` in a head.
static Value decoded(OpBuilder &b, Location loc, Value cache, GroupsAttr format, OpFoldResult rows,
                     OpFoldResult elements) {
  auto type = cast<RankedTensorType>(cache.getType());
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, cache);
  OpFoldResult all = sizes[1], heads = sizes[2];
  // Blocks of all tokens and heads one behind the other.
  SmallVector<OpFoldResult> split(sizes);
  split[3] = b.getIndexAttr(type.getDimSize(3) / format.getBytes());
  split.push_back(b.getIndexAttr(format.getBytes()));
  auto [shape, dynamic] = decomposeMixedValues(split);
  Value blocks = tensor::ExpandShapeOp::create(
      b, loc, RankedTensorType::get(shape, type.getElementType()), cache,
      SmallVector<ReassociationIndices>{{0}, {1}, {2}, {3, 4}}, split);
  blocks = tensor::CollapseShapeOp::create(b, loc, blocks,
                                           SmallVector<ReassociationIndices>{{0, 1, 2}, {3}, {4}});
  Value tokens = getValueOrCreateConstantIndexOp(b, loc, all);
  Value inToken = getValueOrCreateConstantIndexOp(b, loc, heads);
  sizes[1] = rows;
  sizes[3] = elements;
  Value empty = tensor::EmptyOp::create(b, loc, sizes, b.getF32Type());
  return generic(b, loc, {}, empty, {b.getMultiDimIdentityMap(4)},
                 SmallVector<IteratorType>(4, IteratorType::parallel),
                 [&](OpBuilder &n, Location at, ValueRange) -> Value {
                   auto loop = [&](int64_t dim) -> Value {
                     return linalg::IndexOp::create(n, at, dim);
                   };
                   auto next = [&](Value number, Value count, Value inner) -> Value {
                     number = arith::MulIOp::create(n, at, number, count);
                     return arith::AddIOp::create(n, at, number, inner);
                   };
                   Value row = next(next(loop(0), tokens, loop(1)), inToken, loop(2));
                   return StoredGroups(n, at, blocks, format, /*panel=*/0).value(row, loop(3));
                 });
}

//===----------------------------------------------------------------------===//
// Update
//===----------------------------------------------------------------------===//

LogicalResult CacheUpdateOp::verify() {
  ShapedType rows = shapedType(getRows()), cache = shapedType(getInit());
  if (rows.getRank() != 4 || cache.getRank() != 4)
    return emitOpError() << "expected rows and a cache of rank 4 [B, S, G, D], got " << rows
                         << " and " << cache;
  std::optional<GroupsAttr> format = getFormat();
  if (format) {
    if (!rows.getElementType().isF32())
      return emitOpError() << "expected rows of f32 with a format, got " << rows;
    if (failed(verifyStored(*this, "cache", *format, cache, rows.getDimSize(3))))
      return failure();
  } else if (!isa<FloatType>(rows.getElementType()) || !isa<FloatType>(cache.getElementType())) {
    return emitOpError() << "expected floating-point elements, got " << rows << " and " << cache;
  }
  for (int64_t dim : {0, 2, 3})
    if (!(format && dim == 3) && rows.getDimSize(dim) != cache.getDimSize(dim))
      return emitOpError() << "rows " << rows << " do not fit into a cache " << cache;
  if (!rows.isDynamicDim(1) && rows.getDimSize(1) > cache.getDimSize(1))
    return emitOpError() << "expected at most the " << cache.getDimSize(1)
                         << " rows of the cache, got " << rows;
  return success();
}

SmallVector<IteratorType> CacheUpdateOp::getLoopIteratorTypes() {
  return SmallVector<IteratorType>(4, IteratorType::parallel);
}

SmallVector<Range> CacheUpdateOp::getIterationDomain(OpBuilder &b) {
  SmallVector<Range> domain;
  for (OpFoldResult size : tensor::getMixedSizes(b, getLoc(), getRows()))
    domain.push_back({b.getIndexAttr(0), size, b.getIndexAttr(1)});
  return domain;
}

LogicalResult CacheUpdateOp::getResultTilePosition(OpBuilder &b, unsigned,
                                                   ArrayRef<OpFoldResult> offsets,
                                                   ArrayRef<OpFoldResult> sizes,
                                                   SmallVector<OpFoldResult> &resultOffsets,
                                                   SmallVector<OpFoldResult> &resultSizes) {
  resultOffsets.assign(offsets.begin(), offsets.end());
  resultOffsets[1] = add(b, getLoc(), offsets[1], OpFoldResult(getPosition()));
  resultSizes.assign(sizes.begin(), sizes.end());
  if (getFormat()) { // heads are not cut
    resultOffsets[3] = b.getIndexAttr(0);
    resultSizes[3] = tensor::getMixedSize(b, getLoc(), getInit(), 3);
  }
  return success();
}

FailureOr<TilingResult> CacheUpdateOp::getTiledImplementation(OpBuilder &b,
                                                              ArrayRef<OpFoldResult> offsets,
                                                              ArrayRef<OpFoldResult> sizes) {
  Location loc = getLoc();
  if (getFormat() && (!isConstantIntValue(offsets[3], 0) ||
                      getConstantIntValue(sizes[3]) != shapedType(getRows()).getDimSize(3)))
    return emitOpError() << "a tile of rows in groups must have whole heads";
  SmallVector<OpFoldResult> strides(4, b.getIndexAttr(1));
  auto slice = tensor::ExtractSliceOp::create(b, loc, getRows(), offsets, sizes, strides);
  Value tile = getFormat() ? encoded(b, loc, slice, *getFormat())
                           : converted(b, loc, slice, elementType(getInit()));
  return TilingResult{{tile.getDefiningOp()}, {tile}, {slice}};
}

FailureOr<TilingResult> CacheUpdateOp::generateResultTileValue(OpBuilder &, unsigned,
                                                               ArrayRef<OpFoldResult>,
                                                               ArrayRef<OpFoldResult>) {
  return emitOpError() << "a part of the updated cache is no tile of the rows";
}

FailureOr<SmallVector<Value>> CacheUpdateOp::decomposeOperation(OpBuilder &b) {
  Location loc = getLoc();
  Value rows = getFormat() ? encoded(b, loc, getRows(), *getFormat())
                           : converted(b, loc, getRows(), elementType(getInit()));
  SmallVector<OpFoldResult> offsets(4, b.getIndexAttr(0)), strides(4, b.getIndexAttr(1));
  offsets[1] = getPosition();
  return SmallVector<Value>{tensor::InsertSliceOp::create(
      b, loc, rows, getInit(), offsets, tensor::getMixedSizes(b, loc, rows), strides)};
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

int64_t CachedAttentionOp::getGroupSize() {
  return std::max<int64_t>(1, shapedType(getQuery()).getDimSize(2) /
                                  shapedType(getKey()).getDimSize(2));
}

LogicalResult CachedAttentionOp::verify() {
  if (failed(expectOneKind(*this)))
    return failure();
  ShapedType query = shapedType(getQuery()), key = shapedType(getKey()),
             value = shapedType(getValue()), init = shapedType(getInit());
  ArrayRef<int64_t> q = query.getShape(), k = key.getShape(), v = value.getShape();
  if (q.size() != 4 || k.size() != 4 || v.size() != 4)
    return emitOpError() << "expected query, key and value of rank 4 [B, S, H, D]";
  auto differ = [](int64_t a, int64_t b) {
    return !ShapedType::isDynamic(a) && !ShapedType::isDynamic(b) && a != b;
  };
  std::optional<GroupsAttr> format = getFormat();
  if (differ(q[0], k[0]) || differ(k[0], v[0]) || (!format && differ(q[3], k[3])) ||
      differ(k[1], v[1]) || differ(k[2], v[2]))
    return emitOpError() << "shapes of query " << query << ", key " << key << " and value " << value
                         << " do not go together";
  if (!ShapedType::isDynamic(q[2]) && !ShapedType::isDynamic(k[2]) && q[2] % k[2] != 0)
    return emitOpError() << q[2] << " query heads cannot share " << k[2] << " key heads evenly";
  if (format && !query.getElementType().isF32())
    return emitOpError() << "expected a query of f32 with a format, got " << query;
  if (format && (failed(verifyStored(*this, "key", *format, key, q[3])) ||
                 (init.getRank() == 4 &&
                  failed(verifyStored(*this, "value", *format, value, init.getDimSize(3))))))
    return failure();
  SmallVector<ShapedType> floats{query};
  if (!format)
    floats.append({key, value});
  for (ShapedType type : floats)
    if (!isa<FloatType>(type.getElementType()) ||
        type.getElementTypeBitWidth() > query.getElementTypeBitWidth())
      return emitOpError() << "expected floats of at most the query's width, got " << type;
  if (key.getElementType() != value.getElementType())
    return emitOpError() << "expected key and value of one element type, got " << key << " and "
                         << value;
  if (init.getElementType() != query.getElementType() || init.getRank() != 4 ||
      differ(init.getDimSize(0), q[0]) || differ(init.getDimSize(1), q[1]) ||
      differ(init.getDimSize(2), q[2]) || (!format && differ(init.getDimSize(3), v[3])))
    return emitOpError() << "expected init [B, S, H, E] of the query's type, got " << init;
  if (getWindow() && static_cast<int64_t>(*getWindow()) < 1)
    return emitOpError() << "expected a window of at least 1, got " << *getWindow();
  if (!getMask())
    return success();
  ArrayRef<int64_t> m = shapedType(getMask()).getShape();
  if (m.size() != 4 || m[2] != 1 || (m[0] != 1 && differ(m[0], q[0])) ||
      (m[1] != 1 && differ(m[1], q[2])) || differ(m[3], k[1]) ||
      elementType(getMask()) != query.getElementType())
    return emitOpError() << "expected a mask [B or 1, H or 1, 1, T] of the query's type, got "
                         << getMask().getType();
  return success();
}

SmallVector<int64_t> CachedAttentionOp::getLoopsOfOperand(unsigned operand) {
  if (operand == getPositionMutable().getOperandNumber())
    return {};
  if (operand == 1 || operand == 2)
    return {0, kWhole, 2, kWhole};
  if (getMask() && operand == 3) {
    ArrayRef<int64_t> m = shapedType(getMask()).getShape();
    return {m[0] == 1 ? kWhole : 0, m[1] == 1 ? kWhole : 2, kWhole, kWhole};
  }
  return {0, 1, 2, kWhole};
}

void CachedAttentionOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  getReadsAndWrites(*this, effects);
}

FailureOr<SmallVector<Value>> CachedAttentionOp::decomposeOperation(OpBuilder &b) {
  if (!hasPureTensorSemantics())
    return failure();
  Location loc = getLoc();
  Type element = elementType(getQuery());
  SmallVector<OpFoldResult> q = tensor::getMixedSizes(b, loc, getQuery());
  // No more than the cache holds, so that memory for it has a bound.
  AffineExpr d0 = b.getAffineDimExpr(0), d1 = b.getAffineDimExpr(1), d2 = b.getAffineDimExpr(2);
  OpFoldResult valid = affine::makeComposedFoldedAffineMin(
      b, loc, AffineMap::get(3, 0, {d0 + d1, d2}, b.getContext()),
      {q[1], getPosition(), tensor::getMixedSize(b, loc, getKey(), 1)});
  auto firstRows = [&](Value value, int64_t dim) -> Value {
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, value);
    sizes[dim] = valid;
    SmallVector<OpFoldResult> offsets(4, b.getIndexAttr(0)), strides(4, b.getIndexAttr(1));
    return tensor::ExtractSliceOp::create(b, loc, value, offsets, sizes, strides);
  };
  auto floats = [&](Value cache, Value like) -> Value {
    if (std::optional<GroupsAttr> format = getFormat())
      return decoded(b, loc, cache, *format, valid, tensor::getMixedSize(b, loc, like, 3));
    return converted(b, loc, firstRows(cache, 1), element);
  };
  Value key = floats(getKey(), getQuery()), value = floats(getValue(), getInit());

  // The mask [1 or B, 1 or H, S, valid]: lowest where the key is not seen.
  SmallVector<OpFoldResult> sizes{b.getIndexAttr(1), b.getIndexAttr(1), q[1], valid};
  SmallVector<Value> inputs;
  AffineExpr zero = b.getAffineConstantExpr(0);
  SmallVector<AffineMap> maps;
  if (getMask()) {
    inputs.push_back(firstRows(getMask(), 3));
    SmallVector<OpFoldResult> given = tensor::getMixedSizes(b, loc, inputs[0]);
    sizes[0] = given[0];
    sizes[1] = given[1];
    maps.push_back(AffineMap::get(
        4, 0, {b.getAffineDimExpr(0), b.getAffineDimExpr(1), zero, b.getAffineDimExpr(3)},
        b.getContext()));
  }
  maps.push_back(b.getMultiDimIdentityMap(4));
  Value position = getPosition();
  double lowest = -std::numeric_limits<double>::infinity();
  Value mask =
      generic(b, loc, inputs, tensor::EmptyOp::create(b, loc, sizes, element), maps,
              SmallVector<IteratorType>(4, IteratorType::parallel),
              [&](OpBuilder &n, Location at, ValueRange args) -> Value {
                Value row =
                    arith::AddIOp::create(n, at, position, linalg::IndexOp::create(n, at, 2));
                Value column = linalg::IndexOp::create(n, at, 3);
                Value seen = arith::CmpIOp::create(n, at, arith::CmpIPredicate::sle, column, row);
                if (getWindow()) {
                  Value window = arith::ConstantIndexOp::create(n, at, *getWindow());
                  Value end = arith::AddIOp::create(n, at, column, window);
                  Value near = arith::CmpIOp::create(n, at, arith::CmpIPredicate::sgt, end, row);
                  seen = arith::AndIOp::create(n, at, seen, near);
                }
                Value bias = getMask() ? args[0] : constant(n, at, element, 0);
                return arith::SelectOp::create(n, at, seen, bias, constant(n, at, element, lowest));
              });
  return SmallVector<Value>{AttentionOp::create(b, loc, getInit().getType(), getQuery(), key, value,
                                                mask, getInit(), getScale())
                                .getResult()};
}
