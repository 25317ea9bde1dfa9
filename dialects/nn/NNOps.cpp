// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifiers and custom syntax of the nn operations. Which operand dimension
// belongs to which loop is stated here, next to the shape rules.

#include "dialects/nn/KernelOperands.h"

#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace tercet::nn;

/// The result has the type of the destination; on memrefs there is none.
static ParseResult parseResultOfInit(OpAsmParser &, Type &result, Type init) {
  if (isa<TensorType>(init))
    result = init;
  return success();
}
static void printResultOfInit(OpAsmPrinter &, Operation *, Type, Type) {}

#define GET_OP_CLASSES
#include "dialects/nn/NNOps.cpp.inc"

static SmallVector<int64_t> allLoops(int64_t rank) {
  return llvm::to_vector(llvm::seq<int64_t>(0, rank));
}

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

static LogicalResult expectStatic(Operation *op) {
  for (Value operand : op->getOperands())
    if (isa<RankedTensorType>(operand.getType()) &&
        typeOf(operand).getElementType() != typeOf(op->getResult(0)).getElementType() &&
        !isa<GatherOp>(op))
      return op->emitOpError() << "expected one element type, got " << operand.getType();
  return success();
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

LogicalResult WeightOp::verify() {
  auto type = dyn_cast<RankedTensorType>(getRecipe().getType());
  if (!type || !type.hasStaticShape())
    return emitOpError() << "expected a recipe of static tensor type, got "
                         << getRecipe().getType();
  return success();
}

LogicalResult GetWeightOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto weight = symbols.lookupNearestSymbolFrom<WeightOp>(*this, getWeightAttr());
  if (!weight)
    return emitOpError() << "no nn.weight " << getWeightAttr() << " in this module";
  if (weight.getType() != getType()) {
    auto diag = emitOpError() << "expected type " << weight.getType() << ", got " << getType();
    diag.attachNote(weight.getLoc()) << "weight defined here";
    return diag;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Elementwise and row operations
//===----------------------------------------------------------------------===//

LogicalResult ActivationOp::verify() {
  if (!isa<FloatType>(typeOf(getInput()).getElementType()))
    return emitOpError() << "expected floating-point elements, got " << getInput().getType();
  return success(succeeded(expectStatic(*this)) &&
                 succeeded(expectShape(*this, "init", getInit(), typeOf(getInput()).getShape())));
}

SmallVector<int64_t> ActivationOp::getLoopsOfOperand(unsigned operand) {
  return allLoops(getType().getRank());
}

/// Shared by the norms: everything but the last dimension is a loop.
static SmallVector<int64_t> loopsOfNorm(Operation *op, unsigned operand, unsigned initOperand) {
  int64_t rank = typeOf(op->getOperand(0)).getRank();
  if (operand != 0 && operand != initOperand)
    return {LayerNormOp::kWhole};
  return allLoops(rank);
}

LogicalResult LayerNormOp::verify() {
  if (typeOf(getInput()).getRank() < 1)
    return emitOpError() << "expected at least one dimension";
  if (failed(expectStatic(*this)) ||
      failed(expectShape(*this, "init", getInit(), typeOf(getInput()).getShape())) ||
      failed(expectShape(*this, "scale", getScale(), typeOf(getInput()).getShape().take_back())))
    return failure();
  if (getBias())
    return expectShape(*this, "bias", getBias(), typeOf(getInput()).getShape().take_back());
  return success();
}

SmallVector<int64_t> LayerNormOp::getLoopsOfOperand(unsigned operand) {
  return loopsOfNorm(*this, operand, getInitMutable().getOperandNumber());
}

LogicalResult RmsNormOp::verify() {
  if (typeOf(getInput()).getRank() < 1)
    return emitOpError() << "expected at least one dimension";
  return success(succeeded(expectStatic(*this)) &&
                 succeeded(expectShape(*this, "init", getInit(), typeOf(getInput()).getShape())) &&
                 succeeded(expectShape(*this, "scale", getScale(),
                                       typeOf(getInput()).getShape().take_back())));
}

SmallVector<int64_t> RmsNormOp::getLoopsOfOperand(unsigned operand) {
  return loopsOfNorm(*this, operand, getInitMutable().getOperandNumber());
}

LogicalResult RopeOp::verify() {
  ArrayRef<int64_t> shape = typeOf(getInput()).getShape();
  if (shape.size() != 4 || (shape[3] % 2 != 0 && !ShapedType::isDynamic(shape[3])))
    return emitOpError() << "expected [B, S, H, D] with an even D, got " << getInput().getType();
  for (Value table : {getCos(), getSin()}) {
    ArrayRef<int64_t> got = typeOf(table).getShape();
    if (getPosition() &&
        (got.size() != 3 || got[0] != 1 || got[1] < shape[1] || got[2] != shape[3]))
      return emitOpError() << "expected tables of shape [1, T, D] with T of at least S, got "
                           << table.getType();
    if (!getPosition() && (got.size() != 3 || (got[0] != 1 && got[0] != shape[0]) ||
                           got[1] != shape[1] || got[2] != shape[3]))
      return emitOpError() << "expected tables of shape [B or 1, S, D], got " << table.getType();
  }
  return success(succeeded(expectStatic(*this)) &&
                 succeeded(expectShape(*this, "init", getInit(), shape)));
}

SmallVector<int64_t> RopeOp::getLoopsOfOperand(unsigned operand) {
  if (operand == 4)
    return {}; // the position
  if (operand == 1 || operand == 2)
    return {typeOf(getOperand(operand)).getDimSize(0) == 1 ? kWhole : 0, 1, kWhole};
  return {0, 1, 2, kWhole};
}

//===----------------------------------------------------------------------===//
// Gather
//===----------------------------------------------------------------------===//

LogicalResult GatherOp::verify() {
  RankedTensorType data = typeOf(getData()), indices = typeOf(getIndices());
  int64_t axis = getAxis();
  if (axis < 0 || axis >= data.getRank())
    return emitOpError() << "axis " << getAxis() << " is outside of " << data;
  if (!indices.getElementType().isInteger())
    return emitOpError() << "expected integer indices, got " << indices;
  if (data.getElementType() != getType().getElementType())
    return emitOpError() << "expected elements of " << data.getElementType() << ", got "
                         << getType();
  SmallVector<int64_t> expected(data.getShape().take_front(getAxis()));
  llvm::append_range(expected, indices.getShape());
  llvm::append_range(expected, data.getShape().drop_front(getAxis() + 1));
  return expectShape(*this, "init", getInit(), expected);
}

SmallVector<int64_t> GatherOp::getLoopsOfOperand(unsigned operand) {
  int64_t axis = getAxis(), indexRank = typeOf(getIndices()).getRank();
  if (operand == 1)
    return llvm::to_vector(llvm::seq<int64_t>(axis, axis + indexRank));
  if (operand == 2)
    return allLoops(getType().getRank());
  SmallVector<int64_t> loops = allLoops(axis);
  loops.push_back(kWhole);
  llvm::append_range(loops, llvm::seq<int64_t>(axis + indexRank, getType().getRank()));
  return loops;
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

static ShapedType shapedType(Value value) { return cast<ShapedType>(value.getType()); }

int64_t AttentionOp::getGroupSize() {
  return std::max<int64_t>(1, shapedType(getQuery()).getDimSize(2) /
                                  shapedType(getKey()).getDimSize(2));
}

LogicalResult AttentionOp::verify() {
  if (failed(expectOneKind(*this)))
    return failure();
  ArrayRef<int64_t> q = shapedType(getQuery()).getShape(), k = shapedType(getKey()).getShape(),
                    v = shapedType(getValue()).getShape();
  if (q.size() != 4 || k.size() != 4 || v.size() != 4)
    return emitOpError() << "expected query, key and value of rank 4 [B, S, H, D]";
  if (q[0] != k[0] || k[0] != v[0] || q[3] != k[3] || k[1] != v[1] || k[2] != v[2])
    return emitOpError() << "shapes of query " << getQuery().getType() << ", key "
                         << getKey().getType() << " and value " << getValue().getType()
                         << " do not go together";
  bool staticHeads = !ShapedType::isDynamic(q[2]) && !ShapedType::isDynamic(k[2]);
  if (staticHeads && q[2] % k[2] != 0)
    return emitOpError() << q[2] << " query heads cannot share " << k[2] << " key heads evenly";
  if (getMask()) {
    ArrayRef<int64_t> m = shapedType(getMask()).getShape();
    int64_t full[] = {q[0], q[2], q[1], k[1]};
    if (m.size() != 4)
      return emitOpError() << "expected a mask of rank 4, got " << getMask().getType();
    for (int dim = 0; dim < 4; ++dim)
      if (m[dim] != 1 && m[dim] != full[dim])
        return emitOpError() << "mask " << getMask().getType()
                             << " does not broadcast to [B, H, S, T]";
  }
  for (Value operand : (*this)->getOperands())
    if (shapedType(operand).getElementType() != shapedType(getInit()).getElementType())
      return emitOpError() << "expected one element type, got " << operand.getType();
  return expectShape(*this, "init", getInit(), {q[0], q[1], q[2], v[3]});
}

SmallVector<int64_t> AttentionOp::getLoopsOfOperand(unsigned operand) {
  // Loops are (b, s, h, e) as in the result; keys and values follow b and, by
  // group, h (NNTiling.cpp divides).
  if (operand == 1 || operand == 2)
    return {0, kWhole, 2, kWhole};
  if (getMask() && operand == 3) {
    ArrayRef<int64_t> m = shapedType(getMask()).getShape();
    return {m[0] == 1 ? kWhole : 0, m[1] == 1 ? kWhole : 2, m[2] == 1 ? kWhole : 1, kWhole};
  }
  return {0, 1, 2, kWhole};
}

void AttentionOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  getReadsAndWrites(*this, effects);
}

//===----------------------------------------------------------------------===//
// Packed matmul
//===----------------------------------------------------------------------===//

LogicalResult PackedMatmulOp::verify() {
  auto lhs = cast<ShapedType>(getLhs().getType()), rhs = cast<ShapedType>(getRhs().getType()),
       init = cast<ShapedType>(getInit().getType());
  if (lhs.getRank() != 2 || rhs.getRank() != 3 || init.getRank() != 2)
    return emitOpError() << "expected [M, K] by [ceil(N / p), K, p] into [M, N], got " << lhs
                         << " by " << rhs << " into " << init;
  auto differ = [](int64_t a, int64_t b) {
    return !ShapedType::isDynamic(a) && !ShapedType::isDynamic(b) && a != b;
  };
  if (rhs.isDynamicDim(2) || rhs.getDimSize(2) <= 0)
    return emitOpError() << "expected a static panel, got " << rhs;
  if (differ(lhs.getDimSize(0), init.getDimSize(0)) || differ(lhs.getDimSize(1), rhs.getDimSize(1)))
    return emitOpError() << lhs << " by " << rhs << " does not give " << init;
  if (!init.isDynamicDim(1) && !rhs.isDynamicDim(0) &&
      static_cast<int64_t>(llvm::divideCeil(init.getDimSize(1), getPanel())) != rhs.getDimSize(0))
    return emitOpError() << init.getDimSize(1) << " columns in panels of " << getPanel()
                         << " are not " << rhs.getDimSize(0) << " panels";
  if (getResult() && getResult().getType() != getInit().getType())
    return emitOpError() << "expected the result to have the type of init";
  return success();
}

void PackedMatmulOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  if (hasPureTensorSemantics())
    return;
  effects.emplace_back(MemoryEffects::Read::get(), &getLhsMutable());
  effects.emplace_back(MemoryEffects::Read::get(), &getRhsMutable());
  effects.emplace_back(MemoryEffects::Read::get(), &getInitMutable());
  effects.emplace_back(MemoryEffects::Write::get(), &getInitMutable());
}
