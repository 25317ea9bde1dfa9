// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifiers of the operations on matrices in groups, and which operand dimension
// belongs to which loop. Of a packed right-hand side only whole panels can be cut
// out, which NNTiling.cpp does.

#include "dialects/nn/GroupFormats.h"
#include "dialects/nn/KernelOperands.h"

using namespace mlir;
using namespace tercet::nn;

static ShapedType typeOf(Value value) { return cast<ShapedType>(value.getType()); }

static LogicalResult expectElements(Operation *op, StringRef name, Value value, bool known,
                                    StringRef expected) {
  if (known)
    return success();
  return op->emitOpError() << "expected " << name << " of " << expected << ", got "
                           << value.getType();
}

static LogicalResult expectBytes(Operation *op, StringRef name, Value value) {
  return expectElements(op, name, value, typeOf(value).getElementType().isSignlessInteger(8), "i8");
}

static LogicalResult expectF32(Operation *op, StringRef name, Value value) {
  return expectElements(op, name, value, typeOf(value).getElementType().isF32(), "f32");
}

#define TERCET_DESTINATION_EFFECTS(OP)                                                             \
  void OP::getEffects(                                                                             \
      SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {              \
    getReadsAndWrites(*this, effects, std::is_same_v<OP, GroupMatmulOp>);                          \
  }

TERCET_DESTINATION_EFFECTS(EncodeGroupsOp)
TERCET_DESTINATION_EFFECTS(GroupMatmulOp)
TERCET_DESTINATION_EFFECTS(GroupGatherOp)

/// A left-hand side that can be made as the program runs: signed codes of 8 bits,
/// a scale of f32 for each group.
static LogicalResult expectDynamic(Operation *op, GroupsAttr format) {
  bool scaled = format.getScale() == ScaleKind::F32 && format.getSubscale() == SubscaleKind::None &&
                format.getShift() == GroupShiftKind::None;
  if (scaled && format.getCodes() == CodeKind::Signed && format.getBits() == 8 &&
      format.getPlanes().size() == 1 && format.getZero() == 0)
    return success();
  return op->emitOpError() << "expected signed codes of 8 bits with a scale of f32 for each group "
                              "and no zero, got "
                           << format;
}

static int64_t panelsOf(int64_t columns, int64_t panel) {
  return ShapedType::isDynamic(columns) ? columns : int64_t(llvm::divideCeil(columns, panel));
}

/// A matrix in [`rows`, `depth`] that is stored in groups or in floats.
static LogicalResult verifyStored(Operation *op, Value stored, std::optional<GroupsAttr> format,
                                  std::optional<int64_t> panel, int64_t rows, int64_t depth) {
  if (panel && (*panel < 1 || *panel > 4096))
    return op->emitOpError() << "expected a panel from 1 to 4096, got " << *panel;
  if (!format) {
    if (failed(expectElements(op, "a right-hand side without a format", stored,
                              isa<FloatType>(typeOf(stored).getElementType()), "floats")))
      return failure();
    if (panel)
      return expectShape(op, "packed floats", stored, {panelsOf(rows, *panel), depth, *panel});
    return expectShape(op, "floats", stored, {rows, depth});
  }
  if (failed(expectBytes(op, "blocks", stored)))
    return failure();
  if (format->getScale() == ScaleKind::None)
    return op->emitOpError() << "expected a format with scales, got " << *format;
  int64_t blocks = format->getBlocks(depth);
  if (!panel)
    return expectShape(op, "blocks", stored, {rows, blocks, format->getBytes()});
  if (!format->isPackable())
    return op->emitOpError() << "expected a format that can be packed in panels, got " << *format;
  return expectShape(op, "packed blocks", stored,
                     {panelsOf(rows, *panel), blocks, *panel * format->getPackedBytes()});
}

//===----------------------------------------------------------------------===//
// Quantisation of rows
//===----------------------------------------------------------------------===//

LogicalResult EncodeGroupsOp::verify() {
  if (failed(expectOneKind(*this)) || failed(expectF32(*this, "input", getInput())) ||
      failed(expectBytes(*this, "init", getInit())))
    return failure();
  if (!isEncodable(getFormat()))
    return emitOpError()
           << "expected signed codes of 8 bits without a zero or unsigned ones around "
              "the middle, in one plane, with a scale of f16 or f32 for each group, got "
           << getFormat();
  if (typeOf(getInput()).getRank() != 2)
    return emitOpError() << "expected a matrix, got " << getInput().getType();
  ArrayRef<int64_t> shape = typeOf(getInput()).getShape();
  if (!ShapedType::isDynamic(shape[1]) && shape[1] % getFormat().getBlock() != 0)
    return emitOpError() << "expected rows of whole blocks of " << getFormat().getBlock()
                         << " elements, got " << getInput().getType();
  return expectShape(*this, "init", getInit(),
                     {shape[0], getFormat().getBlocks(shape[1]), getFormat().getBytes()});
}

SmallVector<int64_t> EncodeGroupsOp::getLoopsOfOperand(unsigned operand) {
  return operand == 0 ? SmallVector<int64_t>{0, kWhole} : SmallVector<int64_t>{0, 1, 2};
}

//===----------------------------------------------------------------------===//
// Product
//===----------------------------------------------------------------------===//

int64_t GroupMatmulOp::getDepth() {
  int64_t size = typeOf(getLhs()).getDimSize(1);
  return getLhsFormat() && !ShapedType::isDynamic(size) ? size * getLhsFormat()->getBlock() : size;
}

LogicalResult GroupMatmulOp::verify() {
  if (failed(expectOneKind(*this)) || failed(expectF32(*this, "init", getInit())))
    return failure();
  ShapedType lhs = typeOf(getLhs()), init = typeOf(getInit());
  if (init.getRank() != 2 || lhs.getRank() != (getLhsFormat() ? 3 : 2))
    return emitOpError() << "expected a left-hand side of rank " << (getLhsFormat() ? 3 : 2)
                         << " into a matrix, got " << lhs << " into " << init;
  if (std::optional<GroupsAttr> made = getLhsFormat()) {
    if (failed(expectBytes(*this, "lhs", getLhs())) || failed(expectDynamic(*this, *made)))
      return failure();
    if (lhs.getDimSize(2) != made->getBytes())
      return emitOpError() << "expected a left-hand side in blocks of " << made->getBytes()
                           << " bytes, got " << lhs;
    if (!getFormat())
      return emitOpError() << "a left-hand side in groups needs a right-hand side in groups";
    int64_t ours = getFormat()->getGroup(), theirs = made->getGroup();
    if (ours % theirs != 0 && theirs % ours != 0)
      return emitOpError() << "expected groups that divide each other, got " << theirs << " by "
                           << ours;
    auto [least, greatest] = getFormat()->getRange();
    int64_t sum = std::min(ours, theirs) * 128 * std::max(-least, greatest);
    if (sum > INT32_MAX)
      return emitOpError() << "a sum of " << std::min(ours, theirs)
                           << " products may overflow 32 bits";
    int64_t depth = getDepth();
    if (!ShapedType::isDynamic(depth) && depth % getFormat()->getBlock() != 0)
      return emitOpError() << "expected a depth of whole blocks of " << getFormat()->getBlock()
                           << " elements, got " << depth;
  } else if (failed(expectF32(*this, "lhs", getLhs()))) {
    return failure();
  }
  if (failed(expectShape(*this, "init", getInit(), {lhs.getDimSize(0), init.getDimSize(1)})))
    return failure();
  return verifyStored(*this, getRhs(), getFormat(), getPanel(), init.getDimSize(1), getDepth());
}

SmallVector<int64_t> GroupMatmulOp::getLoopsOfOperand(unsigned operand) {
  int64_t rank = typeOf(getOperand(operand)).getRank();
  SmallVector<int64_t> loops(rank, kWhole);
  if (operand == 0)
    loops[0] = 0;
  else if (operand == 2)
    loops = {0, 1};
  else if (!getPanel())
    loops[0] = 1;
  return loops;
}

//===----------------------------------------------------------------------===//
// Gather
//===----------------------------------------------------------------------===//

LogicalResult GroupGatherOp::verify() {
  if (failed(expectOneKind(*this)) || failed(expectF32(*this, "init", getInit())))
    return failure();
  Type index = typeOf(getIndices()).getElementType();
  if (!index.isSignlessInteger(32) && !index.isSignlessInteger(64))
    return emitOpError() << "expected indices of i32 or i64, got " << getIndices().getType();
  if (int64_t(getRows()) < 1)
    return emitOpError() << "expected at least one row, got " << int64_t(getRows());
  ArrayRef<int64_t> shape = typeOf(getInit()).getShape();
  if (shape.empty())
    return emitOpError() << "expected at least one dimension, got " << getInit().getType();
  if (failed(expectShape(*this, "indices", getIndices(), shape.drop_back())))
    return failure();
  return verifyStored(*this, getData(), getFormat(), getPanel(), getRows(), shape.back());
}

SmallVector<int64_t> GroupGatherOp::getLoopsOfOperand(unsigned operand) {
  int64_t rank = typeOf(getInit()).getRank();
  SmallVector<int64_t> loops = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  if (operand == 1)
    loops.pop_back();
  else if (operand == 0)
    loops.assign(typeOf(getData()).getRank(), kWhole);
  return loops;
}
