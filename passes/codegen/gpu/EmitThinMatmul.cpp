// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of few rows, which read each weight once and so are as fast as the
// memory. Threads share the sum of a column: each adds up some of the terms, and
// what they have is added in workgroup memory. Neighbours read what lies side by
// side: columns, or terms of one column where the weights lie the other way.

#include "passes/codegen/gpu/Emitters.h"

#include "passes/codegen/LoopBuilder.h"
#include "passes/codegen/gpu/ProductEpilogue.h"
#include "passes/codegen/gpu/ProductOperands.h"
#include "passes/codegen/gpu/VectorAccess.h"
#include "passes/codegen/gpu/WorkgroupReduce.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tercet::codegen;

namespace {

/// Rows that a thread keeps sums of.
constexpr int64_t kMaxRows = 8;
/// Terms below which sums are not worth sharing out.
constexpr int64_t kMinTerms = 64;

class ThinEmission {
public:
  ThinEmission(TileBuilder &b, const Contraction &product, const ProductEpilogue &epilogue,
               int64_t rows, int64_t mostColumns)
      : b(b), product(product), epilogue(epilogue), ivs(product.nest.loops.size()), rows(rows) {
    lanes = isMultipleOf(columnCount(), kLanes);
    int64_t unit = lanes ? kLanes : 1;
    groups = std::min<int64_t>(b.threads, llvm::PowerOf2Ceil(llvm::divideCeil(mostColumns, unit)));
    parts = b.threads / groups;
  }

  bool isWorthIt(int64_t mostColumns) const {
    return parts >= 2 && mostColumns <= groups * (lanes ? kLanes : 1);
  }

  /// False if there is no room for the parts of sums.
  bool run() {
    int64_t unit = lanes ? kLanes : 1, width = groups * unit;
    std::optional<Value> shared = allocateShared(b, product.sumElement(), parts * width);
    if (!shared)
      return false;
    auto innermost = llvm::find_if(
        product.sums, [&](unsigned loop) { return product.rightAccess().isUnit(loop); });
    bool alongTerms =
        innermost != product.sums.end() && !product.rightAccess().isUnit(*product.columns);
    Value divisor = b.index(alongTerms ? parts : groups);
    Value inner = arith::RemUIOp::create(b, b.thread(), divisor);
    Value outer = arith::DivUIOp::create(b, b.thread(), divisor);
    Value part = alongTerms ? inner : outer, group = alongTerms ? outer : inner;
    Value first = arith::MulIOp::create(b, group, b.index(unit));
    // Groups beyond the last column do what the last group does.
    Value last = arith::SubIOp::create(b, columnValue(), b.index(unit));
    ivs[*product.columns] = arith::MinUIOp::create(b, first, last);

    SmallVector<SmallVector<Value>> at;
    Type type = product.sumElement();
    if (lanes)
      type = VectorType::get({kLanes}, type);
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
    for (int64_t row = 0; row < rows; ++row) {
      if (product.rows)
        ivs[*product.rows] = b.index(row);
      at.push_back(ivs);
    }
    SmallVector<Value> sums = ProductOperands(b, product, lanes)
                                  .accumulate(at, SmallVector<Value>(rows, zero), part, parts);
    Value place = arith::AddIOp::create(b, arith::MulIOp::create(b, part, b.index(width)), first);
    for (int64_t row = 0; row < rows; ++row) {
      if (row != 0)
        b.barrier();
      if (lanes)
        vector::StoreOp::create(b, sums[row], *shared, ValueRange{place});
      else
        memref::StoreOp::create(b, sums[row], *shared, place);
      b.barrier();
      epilogue.finishParts(b, *shared, width, parts, columnCount(), *product.columns, at[row]);
    }
    return true;
  }

private:
  OpFoldResult columnCount() const { return product.nest.loops[*product.columns].size; }
  Value columnValue() { return indexValue(b, b.getLoc(), columnCount()); }

  TileBuilder &b;
  const Contraction &product;
  const ProductEpilogue &epilogue;
  SmallVector<Value> ivs;
  int64_t rows, groups, parts;
  bool lanes;
};

} // namespace

bool tercet::codegen::emitThinMatmul(TileBuilder &b, const ProductChain &chain) {
  std::optional<Contraction> product = Contraction::of(b, cast<linalg::LinalgOp>(chain.product));
  if (!product || !product->batch.empty())
    return false;
  std::optional<int64_t> columns = upperBound(product->nest.loops[*product->columns].size);
  std::optional<int64_t> rows =
      product->rows ? product->nest.loops[*product->rows].staticSize() : std::optional<int64_t>(1);
  int64_t terms = 1;
  for (unsigned loop : product->sums)
    terms *= upperBound(product->nest.loops[loop].size).value_or(1);
  if (!rows || *rows > kMaxRows || !columns || terms < kMinTerms)
    return false;
  std::optional<ProductEpilogue> epilogue = ProductEpilogue::of(b, chain, *product);
  if (!epilogue)
    return false;
  ThinEmission emission(b, *product, *epilogue, *rows, *columns);
  return emission.isWorthIt(*columns) && emission.run();
}
