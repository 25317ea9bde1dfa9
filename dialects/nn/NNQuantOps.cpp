// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifiers of the operations on integers, and which operand dimension belongs
// to which loop. A verifier refuses what the types and attributes alone make
// wrong: ranges of multipliers and shifts, and sums that could overflow 32 bits
// whatever the weights are. That the sums of an i16 left-hand side fit depends
// on the weights; whoever creates such an operation has to know it.

#include "dialects/nn/KernelOperands.h"

using namespace mlir;
using namespace tercet::nn;

static ShapedType typeOf(Value value) { return cast<ShapedType>(value.getType()); }

static SmallVector<int64_t> allLoops(Value value) {
  return llvm::to_vector(llvm::seq<int64_t>(0, typeOf(value).getRank()));
}

/// Reports elements that are none of the signless integers of these widths.
static LogicalResult expectIntegers(Operation *op, StringRef name, Value value,
                                    ArrayRef<unsigned> widths) {
  Type element = typeOf(value).getElementType();
  for (unsigned width : widths)
    if (element.isSignlessInteger(width))
      return success();
  auto diag = op->emitOpError() << "expected " << name << " of ";
  llvm::interleave(widths, diag, [&](unsigned width) { diag << "i" << width; }, " or ");
  return diag << ", got " << value.getType();
}

static LogicalResult expectRange(Operation *op, StringRef name, int64_t value, int64_t least,
                                 int64_t greatest) {
  if (value >= least && value <= greatest)
    return success();
  return op->emitOpError() << "expected " << name << " from " << least << " to " << greatest
                           << ", got " << value;
}

/// The zero must be a value of the result's type, and is 0 in 16 bits.
static LogicalResult expectZero(Operation *op, int64_t zero, Value result) {
  bool wide = typeOf(result).getElementType().isSignlessInteger(16);
  return expectRange(op, wide ? "a zero of i16" : "a zero of i8", zero, wide ? 0 : -128,
                     wide ? 0 : 127);
}

#define TERCET_INTEGER_EFFECTS(OP)                                                                 \
  void OP::getEffects(                                                                             \
      SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {              \
    getReadsAndWrites(*this, effects);                                                             \
  }

TERCET_INTEGER_EFFECTS(QuantizeOp)
TERCET_INTEGER_EFFECTS(DequantizeOp)
TERCET_INTEGER_EFFECTS(QuantizedMatmulOp)
TERCET_INTEGER_EFFECTS(QuantizedAttentionOp)
TERCET_INTEGER_EFFECTS(QuantizedLayerNormOp)
TERCET_INTEGER_EFFECTS(QuantizedRmsNormOp)
TERCET_INTEGER_EFFECTS(QuantizedAddOp)
TERCET_INTEGER_EFFECTS(RescaleOp)
TERCET_INTEGER_EFFECTS(LookupOp)

//===----------------------------------------------------------------------===//
// There and back
//===----------------------------------------------------------------------===//

static LogicalResult verifyQuantized(Operation *op, Type type, Value floats, Value integers) {
  if (failed(expectOneKind(op)))
    return failure();
  auto quantized = dyn_cast<quant::QuantizedType>(type);
  auto uniform = dyn_cast<quant::UniformQuantizedType>(type);
  auto columns = dyn_cast<quant::UniformQuantizedPerAxisType>(type);
  if ((!uniform && !columns) || !quantized.isSigned() || !quantized.getExpressedType().isF32() ||
      quantized.hasStorageTypeBounds())
    return op->emitOpError() << "expected a signed !quant.uniform of f32 without bounds, got "
                             << type;
  if (failed(expectIntegers(op, "integers", integers, {8, 16})))
    return failure();
  if (typeOf(integers).getElementType() != quantized.getStorageType())
    return op->emitOpError() << "expected elements of " << quantized.getStorageType() << " as in "
                             << type << ", got " << integers.getType();
  if (!typeOf(floats).getElementType().isF32())
    return op->emitOpError() << "expected elements of f32, got " << floats.getType();
  ArrayRef<int64_t> shape = typeOf(op->getOperand(0)).getShape();
  if (columns) {
    if (columns.getQuantizedDimension() != static_cast<int64_t>(shape.size()) - 1)
      return op->emitOpError() << "expected scales along the last dimension, got " << type;
    if (!llvm::all_equal(columns.getZeroPoints()))
      return op->emitOpError() << "expected one zero for all columns, got " << type;
    int64_t scales = columns.getScales().size();
    if (!ShapedType::isDynamic(shape.back()) && shape.back() != scales)
      return op->emitOpError() << "expected " << shape.back() << " scales, got " << scales;
  }
  int64_t zero = uniform ? uniform.getZeroPoint() : columns.getZeroPoints().front();
  if (failed(expectZero(op, zero, integers)))
    return failure();
  return expectShape(op, "init", op->getOperands().back(), shape);
}

LogicalResult QuantizeOp::verify() {
  return verifyQuantized(*this, getTypeAttr().getValue(), getInput(), getInit());
}
SmallVector<int64_t> QuantizeOp::getLoopsOfOperand(unsigned) { return allLoops(getInit()); }

LogicalResult DequantizeOp::verify() {
  return verifyQuantized(*this, getTypeAttr().getValue(), getInit(), getInput());
}
SmallVector<int64_t> DequantizeOp::getLoopsOfOperand(unsigned) { return allLoops(getInit()); }

//===----------------------------------------------------------------------===//
// Matrix product
//===----------------------------------------------------------------------===//

/// The greatest K for which a sum of products of i8 stays below 2^31.
static constexpr int64_t kGreatestDepth = 131072;

LogicalResult QuantizedMatmulOp::verify() {
  if (failed(expectOneKind(*this)) || failed(expectIntegers(*this, "lhs", getLhs(), {8, 16})) ||
      failed(expectIntegers(*this, "rhs", getRhs(), {8})) ||
      failed(expectIntegers(*this, "bias", getBias(), {32})) ||
      failed(expectIntegers(*this, "multiplier", getMultiplier(), {32})) ||
      failed(expectIntegers(*this, "init", getInit(), {8, 16})) ||
      failed(expectRange(*this, "shift", getShift(), 0, 31)) ||
      failed(expectZero(*this, getZero(), getInit())))
    return failure();
  ShapedType lhs = typeOf(getLhs()), rhs = typeOf(getRhs()), init = typeOf(getInit());
  if (lhs.getRank() != 2 || (rhs.getRank() != 2 && rhs.getRank() != 4) || init.getRank() != 2)
    return emitOpError() << "expected [M, K] by [K, N] or [ceil(N / p), ceil(K / 4), p, 4] into "
                            "[M, N], got "
                         << lhs << " by " << rhs << " into " << init;
  int64_t depth = lhs.getDimSize(1), columns = init.getDimSize(1);
  if (isPacked()) {
    if (rhs.isDynamicDim(2) || rhs.getDimSize(2) <= 0 || rhs.getDimSize(3) != 4)
      return emitOpError() << "expected panels of a static width and bytes in fours, got " << rhs;
    auto parts = [](int64_t size, int64_t by) {
      return ShapedType::isDynamic(size) ? size : int64_t(llvm::divideCeil(size, by));
    };
    if (failed(expectShape(*this, "packed rhs", getRhs(),
                           {parts(columns, getPanel()), parts(depth, 4), getPanel(), 4})))
      return failure();
  } else if (failed(expectShape(*this, "rhs", getRhs(), {depth, columns}))) {
    return failure();
  }
  if (failed(expectShape(*this, "init", getInit(), {lhs.getDimSize(0), columns})) ||
      failed(expectShape(*this, "bias", getBias(), {columns})) ||
      failed(expectShape(*this, "multiplier", getMultiplier(), {columns})))
    return failure();
  if (!ShapedType::isDynamic(depth) && depth > kGreatestDepth)
    return emitOpError() << "a sum of " << depth << " products may overflow 32 bits; at most "
                         << kGreatestDepth << " fit";
  return success();
}

SmallVector<int64_t> QuantizedMatmulOp::getLoopsOfOperand(unsigned operand) {
  switch (operand) {
  case 0:
    return {0, kWhole};
  case 1:
    return isPacked() ? SmallVector<int64_t>(4, kWhole) : SmallVector<int64_t>{kWhole, 1};
  case 4:
    return {0, 1};
  default:
    return {1};
  }
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

int64_t QuantizedAttentionOp::getGroupSize() {
  return std::max<int64_t>(1, typeOf(getQuery()).getDimSize(2) / typeOf(getKey()).getDimSize(2));
}

LogicalResult QuantizedAttentionOp::verify() {
  if (failed(expectOneKind(*this)) || failed(expectIntegers(*this, "query", getQuery(), {8})) ||
      failed(expectIntegers(*this, "key", getKey(), {8})) ||
      failed(expectIntegers(*this, "value", getValue(), {8})) ||
      failed(expectIntegers(*this, "init", getInit(), {8})) ||
      failed(expectRange(*this, "score_multiplier", getScoreMultiplier(), 0, INT32_MAX)) ||
      failed(expectRange(*this, "score_shift", getScoreShift(), 0, 31)) ||
      failed(expectRange(*this, "multiplier", getMultiplier(), 0, INT32_MAX)) ||
      // To it the exponent of a sum of at least 255 is added.
      failed(expectRange(*this, "shift", getShift(), -7, 31)) ||
      failed(expectZero(*this, getZero(), getInit())))
    return failure();
  ArrayRef<int64_t> q = typeOf(getQuery()).getShape(), k = typeOf(getKey()).getShape(),
                    v = typeOf(getValue()).getShape();
  if (q.size() != 4 || k.size() != 4 || v.size() != 4)
    return emitOpError() << "expected query, key and value of rank 4 [B, S, H, D]";
  auto differ = [](int64_t a, int64_t b) { return failed(verifyCompatibleShape({a}, {b})); };
  if (differ(q[0], k[0]) || differ(k[0], v[0]) || differ(q[3], k[3]) || differ(k[1], v[1]) ||
      differ(k[2], v[2]))
    return emitOpError() << "shapes of query " << getQuery().getType() << ", key "
                         << getKey().getType() << " and value " << getValue().getType()
                         << " do not go together";
  if (!ShapedType::isDynamic(q[2]) && !ShapedType::isDynamic(k[2]) &&
      (k[2] == 0 || q[2] % k[2] != 0))
    return emitOpError() << q[2] << " query heads cannot share " << k[2] << " key heads evenly";
  if (!ShapedType::isDynamic(q[3]) && failed(expectRange(*this, "D", q[3], 1, kGreatestDepth)))
    return failure();
  if (!ShapedType::isDynamic(k[1]) && failed(expectRange(*this, "T", k[1], 1, 32768)))
    return failure();
  if (getMask()) {
    if (failed(expectIntegers(*this, "mask", getMask(), {16})))
      return failure();
    ArrayRef<int64_t> m = typeOf(getMask()).getShape();
    int64_t full[] = {q[0], q[2], q[1], k[1]};
    if (m.size() != 4)
      return emitOpError() << "expected a mask of rank 4, got " << getMask().getType();
    for (int dim = 0; dim < 4; ++dim)
      if (m[dim] != 1 && differ(m[dim], full[dim]))
        return emitOpError() << "mask " << getMask().getType()
                             << " does not broadcast to [B, H, S, T]";
  }
  return expectShape(*this, "init", getInit(), {q[0], q[1], q[2], v[3]});
}

SmallVector<int64_t> QuantizedAttentionOp::getLoopsOfOperand(unsigned operand) {
  // As nn.attention: loops are (b, s, h, e).
  if (operand == 1 || operand == 2)
    return {0, kWhole, 2, kWhole};
  if (getMask() && operand == 3) {
    ArrayRef<int64_t> m = typeOf(getMask()).getShape();
    return {m[0] == 1 ? kWhole : 0, m[1] == 1 ? kWhole : 2, m[2] == 1 ? kWhole : 1, kWhole};
  }
  return {0, 1, 2, kWhole};
}

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

/// Constants in [C] of i32 for the last dimension; `greatest` bounds C so that
/// sums of squares fit 62 bits and the distances from the mean 32.
static LogicalResult verifyNorm(Operation *op, ValueRange constants, Value input, Value init,
                                int64_t epsilon, int64_t gainShift, int64_t zero) {
  if (failed(expectOneKind(op)) || failed(expectIntegers(op, "input", input, {8, 16})) ||
      failed(expectIntegers(op, "init", init, {8, 16})) ||
      failed(expectRange(op, "epsilon", epsilon, 1, int64_t(1) << 60)) ||
      failed(expectRange(op, "gain_shift", gainShift, -31, 31)) ||
      failed(expectZero(op, zero, init)))
    return failure();
  if (typeOf(input).getRank() < 1)
    return op->emitOpError() << "expected at least one dimension";
  ArrayRef<int64_t> shape = typeOf(input).getShape();
  for (auto [index, value] : llvm::enumerate(constants)) {
    StringRef name = index == 0 ? "gain" : "offset";
    if (failed(expectIntegers(op, name, value, {32})) ||
        failed(expectShape(op, name, value, shape.take_back())))
      return failure();
  }
  if (!ShapedType::isDynamic(shape.back()) &&
      failed(expectRange(op, "the normalised dimension", shape.back(), 1, 16384)))
    return failure();
  return expectShape(op, "init", init, shape);
}

static SmallVector<int64_t> loopsOfNorm(Operation *op, unsigned operand) {
  if (operand != 0 && operand != op->getNumOperands() - 1)
    return {QuantizedLayerNormOp::kWhole};
  return allLoops(op->getOperand(0));
}

LogicalResult QuantizedLayerNormOp::verify() {
  return verifyNorm(*this, {getGain(), getOffset()}, getInput(), getInit(), getEpsilon(),
                    getGainShift(), getZero());
}
SmallVector<int64_t> QuantizedLayerNormOp::getLoopsOfOperand(unsigned operand) {
  return loopsOfNorm(*this, operand);
}

LogicalResult QuantizedRmsNormOp::verify() {
  return verifyNorm(*this, {getGain()}, getInput(), getInit(), getEpsilon(), getGainShift(),
                    getZero());
}
SmallVector<int64_t> QuantizedRmsNormOp::getLoopsOfOperand(unsigned operand) {
  return loopsOfNorm(*this, operand);
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

/// Multipliers have 14 bits, of which the greatest uses all; then a product is
/// at most 2^29 and two of them and the offset fit 32 bits.
static LogicalResult verifyScaling(Operation *op, ArrayRef<int32_t> multipliers, int64_t offset,
                                   int64_t shift, int64_t zero, Value init) {
  for (Value input : op->getOperands().drop_back())
    if (failed(expectIntegers(op, "operands", input, {8, 16})))
      return failure();
  if (failed(expectIntegers(op, "init", init, {8, 16})))
    return failure();
  for (int32_t multiplier : multipliers)
    if (failed(expectRange(op, "multipliers", multiplier, 0, 16384)))
      return failure();
  if (failed(expectRange(op, "the greatest multiplier", *llvm::max_element(multipliers), 8193,
                         16384)) ||
      failed(expectRange(op, "offset", offset, -(1 << 30), 1 << 30)) ||
      failed(expectRange(op, "shift", shift, 0, 31)) || failed(expectZero(op, zero, init)))
    return failure();
  for (Value input : op->getOperands().drop_back())
    if (failed(expectShape(op, "operands", input, typeOf(init).getShape())))
      return failure();
  return success();
}

LogicalResult QuantizedAddOp::verify() {
  if (failed(expectOneKind(*this)))
    return failure();
  return verifyScaling(*this, getMultipliers(), getOffset(), getShift(), getZero(), getInit());
}
SmallVector<int64_t> QuantizedAddOp::getLoopsOfOperand(unsigned) { return allLoops(getInit()); }

LogicalResult RescaleOp::verify() {
  if (failed(expectOneKind(*this)))
    return failure();
  if (!getColumns())
    return verifyScaling(*this, {getMultiplier()}, getOffset(), getShift(), getZero(), getInit());
  if (failed(expectIntegers(*this, "input", getInput(), {8, 16})) ||
      failed(expectIntegers(*this, "columns", getColumns(), {32})) ||
      failed(expectIntegers(*this, "init", getInit(), {8, 16})) ||
      failed(expectRange(*this, "multiplier beside columns", getMultiplier(), 0, 0)) ||
      failed(expectRange(*this, "offset beside columns", getOffset(), 0, 0)) ||
      failed(expectRange(*this, "shift", getShift(), 0, 31)) ||
      failed(expectZero(*this, getZero(), getInit())))
    return failure();
  ArrayRef<int64_t> shape = typeOf(getInput()).getShape();
  if (shape.empty())
    return emitOpError() << "expected at least one dimension";
  if (failed(expectShape(*this, "columns", getColumns(), shape.take_back())))
    return failure();
  return expectShape(*this, "init", getInit(), shape);
}

int64_t RescaleOp::getColumnShift() {
  return typeOf(getInput()).getElementType().isInteger(8) ? 23 : 15;
}

SmallVector<int64_t> RescaleOp::getLoopsOfOperand(unsigned operand) {
  if (getColumns() && operand == 1)
    return {typeOf(getInput()).getRank() - 1};
  return allLoops(getInit());
}

LogicalResult LookupOp::verify() {
  if (failed(expectOneKind(*this)) || failed(expectIntegers(*this, "input", getInput(), {8})) ||
      failed(expectIntegers(*this, "table", getTable(), {8, 16})))
    return failure();
  ShapedType table = typeOf(getTable());
  ArrayRef<int64_t> shape = typeOf(getInput()).getShape();
  if (table.getRank() == 2) {
    int64_t blocks = table.getDimSize(0);
    if (ShapedType::isDynamic(blocks) || table.getDimSize(1) != 256)
      return emitOpError() << "expected a table of shape [256] or [B, 256], got " << table;
    if (shape.empty())
      return emitOpError() << "expected at least one dimension";
    // Of one block a tile may be any part.
    if (blocks != 1 && (blocks < 1 || ShapedType::isDynamic(shape.back()) ||
                        shape.back() % blocks != 0 || shape.back() / blocks % 128 != 0))
      return emitOpError() << "expected blocks of a multiple of 128 channels, got " << blocks
                           << " for " << getInput().getType();
  } else if (failed(expectShape(*this, "table", getTable(), {256}))) {
    return failure();
  }
  if (table.getElementType() != typeOf(getInit()).getElementType())
    return emitOpError() << "expected elements of " << table.getElementType()
                         << " as in the table, got " << getInit().getType();
  return expectShape(*this, "init", getInit(), shape);
}

int64_t LookupOp::getBlock() {
  ShapedType table = typeOf(getTable());
  ArrayRef<int64_t> shape = typeOf(getInput()).getShape();
  int64_t channels = shape.empty() ? 1 : shape.back();
  if (table.getRank() == 1 || table.getDimSize(0) == 1 || ShapedType::isDynamic(channels))
    return channels;
  return channels / table.getDimSize(0);
}

SmallVector<int64_t> LookupOp::getLoopsOfOperand(unsigned operand) {
  if (operand != 1)
    return allLoops(getInit());
  return SmallVector<int64_t>(typeOf(getTable()).getRank(), kWhole);
}
