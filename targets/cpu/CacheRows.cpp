// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Codes of a format that can be made as the program runs are bytes or parts of one,
// so that a vector of bytes gives a vector of elements for each part.

#include "targets/cpu/CacheRows.h"

#include "dialects/nn/GroupFormats.h"
#include "passes/codegen/LoopBuilder.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numeric>

using namespace mlir;
using namespace tercet;
using namespace tercet::codegen;
using namespace tercet::cpu;

int64_t cpu::lanesFor(int64_t size, int64_t most) {
  int64_t lanes = most;
  while (size % lanes != 0)
    lanes /= 2;
  return lanes;
}

static Value load(OpBuilder &b, Location loc, VectorType type, Value memory, OpFoldResult at) {
  return vector::LoadOp::create(b, loc, type, memory, ValueRange{indexValue(b, loc, at)});
}

static void store(OpBuilder &b, Location loc, Value vector, Value memory, OpFoldResult at) {
  vector::StoreOp::create(b, loc, vector, memory, ValueRange{indexValue(b, loc, at)});
}

bool CacheRows::canDecode(nn::GroupsAttr format) { return nn::isEncodable(format); }

void CacheRows::decode(OpBuilder &b, Location loc, Value from, OpFoldResult at, Value into,
                       OpFoldResult to) const {
  if (!format)
    return widen(b, loc, from, at, into, to);
  nn::PlaneAttr plane = format.getPlanes().front();
  int64_t bits = plane.getBits(), perByte = 8 / bits, group = format.getGroup();
  // In a byte are elements `run` apart.
  int64_t run = perByte == 1 ? format.getBlock() : plane.getRun();
  int64_t width = lanesFor(std::gcd(run, group), lanes);
  auto bytes = VectorType::get({width}, b.getI8Type());
  auto words = VectorType::get({width}, b.getI32Type());
  auto floats = VectorType::get({width}, b.getF32Type());
  auto splat = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(b, loc,
                                     DenseElementsAttr::get(words, b.getI32IntegerAttr(value)));
  };
  for (int64_t block = 0; block < size / format.getBlock(); ++block) {
    OpFoldResult first = addIndex(b, loc, at, b.getIndexAttr(block * format.getBytes()));
    SmallVector<Value> scales;
    for (int64_t g = 0; g < format.getGroups(); ++g)
      scales.push_back(
          vector::BroadcastOp::create(b, loc, floats, scaleAt(b, loc, from, first, g)));
    for (int64_t byte = 0; byte < format.getBlock() / perByte; byte += width) {
      Value codes =
          load(b, loc, bytes, from, addIndex(b, loc, first, b.getIndexAttr(plane.getAt() + byte)));
      Value word = format.getCodes() == nn::CodeKind::Signed
                       ? arith::ExtSIOp::create(b, loc, words, codes).getResult()
                       : arith::ExtUIOp::create(b, loc, words, codes).getResult();
      for (int64_t c = 0; c < perByte; ++c) {
        Value code = word;
        if (c > 0)
          code = arith::ShRUIOp::create(b, loc, code, splat(c * bits));
        if (c + 1 < perByte)
          code = arith::AndIOp::create(b, loc, code, splat((1 << bits) - 1));
        if (format.getZero() != 0)
          code = arith::SubIOp::create(b, loc, code, splat(format.getZero()));
        int64_t element = (byte / run * perByte + c) * run + byte % run;
        Value number = arith::SIToFPOp::create(b, loc, floats, code);
        number = arith::MulFOp::create(b, loc, scales[element / group], number);
        store(b, loc, number, into,
              addIndex(b, loc, to, b.getIndexAttr(block * format.getBlock() + element)));
      }
    }
  }
}

void CacheRows::widen(OpBuilder &b, Location loc, Value from, OpFoldResult at, Value into,
                      OpFoldResult to) const {
  int64_t width = lanesFor(size, lanes);
  Type element = cast<MemRefType>(from.getType()).getElementType();
  for (int64_t i = 0; i < size; i += width) {
    OpFoldResult step = b.getIndexAttr(i);
    Value part = load(b, loc, VectorType::get({width}, element), from, addIndex(b, loc, at, step));
    if (!element.isF32())
      part = arith::ExtFOp::create(b, loc, VectorType::get({width}, b.getF32Type()), part);
    store(b, loc, part, into, addIndex(b, loc, to, step));
  }
}

Value CacheRows::scaleAt(OpBuilder &b, Location loc, Value from, OpFoldResult block,
                         int64_t group) const {
  int64_t bytes = nn::bytesOf(format.getScale());
  Type stored = bytes == 2 ? Type(b.getF16Type()) : Type(b.getF32Type());
  OpFoldResult at = addIndex(b, loc, block, b.getIndexAttr(format.getScaleAt() + group * bytes));
  Value raw = load(b, loc, VectorType::get({bytes}, b.getI8Type()), from, at);
  Value one = vector::BitCastOp::create(b, loc, VectorType::get({1}, stored), raw);
  Value scale = vector::ExtractOp::create(b, loc, one, ArrayRef<int64_t>{0});
  return bytes == 2 ? arith::ExtFOp::create(b, loc, b.getF32Type(), scale).getResult() : scale;
}
