// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations on matrices in groups that have kernels of their own. The others
// have been decomposed before.

#include "targets/cpu/FillSearch.h"
#include "targets/cpu/GroupKernel.h"
#include "passes/codegen/LoopNest.h"
#include "targets/cpu/Passes.h"

#include "dialects/nn/GroupFormats.h"
#include "dialects/nn/NN.h"

namespace tercet::cpu {
#define GEN_PASS_DEF_LOWERGROUPSPASS
#include "targets/cpu/Passes.h.inc"
} // namespace tercet::cpu

using namespace mlir;
using namespace tercet;
using namespace tercet::codegen;
using namespace tercet::cpu;

namespace {

/// Rounds rows to groups; see the description of nn.encode_groups.
class RowEncoder {
public:
  RowEncoder(OpBuilder &b, nn::EncodeGroupsOp op, const VectorUnit &unit)
      : loc(op.getLoc()), format(op.getFormat()), input(flatten(b, loc, op.getInput())),
        init(flatten(b, loc, op.getInit())) {
    nn::PlaneAttr plane = format.getPlanes().front();
    perByte = 8 / plane.getBits();
    // Elements of one byte lie `run` apart.
    run = perByte == 1 ? format.getBlock() : plane.getRun();
    int64_t size = std::gcd(run, format.getGroup());
    lanes = std::min(unit.lanes(32), size);
    while (size % lanes != 0)
      lanes /= 2;
    floats = VectorType::get({lanes}, b.getF32Type());
    integers = VectorType::get({lanes}, b.getI32Type());
    if (format.getCodes() == nn::CodeKind::Unsigned)
      middle = format.getZero();
    outermost = middle ? -double(middle) : 127.0;
  }

  void emit(OpBuilder &b) {
    buildLoop(b, loc, b.getIndexAttr(0), input.sizes[0], 1, [&](OpBuilder &rows, Value row) {
      buildLoop(rows, loc, rows.getIndexAttr(0), init.sizes[1], 1,
                [&](OpBuilder &nested, Value block) { emitBlock(nested, row, block); });
    });
  }

private:
  Value splat(OpBuilder &b, VectorType type, Attribute value) {
    return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, value));
  }
  Value words(OpBuilder &b, int64_t value) {
    return splat(b, integers, b.getI32IntegerAttr(static_cast<int32_t>(value)));
  }
  Value scalar(OpBuilder &b, double value) {
    return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value));
  }

  void storeBytes(OpBuilder &b, Value number, OpFoldResult at) {
    int64_t bytes = number.getType().getIntOrFloatBitWidth() / 8;
    Value one =
        vector::FromElementsOp::create(b, loc, VectorType::get({1}, number.getType()), number);
    one = vector::BitCastOp::create(b, loc, VectorType::get({bytes}, b.getI8Type()), one);
    vector::StoreOp::create(b, loc, one, init.memory, ValueRange{indexValue(b, loc, at)});
  }

  void emitBlock(OpBuilder &b, Value row, Value block) {
    OpFoldResult from = addIndex(b, loc, input.offset, mulIndex(b, loc, row, input.strides[0]));
    Value first = indexValue(b, loc, mulIndex(b, loc, block, b.getIndexAttr(format.getBlock())));
    from = addIndex(b, loc, from, first);
    OpFoldResult to = addIndex(b, loc, init.offset, mulIndex(b, loc, row, init.strides[0]));
    to = addIndex(b, loc, to, mulIndex(b, loc, block, init.strides[1]));
    SmallVector<Value> codes;
    for (int64_t group = 0; group < format.getGroups(); ++group)
      emitGroup(b, addIndex(b, loc, from, b.getIndexAttr(group * format.getGroup())), to, group,
                codes);
    int64_t bits = format.getBits(), count = format.getBlock() / perByte;
    for (int64_t byte = 0; byte < count; byte += lanes) {
      Value word;
      for (int64_t c = 0; c < perByte; ++c) {
        Value part = codes[((byte / run * perByte + c) * run + byte % run) / lanes];
        if (c > 0)
          part = arith::ShLIOp::create(b, loc, part, words(b, c * bits));
        word = word ? arith::OrIOp::create(b, loc, word, part).getResult() : part;
      }
      word = arith::TruncIOp::create(b, loc, VectorType::get({lanes}, b.getI8Type()), word);
      OpFoldResult at = b.getIndexAttr(format.getPlanes().front().getAt() + byte);
      vector::StoreOp::create(b, loc, word, init.memory,
                              ValueRange{indexValue(b, loc, addIndex(b, loc, to, at))});
    }
  }

  /// The codes of a group, as vectors of i32; its scale and sum are stored.
  void emitGroup(OpBuilder &b, OpFoldResult from, OpFoldResult to, int64_t group,
                 SmallVectorImpl<Value> &codes) {
    int64_t count = format.getGroup() / lanes;
    SmallVector<Value> values;
    Value most, top;
    for (int64_t i = 0; i < count; ++i) {
      Value at = indexValue(b, loc, addIndex(b, loc, from, b.getIndexAttr(i * lanes)));
      values.push_back(vector::LoadOp::create(b, loc, floats, input.memory, ValueRange{at}));
      // As bits: what is no number is greater than all.
      Value word = arith::BitcastOp::create(b, loc, integers, values.back());
      Value magnitude = arith::AndIOp::create(b, loc, word, words(b, INT32_MAX));
      most = most ? arith::MaxUIOp::create(b, loc, most, magnitude).getResult() : magnitude;
      top = top ? arith::MaxSIOp::create(b, loc, top, word).getResult() : word;
    }
    Value bits = vector::ReductionOp::create(b, loc, vector::CombiningKind::MAXUI, most);
    Value farthest = arith::BitcastOp::create(b, loc, b.getF32Type(), bits);
    if (middle) { // with its sign: of negative numbers words are negative
      Value highest = vector::ReductionOp::create(b, loc, vector::CombiningKind::MAXSI, top);
      Value isTop = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, bits, highest);
      Value negative = arith::NegFOp::create(b, loc, farthest);
      farthest = arith::SelectOp::create(b, loc, isTop, farthest, negative);
    }
    Value inverse = arith::DivFOp::create(b, loc, scalar(b, outermost), farthest);
    Value factor = vector::BroadcastOp::create(b, loc, floats, inverse);
    Value limit = splat(b, floats, b.getF32FloatAttr(std::abs(outermost)));
    Value sum;
    for (int64_t i = 0; i < count; ++i) {
      // Floats of this size have no fraction: the sum is rounded half to even, and
      // its last bits are the integer.
      Value magic = splat(b, floats, b.getF32FloatAttr(0x1.8p23));
      Value moved =
          arith::AddFOp::create(b, loc, arith::MulFOp::create(b, loc, values[i], factor), magic);
      Value scaled = arith::SubFOp::create(b, loc, moved, magic);
      // False for what is no number, and for all of a group of zeros.
      Value isNumber = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLE,
                                             math::AbsFOp::create(b, loc, scaled), limit);
      Value whole = arith::SubIOp::create(b, loc, arith::BitcastOp::create(b, loc, integers, moved),
                                          arith::BitcastOp::create(b, loc, integers, magic));
      whole = arith::SelectOp::create(b, loc, isNumber, whole, words(b, 0));
      if (middle) {
        whole = arith::MinSIOp::create(b, loc, whole, words(b, middle - 1));
        whole = arith::AddIOp::create(b, loc, whole, words(b, middle));
      }
      codes.push_back(whole);
      sum = sum ? arith::AddIOp::create(b, loc, sum, whole).getResult() : whole;
    }
    Value scale = arith::DivFOp::create(b, loc, farthest, scalar(b, outermost));
    int64_t scaleBytes = nn::bytesOf(format.getScale());
    if (scaleBytes == 2)
      scale = arith::TruncFOp::create(b, loc, b.getF16Type(), scale);
    storeBytes(b, scale,
               addIndex(b, loc, to, b.getIndexAttr(format.getScaleAt() + scaleBytes * group)));
    if (format.getSumAt() < 0)
      return;
    Value total = vector::ReductionOp::create(b, loc, vector::CombiningKind::ADD, sum);
    Value minus = arith::SubIOp::create(
        b, loc, arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(0)), total);
    storeBytes(b, minus, addIndex(b, loc, to, b.getIndexAttr(format.getSumAt() + 4 * group)));
  }

  Location loc;
  nn::GroupsAttr format;
  FlatView input, init;
  int64_t lanes = 1, perByte = 1, run = 1;
  /// The code of 0, of codes around the middle; what the farthest value becomes.
  int64_t middle = 0;
  double outermost = 127.0;
  VectorType floats, integers;
};

struct LowerGroupsPass : cpu::impl::LowerGroupsPassBase<LowerGroupsPass> {
  void runOnOperation() override {
    soc::KernelOp kernel = getOperation();
    if (!isCpuKernel(kernel))
      return;
    SmallVector<Operation *> ops;
    kernel.walk([&](Operation *op) {
      if (isa<nn::GroupMatmulOp, nn::EncodeGroupsOp>(op))
        ops.push_back(op);
    });
    if (ops.empty())
      return;
    FailureOr<soc::CpuAttr> engine = lookupCpu(kernel);
    if (failed(engine))
      return signalPassFailure();
    VectorUnit unit = VectorUnit::of(*engine);
    ByteDot dot = ByteDot::of(*engine);
    for (Operation *op : ops) {
      if (!isa<MemRefType>(op->getOperands().back().getType())) {
        op->emitOpError() << "expected memrefs; bufferise first";
        return signalPassFailure();
      }
      auto product = dyn_cast<nn::GroupMatmulOp>(op);
      if (failed(product ? lower(product, unit, dot) : lower(cast<nn::EncodeGroupsOp>(op), unit)))
        return signalPassFailure();
    }
  }

  LogicalResult lower(nn::EncodeGroupsOp op, const VectorUnit &unit) {
    OpBuilder b(op);
    RowEncoder(b, op, unit).emit(b);
    op.erase();
    ++encoded;
    return success();
  }

  /// Blocks lie one behind the other, bytes too.
  static LogicalResult expectDense(nn::GroupMatmulOp op, const FlatView &view, Value operand,
                                   int64_t stride) {
    if (getConstantIntValue(view.strides[1]) == stride &&
        (view.strides.size() < 3 || getConstantIntValue(view.strides[2]) == 1))
      return success();
    return op.emitOpError() << "expected blocks one behind the other in " << operand.getType();
  }

  LogicalResult lower(nn::GroupMatmulOp op, const VectorUnit &unit, const ByteDot &dot) {
    if (!hasGroupKernel(op))
      return op.emitOpError()
             << "has no kernel for its layout; tile-lower-aggregates decomposes it";
    OpBuilder b(op);
    Location loc = op.getLoc();
    FlatView lhs = flatten(b, loc, op.getLhs()), rhs = flatten(b, loc, op.getRhs()),
             init = flatten(b, loc, op.getInit());
    GroupProduct product;
    product.panel = op.getPanelColumns();
    product.depth = op.getDepth();
    product.format = op.getFormat().value_or(nn::GroupsAttr());
    product.lhsFormat = op.getLhsFormat().value_or(nn::GroupsAttr());
    int64_t rhsStride =
        product.format ? product.panel * product.format.getPackedBytes() : product.panel;
    if (failed(expectDense(op, rhs, op.getRhs(), rhsStride)) ||
        (product.lhsFormat &&
         failed(expectDense(op, lhs, op.getLhs(), product.lhsFormat.getBytes()))))
      return failure();
    if (getConstantIntValue(init.strides[1]) != 1)
      return op.emitOpError() << "expected rows of unit stride in " << op.getInit().getType();
    product.lhs = {lhs.memory, lhs.offset, lhs.strides[0], lhs.strides[1]};
    product.rhs = rhs.memory;
    product.rhsOffset = rhs.offset;
    product.panelStride = rhs.strides[0];
    product.rhsElement = getElementTypeOrSelf(op.getRhs().getType());
    product.init = {init.memory, init.offset, init.strides[0], init.strides[1]};
    product.m = getConstantIntValue(init.sizes[0]) ? init.sizes[0] : lhs.sizes[0];
    product.n = init.sizes[1];
    if (linalg::FillOp fill = findFill(op, op.getInit());
        fill && fill.getInputs()[0].getType().isF32()) {
      product.start = fill.getInputs()[0];
      fill.erase();
    }
    emitGroupProduct(b, loc, product, unit, dot);
    op.erase();
    ++products;
    return success();
  }
};

} // namespace
