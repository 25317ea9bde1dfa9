// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// TilingInterface of the nn operations. All loops are parallel and are the
// dimensions of the result; an operand's tile follows from the loop that each
// of its dimensions belongs to. A loop that an operation needs whole (the
// normalised dimension, say) cannot be tiled: asking for it fails.

#include "dialects/nn/NN.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"

using namespace mlir;
using namespace tercet::nn;

namespace {

struct Tile {
  SmallVector<OpFoldResult> offsets, sizes;
};

OpFoldResult floorDiv(OpBuilder &b, Location loc, OpFoldResult value, int64_t by) {
  AffineExpr d0 = b.getAffineDimExpr(0);
  return affine::makeComposedFoldedAffineApply(b, loc, AffineMap::get(1, 0, d0.floorDiv(by)),
                                               {value});
}

OpFoldResult ceilDiv(OpBuilder &b, Location loc, OpFoldResult value, int64_t by) {
  AffineExpr d0 = b.getAffineDimExpr(0);
  return affine::makeComposedFoldedAffineApply(b, loc, AffineMap::get(1, 0, d0.ceilDiv(by)),
                                               {value});
}

OpFoldResult times(OpBuilder &b, Location loc, OpFoldResult value, int64_t by) {
  return affine::makeComposedFoldedAffineApply(b, loc, b.getAffineDimExpr(0) * by, {value});
}

OpFoldResult sum(OpBuilder &b, Location loc, OpFoldResult lhs, OpFoldResult rhs) {
  AffineExpr d0 = b.getAffineDimExpr(0), d1 = b.getAffineDimExpr(1);
  return affine::makeComposedFoldedAffineApply(b, loc, d0 + d1, {lhs, rhs});
}

/// The least constant that the value is known not to exceed.
std::optional<int64_t> greatestValue(OpFoldResult value) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return constant;
  FailureOr<int64_t> bound = ValueBoundsConstraintSet::computeConstantBound(
      presburger::BoundType::UB, {cast<Value>(value), std::nullopt}, /*stopCondition=*/nullptr,
      /*closedUB=*/true);
  return succeeded(bound) ? std::optional<int64_t>(*bound) : std::nullopt;
}

/// The part of `value` at `tile`, rank kept. A tile that covers the value is a
/// slice as well: producers are fused along slices.
Value sliceOf(OpBuilder &b, Location loc, Value value, const Tile &tile,
              SmallVectorImpl<Operation *> &slices) {
  SmallVector<OpFoldResult> strides(tile.offsets.size(), b.getIndexAttr(1));
  auto slice = tensor::ExtractSliceOp::create(b, loc, value, tile.offsets, tile.sizes, strides);
  slices.push_back(slice);
  return slice;
}

SmallVector<Range> domainOf(OpBuilder &b, Location loc, Value result) {
  SmallVector<Range> domain;
  for (OpFoldResult size : tensor::getMixedSizes(b, loc, result))
    domain.push_back({b.getIndexAttr(0), size, b.getIndexAttr(1)});
  return domain;
}

TilingResult cloneWithOperands(OpBuilder &b, Operation *op, ArrayRef<Value> operands,
                               Type resultType, SmallVector<Operation *> slices) {
  Operation *tiled = clone(b, op, {resultType}, operands);
  return TilingResult{{tiled}, {tiled->getResult(0)}, std::move(slices)};
}

template <typename OpTy, typename... Others>
constexpr bool isOneOf = (std::is_same_v<OpTy, Others> || ...);

template <typename OpTy> ShapedType resultType(OpTy op) {
  return cast<ShapedType>(op.getInit().getType());
}

/// Loops that every tile must span: those that occur in no operand but whole.
template <typename OpTy> bool isWholeLoop(OpTy op, int64_t loop) {
  if constexpr (isOneOf<OpTy, AttentionOp, RopeOp, LayerNormOp, RmsNormOp, CachedAttentionOp,
                        QuantizedAttentionOp, QuantizedLayerNormOp, QuantizedRmsNormOp,
                        GroupGatherOp>)
    return loop == resultType(op).getRank() - 1;
  if constexpr (std::is_same_v<OpTy, EncodeGroupsOp>)
    return loop > 1;
  // Scales of columns are in the type, of which no part can be cut out.
  if constexpr (isOneOf<OpTy, QuantizeOp, DequantizeOp>)
    return isa<quant::UniformQuantizedPerAxisType>(op.getTypeAttr().getValue()) &&
           loop == resultType(op).getRank() - 1;
  return false;
}

/// The rows of a lookup's table for a tile of channels, which lies in one block
/// or is whole blocks.
LogicalResult blocksOfTile(LookupOp op, OpBuilder &b, OpFoldResult offset, OpFoldResult size,
                           OpFoldResult &firstRow, OpFoldResult &rows) {
  int64_t block = op.getBlock();
  std::optional<int64_t> channels = greatestValue(size);
  if (ShapedType::isDynamic(block) || cast<ShapedType>(op.getTable().getType()).getDimSize(0) == 1)
    return success(); // one row for all
  if (!channels || (*channels % block != 0 && block % *channels != 0) ||
      (*channels > block && !getConstantIntValue(size)))
    return op.emitOpError() << "a tile of channels must divide or be divided by the block of "
                            << block;
  firstRow = floorDiv(b, op.getLoc(), offset, block);
  rows = b.getIndexAttr(llvm::divideCeil(*channels, block));
  return success();
}

template <typename OpTy>
FailureOr<TilingResult> tileByLoops(OpTy op, OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                    ArrayRef<OpFoldResult> sizes) {
  if (!op.hasPureTensorSemantics())
    return op.emitOpError() << "can be tiled on tensors only";
  Location loc = op.getLoc();
  ArrayRef<int64_t> shape = resultType(op).getShape();
  for (int64_t loop = 0, rank = shape.size(); loop < rank; ++loop)
    if (isWholeLoop(op, loop) && !ShapedType::isDynamic(shape[loop]) &&
        (!isConstantIntValue(offsets[loop], 0) || getConstantIntValue(sizes[loop]) != shape[loop]))
      return op.emitOpError() << "dimension " << loop << " cannot be tiled";

  SmallVector<Value> operands;
  SmallVector<Operation *> slices;
  for (OpOperand &operand : op->getOpOperands()) {
    if (operand.get().getType().isIndex()) {
      // Rows of a tile are further on; tables were cut out where they are.
      if constexpr (std::is_same_v<OpTy, CachedAttentionOp>)
        operands.push_back(
            getValueOrCreateConstantIndexOp(b, loc, sum(b, loc, operand.get(), offsets[1])));
      continue;
    }
    SmallVector<OpFoldResult> full = tensor::getMixedSizes(b, loc, operand.get());
    SmallVector<int64_t> loops = op.getLoopsOfOperand(operand.getOperandNumber());
    Tile tile;
    bool tiled = false;
    for (auto [dim, loop] : llvm::enumerate(loops)) {
      bool whole = loop < 0 || isWholeLoop(op, loop);
      tiled |= !whole;
      OpFoldResult offset = whole ? OpFoldResult(b.getIndexAttr(0)) : offsets[loop];
      OpFoldResult size = whole ? full[dim] : sizes[loop];
      // Columns of a tile are those of its blocks.
      if constexpr (std::is_same_v<OpTy, EncodeGroupsOp>)
        if (operand.getOperandNumber() == 0 && dim == 1) {
          offset = times(b, loc, offsets[1], op.getFormat().getBlock());
          size = times(b, loc, sizes[1], op.getFormat().getBlock());
          tiled = true;
        }
      if constexpr (std::is_same_v<OpTy, RopeOp>)
        if (op.getPosition() && loops.size() == 3 && dim == 1) {
          offset = sum(b, loc, offset, op.getPosition());
          tiled = true;
        }
      if constexpr (isOneOf<OpTy, AttentionOp, CachedAttentionOp, QuantizedAttentionOp>) {
        unsigned number = operand.getOperandNumber();
        int64_t group = op.getGroupSize();
        if (group > 1 && dim == 2 && (number == 1 || number == 2)) {
          // A tile of heads must lie in one group or be whole groups.
          std::optional<int64_t> heads = getConstantIntValue(size);
          if (!heads || (*heads % group != 0 && group % *heads != 0))
            return op.emitOpError() << "a tile of heads must divide or be divided by " << group;
          offset = floorDiv(b, loc, offset, group);
          size = ceilDiv(b, loc, size, group);
        }
      }
      if constexpr (std::is_same_v<OpTy, LookupOp>) {
        if (operand.getOperandNumber() == 1 && loops.size() == 2 && dim == 0) {
          tiled = true;
          if (failed(blocksOfTile(op, b, offsets.back(), sizes.back(), offset, size)))
            return failure();
        }
      }
      tile.offsets.push_back(offset);
      tile.sizes.push_back(size);
    }
    operands.push_back(tiled ? sliceOf(b, loc, operand.get(), tile, slices) : operand.get());
  }
  Type tileType = operands[op.getDpsInitsMutable()[0].getOperandNumber()].getType();
  return cloneWithOperands(b, op, operands, tileType, std::move(slices));
}

LogicalResult sameAsLoops(ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes,
                          SmallVector<OpFoldResult> &toOffsets,
                          SmallVector<OpFoldResult> &toSizes) {
  toOffsets.assign(offsets.begin(), offsets.end());
  toSizes.assign(sizes.begin(), sizes.end());
  return success();
}

} // namespace

#define TERCET_TILING_BY_RESULT(OP)                                                                \
  SmallVector<utils::IteratorType> OP::getLoopIteratorTypes() {                                    \
    return SmallVector<utils::IteratorType>(cast<ShapedType>(getInit().getType()).getRank(),       \
                                            utils::IteratorType::parallel);                        \
  }                                                                                                \
  SmallVector<Range> OP::getIterationDomain(OpBuilder &b) {                                        \
    return domainOf(b, getLoc(), getInit());                                                       \
  }                                                                                                \
  LogicalResult OP::getResultTilePosition(                                                         \
      OpBuilder &, unsigned, ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes,         \
      SmallVector<OpFoldResult> &resultOffsets, SmallVector<OpFoldResult> &resultSizes) {          \
    return sameAsLoops(offsets, sizes, resultOffsets, resultSizes);                                \
  }                                                                                                \
  LogicalResult OP::getIterationDomainTileFromResultTile(                                          \
      OpBuilder &, unsigned, ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes,         \
      SmallVectorImpl<OpFoldResult> &domainOffsets, SmallVectorImpl<OpFoldResult> &domainSizes) {  \
    domainOffsets.assign(offsets.begin(), offsets.end());                                          \
    domainSizes.assign(sizes.begin(), sizes.end());                                                \
    return success();                                                                              \
  }                                                                                                \
  FailureOr<TilingResult> OP::generateResultTileValue(                                             \
      OpBuilder &b, unsigned, ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes) {      \
    return getTiledImplementation(b, offsets, sizes);                                              \
  }

#define TERCET_TILING_BY_LOOPS(OP)                                                                 \
  TERCET_TILING_BY_RESULT(OP)                                                                      \
  FailureOr<TilingResult> OP::getTiledImplementation(OpBuilder &b, ArrayRef<OpFoldResult> offsets, \
                                                     ArrayRef<OpFoldResult> sizes) {               \
    return tileByLoops(*this, b, offsets, sizes);                                                  \
  }

TERCET_TILING_BY_LOOPS(ActivationOp)
TERCET_TILING_BY_LOOPS(LayerNormOp)
TERCET_TILING_BY_LOOPS(RmsNormOp)
TERCET_TILING_BY_LOOPS(RopeOp)
TERCET_TILING_BY_LOOPS(GatherOp)
TERCET_TILING_BY_LOOPS(AttentionOp)
TERCET_TILING_BY_LOOPS(CachedAttentionOp)
TERCET_TILING_BY_LOOPS(QuantizeOp)
TERCET_TILING_BY_LOOPS(DequantizeOp)
TERCET_TILING_BY_LOOPS(QuantizedAttentionOp)
TERCET_TILING_BY_LOOPS(QuantizedLayerNormOp)
TERCET_TILING_BY_LOOPS(QuantizedRmsNormOp)
TERCET_TILING_BY_LOOPS(QuantizedAddOp)
TERCET_TILING_BY_LOOPS(RescaleOp)
TERCET_TILING_BY_LOOPS(LookupOp)
TERCET_TILING_BY_LOOPS(EncodeGroupsOp)
TERCET_TILING_BY_LOOPS(GroupGatherOp)
TERCET_TILING_BY_RESULT(PackedMatmulOp)
TERCET_TILING_BY_RESULT(QuantizedMatmulOp)
TERCET_TILING_BY_RESULT(GroupMatmulOp)

/// Fails unless tiles of `size` columns from `offset` on start at a panel.
/// Offsets are multiples of the tile size, which is the greatest size of a
/// tile: the last one may be smaller. It must be a multiple of the panel, or
/// all columns.
static LogicalResult startsAtPanel(Operation *op, OpFoldResult offset, OpFoldResult size,
                                   int64_t panel, int64_t allColumns) {
  if (isConstantIntValue(offset, 0))
    return success();
  std::optional<int64_t> columns = greatestValue(size);
  if (!columns)
    return op->emitOpError() << "a tile of an unknown number of columns may not start at a panel";
  if (*columns % panel != 0 && *columns != allColumns)
    return op->emitOpError() << "a tile of " << *columns
                             << " columns is no multiple of the panel of " << panel;
  return success();
}

FailureOr<TilingResult> PackedMatmulOp::getTiledImplementation(OpBuilder &b,
                                                               ArrayRef<OpFoldResult> offsets,
                                                               ArrayRef<OpFoldResult> sizes) {
  if (!hasPureTensorSemantics())
    return emitOpError() << "can be tiled on tensors only";
  Location loc = getLoc();
  int64_t panel = getPanel();
  if (failed(startsAtPanel(*this, offsets[1], sizes[1], panel, resultType(*this).getDimSize(1))))
    return failure();
  SmallVector<OpFoldResult> lhs = tensor::getMixedSizes(b, loc, getLhs());
  SmallVector<OpFoldResult> rhs = tensor::getMixedSizes(b, loc, getRhs());
  OpFoldResult zero = b.getIndexAttr(0);
  SmallVector<Operation *> slices;
  Value operands[] = {
      sliceOf(b, loc, getLhs(), {{offsets[0], zero}, {sizes[0], lhs[1]}}, slices),
      sliceOf(b, loc, getRhs(),
              {{floorDiv(b, loc, offsets[1], panel), zero, zero},
               {ceilDiv(b, loc, sizes[1], panel), rhs[1], rhs[2]}},
              slices),
      sliceOf(b, loc, getInit(), {{offsets[0], offsets[1]}, {sizes[0], sizes[1]}}, slices)};
  return cloneWithOperands(b, *this, operands, operands[2].getType(), std::move(slices));
}

FailureOr<TilingResult> QuantizedMatmulOp::getTiledImplementation(OpBuilder &b,
                                                                  ArrayRef<OpFoldResult> offsets,
                                                                  ArrayRef<OpFoldResult> sizes) {
  if (!isPacked())
    return tileByLoops(*this, b, offsets, sizes);
  if (!hasPureTensorSemantics())
    return emitOpError() << "can be tiled on tensors only";
  Location loc = getLoc();
  int64_t panel = getPanel();
  if (failed(startsAtPanel(*this, offsets[1], sizes[1], panel, resultType(*this).getDimSize(1))))
    return failure();
  SmallVector<OpFoldResult> lhs = tensor::getMixedSizes(b, loc, getLhs());
  SmallVector<OpFoldResult> rhs = tensor::getMixedSizes(b, loc, getRhs());
  OpFoldResult zero = b.getIndexAttr(0);
  SmallVector<Operation *> slices;
  Value operands[] = {
      sliceOf(b, loc, getLhs(), {{offsets[0], zero}, {sizes[0], lhs[1]}}, slices),
      sliceOf(b, loc, getRhs(),
              {{floorDiv(b, loc, offsets[1], panel), zero, zero, zero},
               {ceilDiv(b, loc, sizes[1], panel), rhs[1], rhs[2], rhs[3]}},
              slices),
      sliceOf(b, loc, getBias(), {{offsets[1]}, {sizes[1]}}, slices),
      sliceOf(b, loc, getMultiplier(), {{offsets[1]}, {sizes[1]}}, slices),
      sliceOf(b, loc, getInit(), {{offsets[0], offsets[1]}, {sizes[0], sizes[1]}}, slices)};
  return cloneWithOperands(b, *this, operands, operands[4].getType(), std::move(slices));
}

FailureOr<TilingResult> GroupMatmulOp::getTiledImplementation(OpBuilder &b,
                                                              ArrayRef<OpFoldResult> offsets,
                                                              ArrayRef<OpFoldResult> sizes) {
  if (!getPanel())
    return tileByLoops(*this, b, offsets, sizes);
  if (!hasPureTensorSemantics())
    return emitOpError() << "can be tiled on tensors only";
  Location loc = getLoc();
  int64_t panel = getPanelColumns();
  if (failed(startsAtPanel(*this, offsets[1], sizes[1], panel, resultType(*this).getDimSize(1))))
    return failure();
  Tile lhs{{}, tensor::getMixedSizes(b, loc, getLhs())};
  Tile rhs{{}, tensor::getMixedSizes(b, loc, getRhs())};
  lhs.offsets.assign(lhs.sizes.size(), b.getIndexAttr(0));
  rhs.offsets.assign(rhs.sizes.size(), b.getIndexAttr(0));
  lhs.offsets[0] = offsets[0];
  lhs.sizes[0] = sizes[0];
  rhs.offsets[0] = floorDiv(b, loc, offsets[1], panel);
  rhs.sizes[0] = ceilDiv(b, loc, sizes[1], panel);
  SmallVector<Operation *> slices;
  Value operands[] = {
      sliceOf(b, loc, getLhs(), lhs, slices), sliceOf(b, loc, getRhs(), rhs, slices),
      sliceOf(b, loc, getInit(), {{offsets[0], offsets[1]}, {sizes[0], sizes[1]}}, slices)};
  return cloneWithOperands(b, *this, operands, operands[2].getType(), std::move(slices));
}
