// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of floats to groups of bytes with a scale and a sum each, as products with
// weights in groups take them. A thread makes a group, in registers, and stores
// it in whole words. The arithmetic is that of nn.encode_groups; a device whose
// division is not rounded correctly may round an element that lies in the middle
// between two codes to the other one.

#include "passes/codegen/gpu/Emitters.h"

#include "passes/codegen/LoopBuilder.h"
#include "passes/codegen/LoopNest.h"
#include "passes/codegen/gpu/VectorAccess.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::codegen;

namespace {

class EncodeEmission {
public:
  EncodeEmission(TileBuilder &b, nn::EncodeGroupsOp op)
      : b(b), format(op.getFormat()), input(flatten(b, b.getLoc(), op.getInput())),
        init(flatten(b, b.getLoc(), op.getInit())),
        sizes(memref::getMixedSizes(b, b.getLoc(), op.getInit())),
        floats(VectorType::get({kLanes}, b.getF32Type())),
        integers(VectorType::get({kLanes}, b.getI32Type())) {}

  void run() {
    OpFoldResult count = mulIndex(b, b.getLoc(), sizes[0], sizes[1]);
    b.forEach(count, [&](Value number) {
      Value blocks = indexValue(b, b.getLoc(), sizes[1]);
      encode(arith::DivUIOp::create(b, number, blocks), arith::RemUIOp::create(b, number, blocks));
    });
  }

private:
  Value words(int64_t value) {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(integers, b.getI32IntegerAttr(static_cast<int32_t>(value))));
  }
  Value number(float value) { return arith::ConstantOp::create(b, b.getF32FloatAttr(value)); }

  /// The four lanes become one value.
  template <typename Op> Value reduce(Value vector) {
    Value result = vector::ExtractOp::create(b, vector, 0);
    for (int64_t lane = 1; lane < kLanes; ++lane)
      result = Op::create(b, result, vector::ExtractOp::create(b, vector, lane).getResult());
    return result;
  }

  SmallVector<Value> load(Value row, Value block) {
    Location loc = b.getLoc();
    Access access;
    access.memory = input.memory;
    access.element = b.getF32Type();
    access.offset = input.offset;
    access.strides = input.strides;
    Value first = arith::MulIOp::create(b, block, b.index(format.getGroup()));
    SmallVector<Value> values;
    for (int64_t from = 0; from < format.getGroup(); from += kLanes) {
      auto at = [&](int64_t lane) {
        OpFoldResult column = addIndex(b, loc, first, b.getIndexAttr(from + lane));
        return SmallVector<Value>{row, indexValue(b, loc, column)};
      };
      if (access.isUnit(1)) {
        values.push_back(loadLanes(b, access, at(0), /*loop=*/1));
        continue;
      }
      SmallVector<Value> lanes;
      for (int64_t lane = 0; lane < kLanes; ++lane)
        lanes.push_back(loadElement(b, access, at(lane)));
      values.push_back(vector::FromElementsOp::create(b, floats, lanes));
    }
    return values;
  }

  void encode(Value row, Value block) {
    SmallVector<Value> values = load(row, block);
    // As bits: what is no number is greater than all.
    Value most;
    for (Value value : values) {
      Value bits =
          arith::AndIOp::create(b, arith::BitcastOp::create(b, integers, value), words(INT32_MAX));
      most = most ? arith::MaxUIOp::create(b, most, bits).getResult() : bits;
    }
    Value greatest = arith::BitcastOp::create(b, b.getF32Type(), reduce<arith::MaxUIOp>(most));
    Value factor = splat(b, arith::DivFOp::create(b, number(127), greatest));
    SmallVector<Value> packed;
    Value sum = words(0);
    for (Value value : values) {
      Value scaled = math::RoundEvenOp::create(b, arith::MulFOp::create(b, value, factor));
      // False for what is no number, and for all of a group of zeros.
      Value isNumber = arith::CmpFOp::create(
          b, arith::CmpFPredicate::OLE, math::AbsFOp::create(b, scaled), splat(b, number(127)));
      Value kept = arith::SelectOp::create(b, isNumber, scaled, splat(b, number(0)));
      Value codes = arith::FPToSIOp::create(b, integers, kept);
      sum = arith::SubIOp::create(b, sum, codes);
      packed.push_back(pack(codes));
    }
    Value scale = arith::DivFOp::create(b, greatest, number(127));
    store(row, block, packed, arith::BitcastOp::create(b, b.getI32Type(), scale),
          reduce<arith::AddIOp>(sum));
  }

  Value pack(Value codes) {
    Value bytes = arith::AndIOp::create(b, codes, words(255)), word;
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      Value byte = vector::ExtractOp::create(b, bytes, lane);
      if (lane)
        byte = arith::ShLIOp::create(b, byte, arith::ConstantIntOp::create(b, 8 * lane, 32));
      word = word ? arith::OrIOp::create(b, word, byte).getResult() : byte;
    }
    return word;
  }

  void store(Value row, Value block, ArrayRef<Value> codes, Value scale, Value sum) {
    Location loc = b.getLoc();
    OpFoldResult at = addIndex(b, loc, init.offset, mulIndex(b, loc, row, init.strides[0]));
    at = addIndex(b, loc, at, mulIndex(b, loc, block, init.strides[1]));
    auto one = [&](int64_t to, Value word) {
      Value whole = vector::FromElementsOp::create(b, VectorType::get({1}, word.getType()), word);
      Value bytes = vector::BitCastOp::create(b, VectorType::get({4}, b.getI8Type()), whole);
      Value address = indexValue(b, loc, addIndex(b, loc, at, b.getIndexAttr(to)));
      vector::StoreOp::create(b, bytes, init.memory, ValueRange{address}, /*nontemporal=*/false,
                              llvm::Align(4));
    };
    int64_t from = format.getPlanes().front().getAt();
    for (auto [number, word] : llvm::enumerate(codes))
      one(from + 4 * number, word);
    one(format.getScaleAt(), scale);
    one(format.getSumAt(), sum);
  }

  TileBuilder &b;
  nn::GroupsAttr format;
  FlatView input, init;
  SmallVector<OpFoldResult> sizes;
  VectorType floats, integers;
};

} // namespace

bool tercet::codegen::hasEncodeKernel(nn::EncodeGroupsOp op) {
  nn::GroupsAttr format = op.getFormat();
  auto isWord = [](int64_t at) { return at >= 0 && at % 4 == 0; };
  return format.getBits() == 8 && format.getCodes() == nn::CodeKind::Signed &&
         format.getBlock() == format.getGroup() && format.getGroup() % kLanes == 0 &&
         format.getScale() == nn::ScaleKind::F32 && isWord(format.getScaleAt()) &&
         isWord(format.getSumAt()) && isWord(format.getPlanes().front().getAt()) &&
         format.getPlanes().front().getRun() == 1 && format.getBytes() == format.getGroup() + 8;
}

void tercet::codegen::emitEncodeGroups(TileBuilder &b, nn::EncodeGroupsOp op) {
  EncodeEmission(b, op).run();
}
