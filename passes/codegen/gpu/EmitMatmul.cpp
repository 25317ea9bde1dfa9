// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products with sums in registers. A thread has some rows of the tile and four
// columns side by side; along the sums it loads four elements at once where they
// are adjacent. Rows beyond the tile's last are computed as that one and not
// stored, so that no thread waits for another. Products of few rows are in
// EmitThinMatmul.cpp.

#include "passes/codegen/gpu/Emitters.h"

#include "passes/codegen/LoopBuilder.h"
#include "passes/codegen/gpu/ProductEpilogue.h"
#include "passes/codegen/gpu/ProductOperands.h"
#include "passes/codegen/gpu/VectorAccess.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tercet::codegen;

namespace {

/// Sums of four that a thread has at most; larger tiles are gone through in
/// blocks.
constexpr int64_t kMaxRows = 8;

class MatmulEmission {
public:
  MatmulEmission(TileBuilder &b, const Contraction &product, const ProductEpilogue &epilogue,
                 int64_t mostRows, int64_t mostColumns)
      : b(b), product(product), epilogue(epilogue), ivs(product.nest.loops.size()) {
    columnGroups =
        std::min<int64_t>(b.threads, llvm::PowerOf2Ceil(llvm::divideCeil(mostColumns, kLanes)));
    rowGroups = b.threads / columnGroups;
    rowsOfThread = std::min<int64_t>(kMaxRows, llvm::divideCeil(mostRows, rowGroups));
    // Lanes are loaded and stored together if no group of them is cut.
    lanes = isMultipleOf(size(*product.columns), kLanes);
  }

  void run() { overBatch(product.batch); }

private:
  OpFoldResult size(unsigned loop) const { return product.nest.loops[loop].size; }
  Value sizeValue(unsigned loop) { return indexValue(b, b.getLoc(), size(loop)); }

  void overBatch(ArrayRef<unsigned> loops) {
    if (loops.empty())
      return overTile();
    auto loop = scf::ForOp::create(b, b.index(0), sizeValue(loops[0]), b.index(1));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    ivs[loops[0]] = loop.getInductionVar();
    overBatch(loops.drop_front());
  }

  void overTile() {
    Value groups = b.index(columnGroups);
    Value column =
        arith::MulIOp::create(b, arith::RemUIOp::create(b, b.thread(), groups), b.index(kLanes));
    Value row = arith::DivUIOp::create(b, b.thread(), groups);
    // In blocks only where the tile is larger than what the threads hold.
    forBlocks(*product.columns, column, columnGroups * kLanes, [&](Value column) {
      if (!product.rows)
        return overOneRow(row, column);
      forBlocks(*product.rows, row, rowGroups * rowsOfThread,
                [&](Value row) { overRows(row, column); });
    });
  }

  /// One group of threads alone has a row that is the only one: what others
  /// computed of it again might read a result in place of an operand.
  void overOneRow(Value group, Value column) {
    OpBuilder::InsertionGuard guard(b);
    if (rowGroups > 1) {
      Value first = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, group, b.index(0));
      auto branch = scf::IfOp::create(b, first, /*withElseRegion=*/false);
      b.setInsertionPointToStart(branch.thenBlock());
    }
    overRows(Value(), column);
  }

  /// `body` at `first` and every `step` further on, while within the loop.
  void forBlocks(unsigned loop, Value first, int64_t step, function_ref<void(Value)> body) {
    OpBuilder::InsertionGuard guard(b);
    std::optional<int64_t> most = upperBound(size(loop));
    if (most && *most <= step) {
      if (getConstantIntValue(size(loop)) != step) {
        Value inside = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, first, sizeValue(loop));
        auto branch = scf::IfOp::create(b, inside, /*withElseRegion=*/false);
        b.setInsertionPointToStart(branch.thenBlock());
      }
      body(first);
      return;
    }
    auto blocks = scf::ForOp::create(b, first, sizeValue(loop), b.index(step));
    b.setInsertionPointToStart(blocks.getBody());
    body(blocks.getInductionVar());
  }

  /// A thread's rows from `row` on, each rowGroups further than the one before.
  void overRows(Value row, Value column) {
    int64_t count = product.rows ? rowsOfThread : 1;
    SmallVector<SmallVector<Value>> at(count), stored(count);
    for (int64_t i = 0; i < count; ++i) {
      ivs[*product.columns] = column;
      Value there = row;
      if (row) {
        if (i != 0)
          there = arith::AddIOp::create(b, row, b.index(i * rowGroups));
        ivs[*product.rows] = there;
        stored[i] = ivs;
        Value last = arith::SubIOp::create(b, sizeValue(*product.rows), b.index(1));
        if (i != 0)
          ivs[*product.rows] = arith::MinUIOp::create(b, there, last);
      } else {
        stored[i] = ivs;
      }
      at[i] = ivs;
    }
    if (lanes)
      return sum(at, stored, /*lanes=*/true);
    // The last group of columns may be cut: lane by lane, each within the row.
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      Value there =
          lane == 0 ? column : arith::AddIOp::create(b, column, b.index(lane)).getResult();
      OpBuilder::InsertionGuard guard(b);
      if (lane != 0) {
        Value inside =
            arith::CmpIOp::create(b, arith::CmpIPredicate::ult, there, sizeValue(*product.columns));
        auto branch = scf::IfOp::create(b, inside, /*withElseRegion=*/false);
        b.setInsertionPointToStart(branch.thenBlock());
      }
      for (int64_t i = 0; i < count; ++i)
        at[i][*product.columns] = stored[i][*product.columns] = there;
      sum(at, stored, /*lanes=*/false);
    }
  }

  void sum(ArrayRef<SmallVector<Value>> at, ArrayRef<SmallVector<Value>> stored, bool lanes) {
    SmallVector<Value> sums;
    for (const SmallVector<Value> &there : at)
      sums.push_back(epilogue.initial(b, there, lanes));
    ProductOperands operands(b, product, lanes);
    sums = operands.accumulate(at, sums);
    for (auto [number, there] : llvm::enumerate(stored)) {
      OpBuilder::InsertionGuard guard(b);
      // The first row was looked at where the block begins.
      if (number != 0) {
        Value inside = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, there[*product.rows],
                                             sizeValue(*product.rows));
        auto branch = scf::IfOp::create(b, inside, /*withElseRegion=*/false);
        b.setInsertionPointToStart(branch.thenBlock());
      }
      epilogue.finish(b, sums[number], there, lanes);
    }
  }

  TileBuilder &b;
  const Contraction &product;
  const ProductEpilogue &epilogue;
  SmallVector<Value> ivs;
  int64_t columnGroups, rowGroups, rowsOfThread;
  bool lanes;
};

} // namespace

bool tercet::codegen::emitMatmul(TileBuilder &b, const ProductChain &chain) {
  std::optional<Contraction> product = Contraction::of(b, cast<linalg::LinalgOp>(chain.product));
  if (!product)
    return false;
  std::optional<int64_t> columns = upperBound(product->nest.loops[*product->columns].size),
                         rows = product->rows ? upperBound(product->nest.loops[*product->rows].size)
                                              : std::optional<int64_t>(1);
  if (!rows || !columns)
    return false;
  std::optional<ProductEpilogue> epilogue = ProductEpilogue::of(b, chain, *product);
  if (!epilogue)
    return false;
  MatmulEmission(b, *product, *epilogue, *rows, *columns).run();
  return true;
}
