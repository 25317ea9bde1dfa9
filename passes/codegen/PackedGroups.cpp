// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loads of bytes that are seen as wider elements. Nothing is assumed to be
// aligned: blocks have any number of bytes.

#include "passes/codegen/PackedGroups.h"

#include "dialects/nn/GroupFormats.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::codegen;
using nn::GroupShiftKind;
using nn::ScaleKind;

static VectorType vectorOf(int64_t count, Type element) {
  return VectorType::get({count}, element);
}

static Value splat(OpBuilder &b, Location loc, Type vector, Attribute value) {
  return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(cast<ShapedType>(vector), value));
}

static Value splatI32(OpBuilder &b, Location loc, int64_t lanes, int64_t value) {
  return splat(b, loc, vectorOf(lanes, b.getI32Type()), b.getI32IntegerAttr(int32_t(value)));
}

/// 2^(exponent - bias), as a product of two normal numbers.
static Value powerOfTwo(OpBuilder &b, Location loc, Value exponent, int64_t bias) {
  int64_t lanes = cast<VectorType>(exponent.getType()).getNumElements();
  auto c = [&](int64_t value) { return splatI32(b, loc, lanes, value); };
  Value half = arith::ShRUIOp::create(b, loc, exponent, c(1));
  Value rest = arith::SubIOp::create(b, loc, exponent, half);
  auto power = [&](Value of, int64_t up) -> Value {
    Value word = arith::ShLIOp::create(b, loc, arith::AddIOp::create(b, loc, of, c(up)), c(23));
    return arith::BitcastOp::create(b, loc, vectorOf(lanes, b.getF32Type()), word);
  };
  return arith::MulFOp::create(b, loc, power(half, 127 - bias / 2),
                               power(rest, 127 - bias + bias / 2));
}

Value PackedGroups::loadFloats(OpBuilder &b, Location loc, OpFoldResult address) {
  Type f32 = vectorOf(lanes, b.getF32Type()), i32 = vectorOf(lanes, b.getI32Type());
  Value bytes = load(b, loc, address, lanes * nn::bytesOf(format.getScale()));
  auto as = [&](Type element) -> Value {
    return vector::BitCastOp::create(b, loc, vectorOf(lanes, element), bytes);
  };
  auto floatSplat = [&](double value) { return splat(b, loc, f32, b.getF32FloatAttr(value)); };
  switch (format.getScale()) {
  case ScaleKind::None:
    break;
  case ScaleKind::F16:
    return arith::ExtFOp::create(b, loc, f32, as(b.getF16Type()));
  case ScaleKind::BF16: {
    Value wide = arith::ExtUIOp::create(b, loc, i32, as(b.getI16Type()));
    Value moved = arith::ShLIOp::create(b, loc, wide, splatI32(b, loc, lanes, 16));
    return arith::BitcastOp::create(b, loc, f32, moved);
  }
  case ScaleKind::F32:
    return as(b.getF32Type());
  case ScaleKind::E8M0:
  case ScaleKind::HalfE8M0: {
    Value exponent = arith::ExtUIOp::create(b, loc, i32, bytes);
    if (format.getScale() == ScaleKind::HalfE8M0)
      return powerOfTwo(b, loc, exponent, 128);
    Value isLast = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, exponent,
                                         splatI32(b, loc, lanes, 255));
    return arith::SelectOp::create(b, loc, isLast, floatSplat(std::nan("")),
                                   powerOfTwo(b, loc, exponent, 127));
  }
  case ScaleKind::UE4M3:
  case ScaleKind::HalfUE4M3: {
    bool halved = format.getScale() == ScaleKind::HalfUE4M3;
    auto c = [&](int64_t value) { return splatI32(b, loc, lanes, value); };
    Value byte = arith::AndIOp::create(b, loc, arith::ExtUIOp::create(b, loc, i32, bytes), c(127));
    Value moved =
        arith::ShLIOp::create(b, loc, arith::AddIOp::create(b, loc, byte, c(120 << 3)), c(20));
    Value normal = arith::BitcastOp::create(b, loc, f32, moved);
    Value small = arith::MulFOp::create(b, loc, arith::SIToFPOp::create(b, loc, f32, byte),
                                        floatSplat(0x1p-9));
    Value isSmall = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, byte, c(8));
    Value value = arith::SelectOp::create(b, loc, isSmall, small, normal);
    if (halved)
      value = arith::MulFOp::create(b, loc, value, floatSplat(0.5));
    Value isLast = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, byte, c(127));
    return arith::SelectOp::create(b, loc, isLast, floatSplat(halved ? 0.0 : std::nan("")), value);
  }
  }
  llvm_unreachable("a format without scales");
}

Value PackedGroups::loadBytes(OpBuilder &b, Location loc, OpFoldResult address, bool isSigned) {
  Type i32 = vectorOf(lanes, b.getI32Type());
  Value bytes = load(b, loc, address, lanes);
  if (isSigned)
    return arith::ExtSIOp::create(b, loc, i32, bytes);
  return arith::ExtUIOp::create(b, loc, i32, bytes);
}

//===----------------------------------------------------------------------===//
// Where fields lie
//===----------------------------------------------------------------------===//

int64_t PackedGroups::shiftsAt() const {
  return panel * nn::bytesOf(format.getScale()) * (isSubscaled() ? 1 : format.getGroups());
}

int64_t PackedGroups::subscalesAt() const {
  return shiftsAt() + (format.getShift() == GroupShiftKind::Subminimum
                           ? panel * nn::bytesOf(format.getScale())
                           : 0);
}

int64_t PackedGroups::codesAt() const {
  return panel * (format.getPackedBytes() - format.getBlock() * format.getBits() / 8);
}

OpFoldResult PackedGroups::fieldAt(OpBuilder &b, Location loc, const Block &block, int64_t from,
                                   OpFoldResult number, int64_t size, OpFoldResult first) {
  OpFoldResult at = addIndex(
      b, loc, mulIndex(b, loc, number, b.getIndexAttr(panel * size)),
      addIndex(b, loc, b.getIndexAttr(from), mulIndex(b, loc, first, b.getIndexAttr(size))));
  return addIndex(b, loc, block.address, at);
}

//===----------------------------------------------------------------------===//
// Scales
//===----------------------------------------------------------------------===//

PackedGroups::Block PackedGroups::loadBlock(OpBuilder &b, Location loc, OpFoldResult address,
                                            OpFoldResult first) {
  Block block{address, {}, {}};
  if (!isSubscaled())
    return block;
  OpFoldResult zero = b.getIndexAttr(0);
  block.scale =
      loadFloats(b, loc, fieldAt(b, loc, block, 0, zero, nn::bytesOf(format.getScale()), first));
  if (format.getShift() == GroupShiftKind::Subminimum)
    block.shift = loadFloats(
        b, loc, fieldAt(b, loc, block, shiftsAt(), zero, nn::bytesOf(format.getScale()), first));
  return block;
}

Value PackedGroups::scaleOf(OpBuilder &b, Location loc, const Block &block, OpFoldResult group,
                            OpFoldResult first) {
  if (!isSubscaled())
    return loadFloats(b, loc,
                      fieldAt(b, loc, block, 0, group, nn::bytesOf(format.getScale()), first));
  Value by = loadBytes(b, loc, fieldAt(b, loc, block, subscalesAt(), group, 1, first),
                       /*isSigned=*/!format.hasSubminima());
  by = arith::SIToFPOp::create(b, loc, vectorOf(lanes, b.getF32Type()), by);
  return arith::MulFOp::create(b, loc, block.scale, by);
}

Value PackedGroups::minimumOf(OpBuilder &b, Location loc, const Block &block, OpFoldResult group,
                              Value scale, OpFoldResult first) {
  auto shiftOf = [&] {
    return loadFloats(
        b, loc, fieldAt(b, loc, block, shiftsAt(), group, nn::bytesOf(format.getScale()), first));
  };
  switch (format.getShift()) {
  case GroupShiftKind::None:
  case GroupShiftKind::Zero:
    return {};
  case GroupShiftKind::Minimum:
    return shiftOf();
  case GroupShiftKind::FloatZero:
    return arith::NegFOp::create(b, loc, arith::MulFOp::create(b, loc, scale, shiftOf()));
  case GroupShiftKind::Subminimum: {
    int64_t from = subscalesAt() + format.getGroups() * panel;
    Value by = loadBytes(b, loc, fieldAt(b, loc, block, from, group, 1, first), false);
    by = arith::SIToFPOp::create(b, loc, vectorOf(lanes, b.getF32Type()), by);
    return arith::NegFOp::create(b, loc, arith::MulFOp::create(b, loc, block.shift, by));
  }
  }
  llvm_unreachable("an unknown kind of shift");
}

Value PackedGroups::zeroOf(OpBuilder &b, Location loc, const Block &block, OpFoldResult group,
                           OpFoldResult first) {
  if (format.getShift() != GroupShiftKind::Zero)
    return {};
  return loadBytes(b, loc, fieldAt(b, loc, block, shiftsAt(), group, 1, first), false);
}

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

/// Of a code book the least value, which becomes 0.
static int64_t leastOf(DenseI8ArrayAttr book) { return *llvm::min_element(book.asArrayRef()); }

int64_t PackedGroups::getZero() const {
  int64_t zero = format.getZero();
  if (format.getCodes() == nn::CodeKind::Signed)
    zero += int64_t(1) << (format.getBits() - 1);
  if (DenseI8ArrayAttr book = format.getCodebook())
    zero -= leastOf(book);
  return zero;
}

int64_t PackedGroups::getGreatest() const {
  if (DenseI8ArrayAttr book = format.getCodebook())
    return *llvm::max_element(book.asArrayRef()) - leastOf(book);
  return (int64_t(1) << format.getBits()) - 1;
}

SmallVector<Value> PackedGroups::loadCodes(OpBuilder &b, Location loc, const Block &block,
                                           OpFoldResult unit, OpFoldResult first) {
  int64_t bits = format.getBits(), shift = 0;
  Type i32 = vectorOf(lanes, b.getI32Type());
  OpFoldResult fieldStart =
      addIndex(b, loc, b.getIndexAttr(codesAt()), mulIndex(b, loc, first, b.getIndexAttr(4)));
  OpFoldResult unitAt = addIndex(b, loc, mulIndex(b, loc, unit, b.getIndexAttr(4 * panel * bits)),
                                 addIndex(b, loc, block.address, fieldStart));
  SmallVector<Value> quads(8);
  for (int64_t width : {8, 4, 2, 1}) {
    if (!(bits & width))
      continue;
    SmallVector<Value> vectors;
    for (int64_t v = 0; v < width; ++v) {
      OpFoldResult at = addIndex(b, loc, unitAt, b.getIndexAttr(4 * panel * (shift + v)));
      vectors.push_back(
          vector::BitCastOp::create(b, loc, cast<VectorType>(i32), load(b, loc, at, 4 * lanes)));
    }
    int64_t mask = (int64_t(1) << width) - 1;
    mask = mask << 24 | mask << 16 | mask << 8 | mask;
    for (int64_t q = 0; q < 8; ++q) {
      Value part = vectors[q % width];
      // Moved to where the bits belong in the code, in one step.
      int64_t right = q / width * width - shift;
      if (right > 0)
        part = arith::ShRUIOp::create(b, loc, part, splatI32(b, loc, lanes, right));
      else if (right < 0)
        part = arith::ShLIOp::create(b, loc, part, splatI32(b, loc, lanes, -right));
      if (width != 8)
        part = arith::AndIOp::create(b, loc, part, splatI32(b, loc, lanes, mask << shift));
      quads[q] = quads[q] ? arith::OrIOp::create(b, loc, quads[q], part).getResult() : part;
    }
    shift += width;
  }
  if (DenseI8ArrayAttr book = format.getCodebook()) {
    SmallVector<uint8_t> table;
    for (int8_t value : book.asArrayRef())
      table.push_back(static_cast<uint8_t>(value - leastOf(book)));
    table.resize(16, 0);
    for (Value &quad : quads)
      quad = lookup(b, loc, quad, table);
  }
  return quads;
}
