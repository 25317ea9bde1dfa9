// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products with a right-hand side in groups. Of few rows threads share the sums
// of four columns: each adds up some units of K, and what they have is added in
// workgroup memory. Neighbours read what lies side by side: first the columns of
// a panel, then units of it. Of many rows a thread has some rows and four
// columns for all of K. Panels have whole vectors of columns, so that what is
// beyond the last column is computed and not stored.

#include "passes/codegen/gpu/Emitters.h"

#include "passes/codegen/LoopBuilder.h"
#include "passes/codegen/gpu/FloatPanels.h"
#include "passes/codegen/gpu/GroupOperands.h"
#include "passes/codegen/gpu/ProductEpilogue.h"
#include "passes/codegen/gpu/VectorAccess.h"
#include "passes/codegen/gpu/WorkgroupReduce.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::codegen;

namespace {

/// Rows that a thread keeps sums of.
constexpr int64_t kMaxRows = 8;

/// Loops of the product's result.
enum : unsigned { kRows = 0, kColumns = 1 };

class GroupMatmulEmission {
public:
  GroupMatmulEmission(TileBuilder &b, PanelSums &operands, const Contraction &product,
                      const ProductEpilogue &epilogue, int64_t mostRows, int64_t mostColumns)
      : b(b), operands(operands), product(product), epilogue(epilogue), mostRows(mostRows) {
    columnGroups =
        std::min<int64_t>(b.threads, llvm::PowerOf2Ceil(llvm::divideCeil(mostColumns, kLanes)));
    others = b.threads / columnGroups;
    wholeLanes = isMultipleOf(size(kColumns), kLanes);
    fits = mostColumns <= columnGroups * kLanes;
  }

  /// Where there are units to share out, and every thread has its columns at once.
  bool isThin() const {
    return mostRows <= kMaxRows && others >= 2 && operands.getUnits() >= 2 && fits;
  }

  /// False if there is no room for the parts of sums.
  bool runThin() {
    int64_t width = columnGroups * kLanes, parts = others;
    std::optional<Value> shared = allocateShared(b, b.getF32Type(), parts * width);
    if (!shared)
      return false;
    int64_t side = operands.getPanel() / kLanes;
    if (!llvm::isPowerOf2_64(side) || side > columnGroups)
      side = 1;
    Value rest = divide(b.thread(), side);
    Value part = arith::RemUIOp::create(b, rest, b.index(parts));
    Value group = arith::AddIOp::create(
        b, arith::MulIOp::create(b, divide(rest, parts), b.index(side)), modulo(b.thread(), side));
    // Groups beyond the last column do what the last one does.
    Value last = divide(arith::SubIOp::create(b, sizeValue(kColumns), b.index(1)), kLanes);
    SmallVector<Value> rows;
    for (int64_t row = 0; row < mostRows; ++row)
      rows.push_back(insideRows(b.index(row)));
    SmallVector<Value> sums =
        operands.accumulate(rows, arith::MinUIOp::create(b, group, last),
                            SmallVector<Value>(mostRows, zero()), part, parts);
    Value place =
        arith::AddIOp::create(b, arith::MulIOp::create(b, part, b.index(width)),
                              arith::MulIOp::create(b, group, b.index(kLanes)).getResult());
    for (auto [row, sum] : llvm::enumerate(sums)) {
      if (row != 0)
        b.barrier();
      vector::StoreOp::create(b, sum, *shared, ValueRange{place});
      b.barrier();
      ifInside(b.index(row), kRows, [&] {
        epilogue.finishParts(b, *shared, width, parts, size(kColumns), kColumns,
                             {b.index(row), Value()});
      });
    }
    return true;
  }

  void runTall() {
    Value column = arith::MulIOp::create(b, modulo(b.thread(), columnGroups), b.index(kLanes));
    Value row = divide(b.thread(), columnGroups);
    int64_t count = std::min<int64_t>(kMaxRows, llvm::divideCeil(mostRows, others));
    forBlocks(kColumns, column, columnGroups * kLanes, [&](Value column) {
      forBlocks(kRows, row, others * count, [&](Value row) { overRows(row, count, column); });
    });
  }

private:
  OpFoldResult size(unsigned loop) const { return product.nest.loops[loop].size; }
  Value sizeValue(unsigned loop) { return indexValue(b, b.getLoc(), size(loop)); }
  Value divide(Value value, int64_t by) {
    return by == 1 ? value : arith::DivUIOp::create(b, value, b.index(by)).getResult();
  }
  Value modulo(Value value, int64_t by) {
    return by == 1 ? b.index(0) : arith::RemUIOp::create(b, value, b.index(by)).getResult();
  }
  Value zero() {
    return arith::ConstantOp::create(b, b.getZeroAttr(VectorType::get({kLanes}, b.getF32Type())));
  }

  /// The row, or the last one if there is none of this number.
  Value insideRows(Value row) {
    std::optional<int64_t> number = getConstantIntValue(row),
                           count = getConstantIntValue(size(kRows));
    if (number && count && *number < *count)
      return row;
    Value last = arith::SubIOp::create(b, sizeValue(kRows), b.index(1));
    return arith::MinUIOp::create(b, row, last);
  }

  void ifInside(Value number, unsigned loop, function_ref<void()> body) {
    OpBuilder::InsertionGuard guard(b);
    std::optional<int64_t> known = getConstantIntValue(number),
                           count = getConstantIntValue(size(loop));
    if (!known || !count || *known >= *count) {
      Value inside = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, number, sizeValue(loop));
      auto branch = scf::IfOp::create(b, inside, /*withElseRegion=*/false);
      b.setInsertionPointToStart(branch.thenBlock());
    }
    body();
  }

  /// `body` at `first` and every `step` further on, while within the loop.
  void forBlocks(unsigned loop, Value first, int64_t step, function_ref<void(Value)> body) {
    OpBuilder::InsertionGuard guard(b);
    std::optional<int64_t> most = upperBound(size(loop));
    if (most && *most <= step)
      return ifInside(first, loop, [&] { body(first); });
    auto blocks = scf::ForOp::create(b, first, sizeValue(loop), b.index(step));
    b.setInsertionPointToStart(blocks.getBody());
    body(blocks.getInductionVar());
  }

  /// A thread's rows from `row` on, each `others` further than the one before.
  void overRows(Value row, int64_t count, Value column) {
    SmallVector<Value> rows, clamped;
    for (int64_t i = 0; i < count; ++i) {
      rows.push_back(i ? arith::AddIOp::create(b, row, b.index(i * others)).getResult() : row);
      clamped.push_back(i ? insideRows(rows[i]) : row);
    }
    SmallVector<Value> sums =
        operands.accumulate(clamped, divide(column, kLanes), SmallVector<Value>(count, zero()),
                            /*part=*/Value(), /*parts=*/1);
    for (int64_t i = 0; i < count; ++i) {
      // The first row was looked at where the block begins.
      if (i == 0)
        finishFour(sums[i], rows[i], column);
      else
        ifInside(rows[i], kRows, [&] { finishFour(sums[i], rows[i], column); });
    }
  }

  void finishFour(Value sum, Value row, Value column) {
    if (wholeLanes) {
      Value ivs[] = {row, column};
      Value whole = arith::AddFOp::create(b, epilogue.initial(b, ivs, /*lanes=*/true), sum);
      return epilogue.finish(b, whole, ivs, /*lanes=*/true);
    }
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      Value own = lane ? arith::AddIOp::create(b, column, b.index(lane)).getResult() : column;
      ifInside(own, kColumns, [&] {
        Value ivs[] = {row, own};
        Value before = epilogue.initial(b, ivs, /*lanes=*/false);
        Value part = vector::ExtractOp::create(b, sum, lane);
        epilogue.finish(b, arith::AddFOp::create(b, before, part), ivs, /*lanes=*/false);
      });
    }
  }

  TileBuilder &b;
  PanelSums &operands;
  const Contraction &product;
  const ProductEpilogue &epilogue;
  int64_t mostRows, columnGroups, others;
  bool wholeLanes, fits;
};

/// The loops and the result of a product that no linalg operation is.
Contraction contractionOf(TileBuilder &b, nn::GroupMatmulOp op) {
  FlatView init = flatten(b, b.getLoc(), op.getInit());
  Contraction product;
  // Sizes of which bounds can be found.
  for (OpFoldResult size : memref::getMixedSizes(b, b.getLoc(), op.getInit()))
    product.nest.loops.push_back({size});
  Access access;
  access.memory = init.memory;
  access.element = b.getF32Type();
  access.offset = init.offset;
  access.strides = init.strides;
  product.nest.accesses.push_back(access);
  product.rows = kRows;
  product.columns = kColumns;
  return product;
}

} // namespace

bool tercet::codegen::hasGroupKernel(nn::GroupMatmulOp op, std::string &reason) {
  std::optional<nn::GroupsAttr> format = op.getFormat(), left = op.getLhsFormat();
  auto refuse = [&](const Twine &why) {
    reason = why.str();
    return false;
  };
  if (ShapedType::isDynamic(op.getDepth()))
    return refuse("its kernels need to know how many terms a product in groups has");
  if (op.getPanel() && op.getPanelColumns() % kLanes != 0)
    return refuse("its kernels read panels of a multiple of 4 columns");
  if (!format)
    return true;
  if (!format->isPackable())
    return refuse("its kernels read blocks of a multiple of 32 elements in groups of a multiple of "
                  "16 with a scale");
  int64_t chunk = std::min<int64_t>(32, format->getGroup());
  if (format->getGroup() % chunk != 0 || 32 % chunk != 0)
    return refuse("its kernels read groups of 16 or of a multiple of 32 elements");
  if (format->getCodebook() && format->getBits() > 4)
    return refuse("its kernels look up codes of 4 bits at most");
  if (!left)
    return true;
  bool inWords = left->getBytes() % 4 == 0 && left->getScaleAt() % 4 == 0 &&
                 left->getSumAt() >= 0 && left->getSumAt() % 4 == 0 &&
                 left->getPlanes().front().getAt() % 4 == 0;
  if (left->getBlock() != chunk || left->getGroup() != chunk || !inWords)
    return refuse("its kernels multiply by left-hand sides in blocks of one group of " +
                  Twine(chunk) + " bytes, with a scale and a sum in words of their own");
  return true;
}

bool tercet::codegen::emitGroupMatmul(TileBuilder &b, const ProductChain &chain) {
  auto op = cast<nn::GroupMatmulOp>(chain.product);
  std::string ignored;
  if (!hasGroupKernel(op, ignored) || !op.getPanel())
    return false;
  Contraction product = contractionOf(b, op);
  std::optional<int64_t> rows = upperBound(product.nest.loops[kRows].size),
                         columns = upperBound(product.nest.loops[kColumns].size);
  if (!rows || !columns)
    return false;
  std::optional<ProductEpilogue> epilogue = ProductEpilogue::of(b, chain, product);
  if (!epilogue)
    return false;
  std::unique_ptr<PanelSums> operands;
  if (op.getFormat())
    operands = std::make_unique<GroupOperands>(b, op);
  else
    operands = std::make_unique<FloatPanels>(b, op);
  GroupMatmulEmission emission(b, *operands, product, *epilogue, *rows, *columns);
  if (!emission.isThin() || !emission.runThin())
    emission.runTall();
  return true;
}
