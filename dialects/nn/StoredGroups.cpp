// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Follows the description of #nn.groups and of #nn.pack_groups field by field.
// Nothing here is fast: engines with kernels for groups take the operations whole.

#include "dialects/nn/StoredGroups.h"
#include "dialects/nn/GroupFormats.h"

using namespace mlir;
using namespace tercet::nn;

Value StoredGroups::add(Value l, Value r) { return arith::AddIOp::create(a.b, a.loc, l, r); }
Value StoredGroups::add(Value l, int64_t r) { return r == 0 ? l : add(l, index(r)); }
Value StoredGroups::mul(Value l, int64_t r) {
  return r == 1 ? l : arith::MulIOp::create(a.b, a.loc, l, index(r)).getResult();
}
Value StoredGroups::div(Value l, int64_t r) {
  return r == 1 ? l : arith::DivUIOp::create(a.b, a.loc, l, index(r)).getResult();
}
Value StoredGroups::rem(Value l, int64_t r) {
  return arith::RemUIOp::create(a.b, a.loc, l, index(r));
}
Value StoredGroups::toI32(Value value) {
  return arith::IndexCastOp::create(a.b, a.loc, a.i32(), value);
}
Value StoredGroups::toFloat(Value value) {
  return arith::SIToFPOp::create(a.b, a.loc, a.b.getF32Type(), value);
}
Value StoredGroups::bits(Value word, Value from, int64_t count) {
  return a.bitAnd(a.shr(word, from), a.c((int64_t(1) << count) - 1));
}
Value StoredGroups::bits(Value word, int64_t from, int64_t count) {
  return bits(word, a.c(from), count);
}
Value StoredGroups::isBelow(Value value, int64_t bound) {
  return arith::CmpIOp::create(a.b, a.loc, arith::CmpIPredicate::ult, value, index(bound));
}

Value StoredGroups::byteAt(Value row, Value column, Value at) {
  Value block = div(column, format.getBlock());
  Value first = panel ? div(row, panel) : row;
  Value byte = tensor::ExtractOp::create(a.b, a.loc, stored, ValueRange{first, block, at});
  return arith::ExtUIOp::create(a.b, a.loc, a.i32(), byte);
}

Value StoredGroups::wordAt(Value row, Value column, Value at, int64_t bytes) {
  Value word = byteAt(row, column, at);
  for (int64_t i = 1; i < bytes; ++i) {
    Value next = a.shl(byteAt(row, column, add(at, i)), a.c(8 * i));
    word = arith::OrIOp::create(a.b, a.loc, word, next);
  }
  return word;
}

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

Value StoredGroups::bitsInFile(Value row, Value column) {
  Value element = rem(column, format.getBlock()), code;
  int64_t shift = 0;
  for (PlaneAttr plane : format.getPlanes()) {
    int64_t width = plane.getBits(), run = plane.getRun();
    Value byte, from, word;
    if (8 % width == 0) {
      int64_t perByte = 8 / width;
      byte = add(mul(div(element, run * perByte), run), rem(element, run));
      from = toI32(mul(rem(div(element, run), perByte), width));
      word = byteAt(row, column, add(byte, plane.getAt()));
    } else {
      Value bit = mul(element, width);
      byte = add(div(bit, 8), plane.getAt());
      from = toI32(rem(bit, 8));
      // What straddles two bytes; the byte behind the last one is not read.
      Value next = arith::MinUIOp::create(a.b, a.loc, add(byte, 1), index(format.getBytes() - 1));
      word = arith::OrIOp::create(a.b, a.loc, byteAt(row, column, byte),
                                  a.shl(byteAt(row, column, next), a.c(8)));
    }
    Value part = a.shl(bits(word, from, width), a.c(shift));
    code = code ? arith::OrIOp::create(a.b, a.loc, code, part).getResult() : part;
    shift += width;
  }
  return code;
}

Value StoredGroups::bitsInPanel(Value row, Value column) {
  int64_t count = format.getBits();
  int64_t codesAt = panel * (format.getPackedBytes() - format.getBlock() * count / 8);
  Value element = rem(column, format.getBlock()), unit = div(element, 32);
  Value quad = div(rem(element, 32), 4), lane = rem(row, panel);
  Value base = add(mul(unit, 4 * panel * count), add(mul(lane, 4), rem(element, 4)));
  Value code;
  int64_t shift = 0;
  for (int64_t width : {8, 4, 2, 1}) {
    if (!(count & width))
      continue;
    Value byte = add(base, mul(rem(quad, width), 4 * panel));
    Value word = byteAt(row, column, add(byte, codesAt + 4 * panel * shift));
    Value part = a.shl(bits(word, toI32(mul(div(quad, width), width)), width), a.c(shift));
    code = code ? arith::OrIOp::create(a.b, a.loc, code, part).getResult() : part;
    shift += width;
  }
  return code;
}

Value StoredGroups::code(Value row, Value column) {
  Value code = panel ? bitsInPanel(row, column) : bitsInFile(row, column);
  int64_t half = int64_t(1) << (format.getBits() - 1), zero = format.getZero();
  if (format.getCodes() == CodeKind::Signed) {
    // In panels codes are moved up already.
    if (!panel)
      code = arith::XOrIOp::create(a.b, a.loc, code, a.c(half));
    zero += half;
  } else if (DenseI8ArrayAttr book = format.getCodebook()) {
    Value found = a.c(book[0]);
    for (int64_t i = 1; i < book.size(); ++i) {
      Value is = arith::CmpIOp::create(a.b, a.loc, arith::CmpIPredicate::eq, code, a.c(i));
      found = arith::SelectOp::create(a.b, a.loc, is, a.c(book[i]), found);
    }
    code = found;
  }
  if (zero != 0)
    code = a.sub(code, a.c(zero));
  if (format.getShift() == GroupShiftKind::Zero)
    code = a.sub(code, groupZero(row, column));
  return code;
}

//===----------------------------------------------------------------------===//
// Scales
//===----------------------------------------------------------------------===//

/// 2^(exponent - bias) for exponents of 8 bits, subnormal numbers included: the
/// product of two powers that are normal numbers.
static Value powerOfTwo(const IntegerArithmetic &a, Value exponent, int64_t bias) {
  Value half = a.shr(exponent, a.c(1)), rest = a.sub(exponent, half);
  auto power = [&](Value of, int64_t up) -> Value {
    Value word = a.shl(a.add(of, a.c(up)), a.c(23));
    return arith::BitcastOp::create(a.b, a.loc, a.b.getF32Type(), word);
  };
  int64_t first = bias / 2;
  return arith::MulFOp::create(a.b, a.loc, power(half, 127 - first),
                               power(rest, 127 - bias + first));
}

Value StoredGroups::floatAt(Value row, Value column, Value at) {
  OpBuilder &b = a.b;
  Location loc = a.loc;
  ScaleKind kind = format.getScale();
  Value word = wordAt(row, column, at, bytesOf(kind));
  auto constant = [&](double value) -> Value {
    return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value));
  };
  auto isByte = [&](int64_t value) -> Value {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, word, a.c(value));
  };
  switch (kind) {
  case ScaleKind::None:
    break;
  case ScaleKind::F16: {
    Value half = arith::BitcastOp::create(b, loc, b.getF16Type(),
                                          arith::TruncIOp::create(b, loc, b.getI16Type(), word));
    return arith::ExtFOp::create(b, loc, b.getF32Type(), half);
  }
  case ScaleKind::BF16:
    return arith::BitcastOp::create(b, loc, b.getF32Type(), a.shl(word, a.c(16)));
  case ScaleKind::F32:
    return arith::BitcastOp::create(b, loc, b.getF32Type(), word);
  case ScaleKind::E8M0:
    return arith::SelectOp::create(b, loc, isByte(255), constant(std::nan("")),
                                   powerOfTwo(a, word, 127));
  case ScaleKind::HalfE8M0:
    return powerOfTwo(a, word, 128);
  case ScaleKind::UE4M3:
  case ScaleKind::HalfUE4M3: {
    bool halved = kind == ScaleKind::HalfUE4M3;
    Value byte = bits(word, 0, 7), exponent = bits(byte, 3, 4), mantissa = bits(byte, 0, 3);
    // Moved to the exponent of f32, subnormal numbers too, and scaled.
    Value moved = arith::BitcastOp::create(
        b, loc, b.getF32Type(),
        a.shl(arith::OrIOp::create(b, loc, a.shl(a.add(exponent, a.c(120)), a.c(3)), mantissa),
              a.c(20)));
    Value small = arith::MulFOp::create(b, loc, toFloat(mantissa), constant(0x1p-9));
    Value isSmall = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, exponent, a.c(0));
    Value value = arith::SelectOp::create(b, loc, isSmall, small, moved);
    if (halved)
      value = arith::MulFOp::create(b, loc, value, constant(0.5));
    Value isLast = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, byte, a.c(127));
    return arith::SelectOp::create(b, loc, isLast, constant(halved ? 0.0 : std::nan("")), value);
  }
  }
  llvm_unreachable("a format without scales");
}

Value StoredGroups::mainFloat(Value row, Value column, bool isShift) {
  bool perBlock = format.getSubscale() != SubscaleKind::None;
  int64_t size = bytesOf(format.getScale()), count = perBlock ? 1 : format.getGroups();
  Value number = perBlock ? index(0) : div(rem(column, format.getBlock()), format.getGroup());
  if (!panel)
    return floatAt(row, column,
                   add(mul(number, size), isShift ? format.getShiftAt() : format.getScaleAt()));
  Value at = mul(add(mul(number, panel), rem(row, panel)), size);
  return floatAt(row, column, add(at, isShift ? count * panel * size : 0));
}

Value StoredGroups::groupZero(Value row, Value column) {
  Value group = div(rem(column, format.getBlock()), format.getGroup());
  if (!panel)
    return byteAt(row, column, add(group, format.getShiftAt()));
  int64_t scales = format.getGroups() * panel * bytesOf(format.getScale());
  return byteAt(row, column, add(add(mul(group, panel), rem(row, panel)), scales));
}

Value StoredGroups::subscaleInFile(Value row, Value column, bool isMinimum) {
  OpBuilder &b = a.b;
  Location loc = a.loc;
  Value group = div(rem(column, format.getBlock()), format.getGroup());
  auto byte = [&](Value at) { return byteAt(row, column, add(at, format.getSubscaleAt())); };
  auto signExtended = [&](Value of) {
    return a.sub(a.bitAnd(a.add(of, a.c(128)), a.c(255)), a.c(128));
  };
  switch (format.getSubscale()) {
  case SubscaleKind::None:
    break;
  case SubscaleKind::Nibbles:
    return bits(byte(group), isMinimum ? 4 : 0, 4);
  case SubscaleKind::I8:
    return signExtended(byte(group));
  case SubscaleKind::SixWithMinima: {
    Value isFirst = isBelow(group, 4), four = rem(group, 4);
    Value own = byte(add(four, isMinimum ? 4 : 0));
    Value low = bits(byte(add(four, 8)), isMinimum ? 4 : 0, 4);
    Value late = arith::OrIOp::create(b, loc, low, a.shl(bits(own, 6, 2), a.c(4)));
    return arith::SelectOp::create(b, loc, isFirst, bits(own, 0, 6), late);
  }
  case SubscaleKind::Six: {
    Value low = bits(byte(rem(group, 8)), toI32(mul(div(group, 8), 4)), 4);
    Value high = bits(byte(add(rem(group, 4), 8)), toI32(mul(div(group, 4), 2)), 2);
    return a.sub(arith::OrIOp::create(b, loc, low, a.shl(high, a.c(4))), a.c(32));
  }
  case SubscaleKind::SplitSix: {
    Value low = bits(byte(add(div(group, 2), 2)), toI32(mul(rem(group, 2), 4)), 4);
    Value word = arith::OrIOp::create(b, loc, byte(index(0)), a.shl(byte(index(1)), a.c(8)));
    Value high = bits(word, toI32(mul(group, 2)), 2);
    return a.sub(arith::OrIOp::create(b, loc, low, a.shl(high, a.c(4))), a.c(32));
  }
  }
  llvm_unreachable("a format without subscales");
}

Value StoredGroups::subscale(Value row, Value column, bool isMinimum) {
  if (!panel)
    return subscaleInFile(row, column, isMinimum);
  Value group = div(rem(column, format.getBlock()), format.getGroup());
  int64_t floats = panel * bytesOf(format.getScale()) *
                   (format.getShift() == GroupShiftKind::Subminimum ? 2 : 1);
  Value at = add(add(mul(group, panel), rem(row, panel)),
                 floats + (isMinimum ? format.getGroups() * panel : 0));
  Value byte = byteAt(row, column, at);
  // Without minima subscales are signed.
  return format.hasSubminima() ? byte : a.sub(a.bitAnd(a.add(byte, a.c(128)), a.c(255)), a.c(128));
}

Value StoredGroups::scale(Value row, Value column) {
  Value scale = mainFloat(row, column, /*isShift=*/false);
  if (format.getSubscale() == SubscaleKind::None)
    return scale;
  Value by = toFloat(subscale(row, column, /*isMinimum=*/false));
  return arith::MulFOp::create(a.b, a.loc, scale, by);
}

Value StoredGroups::minimum(Value row, Value column) {
  switch (format.getShift()) {
  case GroupShiftKind::None:
  case GroupShiftKind::Zero:
    return {};
  case GroupShiftKind::Minimum:
    return mainFloat(row, column, /*isShift=*/true);
  case GroupShiftKind::Subminimum: {
    Value by = toFloat(subscale(row, column, /*isMinimum=*/true));
    Value least = arith::MulFOp::create(a.b, a.loc, mainFloat(row, column, true), by);
    return arith::NegFOp::create(a.b, a.loc, least);
  }
  case GroupShiftKind::FloatZero: {
    Value moved =
        arith::MulFOp::create(a.b, a.loc, scale(row, column), mainFloat(row, column, true));
    return arith::NegFOp::create(a.b, a.loc, moved);
  }
  }
  llvm_unreachable("an unknown kind of shift");
}

Value StoredGroups::value(Value row, Value column) {
  Value number = toFloat(code(row, column));
  if (format.getShift() == GroupShiftKind::FloatZero) {
    number = arith::SubFOp::create(a.b, a.loc, number, mainFloat(row, column, /*isShift=*/true));
    return arith::MulFOp::create(a.b, a.loc, scale(row, column), number);
  }
  Value product = arith::MulFOp::create(a.b, a.loc, scale(row, column), number);
  Value least = minimum(row, column);
  return least ? arith::AddFOp::create(a.b, a.loc, product, least).getResult() : product;
}
