// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations on matrices in groups that have kernels of their own. The others
// have been decomposed before.

#include "targets/cpu/FillSearch.h"
#include "targets/cpu/GroupKernel.h"
#include "passes/codegen/LoopNest.h"
#include "targets/cpu/Passes.h"

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
    lanes = std::min(unit.lanes(32), format.getGroup());
    while (format.getGroup() % lanes != 0)
      lanes /= 2;
    floats = VectorType::get({lanes}, b.getF32Type());
    integers = VectorType::get({lanes}, b.getI32Type());
  }

  void emit(OpBuilder &b) {
    buildLoop(b, loc, b.getIndexAttr(0), input.sizes[0], 1, [&](OpBuilder &rows, Value row) {
      buildLoop(rows, loc, rows.getIndexAttr(0), init.sizes[1], 1,
                [&](OpBuilder &nested, Value block) {
                  for (int64_t group = 0; group < format.getGroups(); ++group)
                    emitGroup(nested, row, block, group);
                });
    });
  }

private:
  Value splat(OpBuilder &b, VectorType type, Attribute value) {
    return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, value));
  }
  Value scalar(OpBuilder &b, double value) {
    return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value));
  }

  void storeWord(OpBuilder &b, Value word, OpFoldResult at) {
    Value one = vector::FromElementsOp::create(b, loc, VectorType::get({1}, word.getType()), word);
    Value bytes = vector::BitCastOp::create(b, loc, VectorType::get({4}, b.getI8Type()), one);
    vector::StoreOp::create(b, loc, bytes, init.memory, ValueRange{indexValue(b, loc, at)});
  }

  void emitGroup(OpBuilder &b, Value row, Value block, int64_t group) {
    OpFoldResult from = addIndex(b, loc, input.offset, mulIndex(b, loc, row, input.strides[0]));
    Value first = indexValue(b, loc, mulIndex(b, loc, block, b.getIndexAttr(format.getBlock())));
    from =
        addIndex(b, loc, addIndex(b, loc, from, first), b.getIndexAttr(group * format.getGroup()));
    OpFoldResult to = addIndex(b, loc, init.offset, mulIndex(b, loc, row, init.strides[0]));
    to = addIndex(b, loc, to, mulIndex(b, loc, block, init.strides[1]));
    int64_t count = format.getGroup() / lanes;

    SmallVector<Value> values;
    Value most;
    for (int64_t i = 0; i < count; ++i) {
      Value at = indexValue(b, loc, addIndex(b, loc, from, b.getIndexAttr(i * lanes)));
      values.push_back(vector::LoadOp::create(b, loc, floats, input.memory, ValueRange{at}));
      // As bits: what is no number is greater than all.
      Value word = arith::BitcastOp::create(b, loc, integers, values.back());
      Value magnitude =
          arith::AndIOp::create(b, loc, word, splat(b, integers, b.getI32IntegerAttr(INT32_MAX)));
      most = most ? arith::MaxUIOp::create(b, loc, most, magnitude).getResult() : magnitude;
    }
    Value bits = vector::ReductionOp::create(b, loc, vector::CombiningKind::MAXUI, most);
    Value greatest = arith::BitcastOp::create(b, loc, b.getF32Type(), bits);
    Value inverse = arith::DivFOp::create(b, loc, scalar(b, 127.0), greatest);
    Value factor = vector::BroadcastOp::create(b, loc, floats, inverse);
    Value limit = splat(b, floats, b.getF32FloatAttr(127.0));
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
      whole = arith::SelectOp::create(b, loc, isNumber, whole,
                                      splat(b, integers, b.getI32IntegerAttr(0)));
      sum = sum ? arith::AddIOp::create(b, loc, sum, whole).getResult() : whole;
      Value codes = arith::TruncIOp::create(b, loc, VectorType::get({lanes}, b.getI8Type()), whole);
      int64_t offset = format.getPlanes().front().getAt() + group * format.getGroup() + i * lanes;
      Value at = indexValue(b, loc, addIndex(b, loc, to, b.getIndexAttr(offset)));
      vector::StoreOp::create(b, loc, codes, init.memory, ValueRange{at});
    }
    Value scale = arith::DivFOp::create(b, loc, greatest, scalar(b, 127.0));
    storeWord(b, scale, addIndex(b, loc, to, b.getIndexAttr(format.getScaleAt() + 4 * group)));
    if (format.getSumAt() < 0)
      return;
    Value total = vector::ReductionOp::create(b, loc, vector::CombiningKind::ADD, sum);
    Value minus = arith::SubIOp::create(
        b, loc, arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(0)), total);
    storeWord(b, minus, addIndex(b, loc, to, b.getIndexAttr(format.getSumAt() + 4 * group)));
  }

  Location loc;
  nn::GroupsAttr format;
  FlatView input, init;
  int64_t lanes = 1;
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
