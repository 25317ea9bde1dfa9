// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// With a left-hand side in groups the products of a group are exact integers,
// computed in words where the device has sums of four products of bytes, and
// else in f32, in which integers of 24 bits are exact and which every device
// multiplies at its full rate.

#include "passes/codegen/gpu/GroupOperands.h"

#include "passes/codegen/gpu/ByteDot.h"
#include "passes/codegen/gpu/FlatAddress.h"
#include "passes/codegen/gpu/VectorAccess.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::codegen;

/// Elements of K that are taken from a block of codes at once.
static constexpr int64_t kUnit = 32;
/// The widest load of a thread.
static constexpr int64_t kMaxBytes = 16;

GroupOperands::GroupOperands(TileBuilder &b, nn::GroupMatmulOp op)
    : PanelSums(op.getDepth() / kUnit, op.getPanelColumns()), b(b), format(*op.getFormat()),
      lhsFormat(op.getLhsFormat().value_or(nn::GroupsAttr())),
      lhs(flatten(b, b.getLoc(), op.getLhs())), rhs(flatten(b, b.getLoc(), op.getRhs())),
      packed(
          format, panel, kLanes,
          [this](OpBuilder &, Location, OpFoldResult address, int64_t bytes) {
            return loadBytes(rhs.memory, address, bytes);
          },
          [this](OpBuilder &, Location, Value words, ArrayRef<uint8_t> table) {
            return lookup(words, table);
          }),
      floats(VectorType::get({kLanes}, b.getF32Type())),
      integers(VectorType::get({kLanes}, b.getI32Type())) {}

Value GroupOperands::word(int64_t value) {
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(integers, b.getI32IntegerAttr(static_cast<int32_t>(value))));
}

/// As one vector; what is known of its alignment is said.
Value GroupOperands::loadBytes(Value memory, OpFoldResult address, int64_t bytes) {
  int64_t alignment =
      std::min(divisorOf(address),
               static_cast<int64_t>(llvm::bit_floor(uint64_t(std::min(bytes, kMaxBytes)))));
  return vector::LoadOp::create(b, VectorType::get({bytes}, b.getI8Type()), memory,
                                ValueRange{indexValue(b, b.getLoc(), address)},
                                /*nontemporal=*/false, llvm::Align(alignment));
}

/// A table of 16 bytes is four words, of which two bits of a code choose one.
Value GroupOperands::lookup(Value words, ArrayRef<uint8_t> table) {
  SmallVector<Value> quarters;
  for (int64_t quarter = 0; quarter < 4; ++quarter) {
    uint32_t value = 0;
    for (int64_t byte = 0; byte < 4; ++byte)
      value |= static_cast<uint32_t>(table[4 * quarter + byte]) << (8 * byte);
    quarters.push_back(word(value));
  }
  auto has = [&](Value code, int64_t bit) -> Value {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::ne,
                                 arith::AndIOp::create(b, code, word(bit)), word(0));
  };
  Value result;
  for (int64_t byte = 0; byte < 4; ++byte) {
    Value code = byte ? arith::ShRUIOp::create(b, words, word(8 * byte)).getResult() : words;
    Value upper = has(code, 8), odd = has(code, 4);
    Value low = arith::SelectOp::create(b, odd, quarters[1], quarters[0]);
    Value high = arith::SelectOp::create(b, odd, quarters[3], quarters[2]);
    Value chosen = arith::SelectOp::create(b, upper, high, low);
    Value shift = arith::ShLIOp::create(b, arith::AndIOp::create(b, code, word(3)), word(3));
    Value found = arith::AndIOp::create(b, arith::ShRUIOp::create(b, chosen, shift), word(255));
    if (byte)
      found = arith::ShLIOp::create(b, found, word(8 * byte));
    result = result ? arith::OrIOp::create(b, result, found).getResult() : found;
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Along K
//===----------------------------------------------------------------------===//

static OpFoldResult quotient(TileBuilder &b, Value value, int64_t by) {
  if (by == 1)
    return value;
  return arith::DivUIOp::create(b, value, b.index(by)).getResult();
}

static OpFoldResult remainder(TileBuilder &b, Value value, int64_t by) {
  if (by == 1)
    return b.getIndexAttr(0);
  return arith::RemUIOp::create(b, value, b.index(by)).getResult();
}

SmallVector<Value> GroupOperands::accumulate(ArrayRef<Value> rows, Value four, ArrayRef<Value> sums,
                                             Value part, int64_t parts) {
  Location loc = b.getLoc();
  int64_t fours = panel / kLanes;
  OpFoldResult number = quotient(b, four, fours);
  OpFoldResult first = mulIndex(b, loc, remainder(b, four, fours), b.getIndexAttr(kLanes));
  OpFoldResult panelAt = addIndex(b, loc, rhs.offset, mulIndex(b, loc, number, rhs.strides[0]));
  auto loop = scf::ForOp::create(b, part ? part : b.index(0), b.index(units), b.index(parts), sums);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Values carried(loop.getRegionIterArgs());
  addUnit(rows, panelAt, first, loop.getInductionVar(), carried);
  scf::YieldOp::create(b, carried);
  return loop.getResults();
}

void GroupOperands::addUnit(ArrayRef<Value> rows, OpFoldResult panelAt, OpFoldResult first,
                            Value unit, Values &sums) {
  Location loc = b.getLoc();
  int64_t perBlock = format.getBlock() / kUnit;
  OpFoldResult blockNumber = quotient(b, unit, perBlock), inBlock = remainder(b, unit, perBlock);
  OpFoldResult at = addIndex(b, loc, panelAt,
                             mulIndex(b, loc, blockNumber, b.getIndexAttr(packed.getBlockBytes())));
  PackedGroups::Block block = packed.loadBlock(b, loc, at, first);
  Values codes = packed.loadCodes(b, loc, block, inBlock, first);
  // Groups may be parts of a unit, or several units.
  int64_t group = format.getGroup(), chunk = std::min(group, kUnit), count = kUnit / chunk;
  for (int64_t c = 0; c < count; ++c) {
    OpFoldResult own = inBlock;
    if (group > kUnit && !getConstantIntValue(inBlock))
      own = quotient(b, cast<Value>(inBlock), group / kUnit);
    else if (count > 1)
      own = addIndex(b, loc, mulIndex(b, loc, inBlock, b.getIndexAttr(count)), b.getIndexAttr(c));
    Part part;
    part.codes = ArrayRef(codes).slice(c * chunk / 4, chunk / 4);
    part.scale = packed.scaleOf(b, loc, block, own, first);
    part.minimum = packed.minimumOf(b, loc, block, own, part.scale, first);
    part.zero = packed.zeroOf(b, loc, block, own, first);
    part.number =
        addIndex(b, loc, mulIndex(b, loc, unit, b.getIndexAttr(count)), b.getIndexAttr(c));
    if (lhsFormat)
      addIntegers(part, rows, sums);
    else
      addFloats(part, rows, sums);
  }
}

/// The code of an element for each column, less all zeros, in f32.
Value GroupOperands::codeOf(const Part &part, int64_t element) {
  Value code = part.codes[element / 4];
  if (element % 4)
    code = arith::ShRUIOp::create(b, code, word(8 * (element % 4)));
  if (element % 4 != 3)
    code = arith::AndIOp::create(b, code, word(255));
  if (packed.getZero() != 0)
    code = arith::SubIOp::create(b, code, word(packed.getZero()));
  if (part.zero)
    code = arith::SubIOp::create(b, code, part.zero);
  return arith::SIToFPOp::create(b, floats, code);
}

//===----------------------------------------------------------------------===//
// Left-hand sides of floats
//===----------------------------------------------------------------------===//

void GroupOperands::addFloats(const Part &part, ArrayRef<Value> rows, Values &sums) {
  Location loc = b.getLoc();
  Access access;
  access.memory = lhs.memory;
  access.element = b.getF32Type();
  access.offset = lhs.offset;
  access.strides = lhs.strides;
  OpFoldResult from = mulIndex(b, loc, part.number, b.getIndexAttr(4 * part.codes.size()));
  for (int64_t quad = 0; quad < static_cast<int64_t>(part.codes.size()); ++quad) {
    Values weights;
    for (int64_t element = 0; element < 4; ++element) {
      Value value = arith::MulFOp::create(b, part.scale, codeOf(part, 4 * quad + element));
      if (part.minimum)
        value = arith::AddFOp::create(b, value, part.minimum);
      weights.push_back(value);
    }
    for (auto [row, sum] : llvm::zip_equal(rows, sums)) {
      auto at = [&](int64_t element) {
        OpFoldResult k = addIndex(b, loc, from, b.getIndexAttr(4 * quad + element));
        return Values{row, indexValue(b, loc, k)};
      };
      Value four = access.isUnit(1) ? loadLanes(b, access, at(0), /*loop=*/1) : Value();
      for (int64_t element = 0; element < 4; ++element) {
        Value left = four ? vector::ExtractOp::create(b, four, element).getResult()
                          : loadElement(b, access, at(element));
        sum = fma(b, splat(b, left), weights[element], sum);
      }
    }
  }
}

//===----------------------------------------------------------------------===//
// Left-hand sides in groups
//===----------------------------------------------------------------------===//

GroupOperands::Left GroupOperands::loadLeft(const Part &part, Value row) {
  Location loc = b.getLoc();
  OpFoldResult at = addIndex(b, loc, lhs.offset, mulIndex(b, loc, row, lhs.strides[0]));
  at = addIndex(b, loc, at, mulIndex(b, loc, part.number, b.getIndexAttr(lhsFormat.getBytes())));
  auto words = [&](int64_t from, int64_t count) {
    OpFoldResult address = addIndex(b, loc, at, b.getIndexAttr(from));
    Value bytes = loadBytes(lhs.memory, address, 4 * count);
    return vector::BitCastOp::create(b, VectorType::get({count}, b.getI32Type()), bytes);
  };
  Left left;
  for (int64_t from = 0, count = part.codes.size(); from < count; from += kLanes) {
    Value four = words(lhsFormat.getPlanes().front().getAt() + 4 * from, kLanes);
    for (int64_t lane = 0; lane < kLanes; ++lane)
      left.codes.push_back(vector::ExtractOp::create(b, four, lane));
  }
  auto one = [&](int64_t from) -> Value { return vector::ExtractOp::create(b, words(from, 1), 0); };
  left.scale = arith::BitcastOp::create(b, b.getF32Type(), one(lhsFormat.getScaleAt()));
  left.sum = one(lhsFormat.getSumAt());
  return left;
}

SmallVector<Value> GroupOperands::dotsInFloats(const Part &part, ArrayRef<Left> left) {
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(floats));
  Values dots(left.size(), zero);
  Value top = arith::ConstantIntOp::create(b, 24, 32);
  for (int64_t element = 0; element < static_cast<int64_t>(4 * part.codes.size()); ++element) {
    Value right = codeOf(part, element);
    for (auto [row, dot] : llvm::zip_equal(left, dots)) {
      // The byte, with its sign.
      Value code = row.codes[element / 4];
      if (element % 4 != 3)
        code = arith::ShLIOp::create(b, code,
                                     arith::ConstantIntOp::create(b, 24 - 8 * (element % 4), 32));
      code = arith::ShRSIOp::create(b, code, top);
      dot = fma(b, splat(b, arith::SIToFPOp::create(b, b.getF32Type(), code)), right, dot);
    }
  }
  return dots;
}

SmallVector<Value> GroupOperands::dotsInWords(const Part &part, ArrayRef<Left> left) {
  // Codes of eight bits are signed ones less 128.
  bool isWide = packed.getGreatest() > 127;
  int64_t zero = packed.getZero() - (isWide ? 128 : 0);
  Values codes(part.codes);
  if (isWide)
    for (Value &code : codes)
      code = arith::XOrIOp::create(b, code, word(0x80808080));
  Values results;
  for (const Left &row : left) {
    // Minus the sum of the row's codes, times what codes are too great by.
    Value start = word(zero);
    if (part.zero)
      start = arith::AddIOp::create(b, start, part.zero);
    start = arith::MulIOp::create(b, start, splat(b, row.sum));
    Values dots;
    for (int64_t lane = 0; lane < kLanes; ++lane)
      dots.push_back(vector::ExtractOp::create(b, start, lane));
    for (auto [code, four] : llvm::zip_equal(codes, row.codes))
      for (int64_t lane = 0; lane < kLanes; ++lane)
        dots[lane] = emitByteDot(b, four, vector::ExtractOp::create(b, code, lane), dots[lane]);
    Value whole = vector::FromElementsOp::create(b, integers, dots);
    results.push_back(arith::SIToFPOp::create(b, floats, whole));
  }
  return results;
}

void GroupOperands::addIntegers(const Part &part, ArrayRef<Value> rows, Values &sums) {
  SmallVector<Left> left =
      llvm::map_to_vector(rows, [&](Value row) { return loadLeft(part, row); });
  Values dots = b.profile.dot ? dotsInWords(part, left) : dotsInFloats(part, left);
  for (auto [row, dot, sum] : llvm::zip_equal(left, dots, sums)) {
    Value by = arith::MulFOp::create(b, splat(b, row.scale), part.scale);
    sum = fma(b, dot, by, sum);
    if (!part.minimum)
      continue;
    Value plus = arith::SubIOp::create(b, arith::ConstantIntOp::create(b, 0, 32), row.sum);
    Value moved =
        arith::MulFOp::create(b, row.scale, arith::SIToFPOp::create(b, b.getF32Type(), plus));
    sum = fma(b, splat(b, moved), part.minimum, sum);
  }
}
