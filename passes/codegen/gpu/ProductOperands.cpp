// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Four terms at a time: of the left-hand side four elements of each row, of the
// right-hand side a block of four by four, turned in registers where it lies
// the other way round in memory.

#include "passes/codegen/gpu/ProductOperands.h"

#include "passes/codegen/LoopBuilder.h"
#include "passes/codegen/gpu/VectorAccess.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tercet::codegen;

ProductOperands::ProductOperands(TileBuilder &b, const Contraction &product, bool lanes)
    : b(b), product(product), lanes(lanes) {}

Value ProductOperands::floatOf(Value value) { return toFloat(b, value, product.sumElement()); }

SmallVector<Value> ProductOperands::accumulate(ArrayRef<SmallVector<Value>> at,
                                               ArrayRef<Value> sums, Value part, int64_t parts) {
  this->part = part;
  this->parts = parts;
  // Innermost is the loop along which operands are adjacent.
  SmallVector<unsigned> loops(product.sums);
  auto adjacent = [&](unsigned loop) {
    return product.leftAccess().isUnit(loop) || product.rightAccess().isUnit(loop);
  };
  llvm::stable_sort(loops, [&](unsigned l, unsigned r) { return adjacent(l) < adjacent(r); });
  return overLoops(Rows(at), loops, SmallVector<Value>(sums));
}

SmallVector<Value> ProductOperands::overLoops(Rows at, ArrayRef<unsigned> loops,
                                              SmallVector<Value> sums) {
  if (loops.size() == 1)
    return overInnermost(std::move(at), loops[0], std::move(sums));
  Value size = indexValue(b, b.getLoc(), product.nest.loops[loops[0]].size);
  auto loop = scf::ForOp::create(b, b.index(0), size, b.index(1), sums);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  for (SmallVector<Value> &row : at)
    row[loops[0]] = loop.getInductionVar();
  SmallVector<Value> carried(loop.getRegionIterArgs());
  scf::YieldOp::create(b, overLoops(std::move(at), loops.drop_front(), std::move(carried)));
  return loop.getResults();
}

SmallVector<Value> ProductOperands::overInnermost(Rows at, unsigned loop, SmallVector<Value> sums) {
  Location loc = b.getLoc();
  OpFoldResult size = product.nest.loops[loop].size;
  OpFoldResult whole = roundDown(b, loc, size, kLanes);
  auto run = [&](Value from, OpFoldResult to, int64_t step, bool four) {
    auto steps = scf::ForOp::create(b, from, indexValue(b, loc, to), b.index(step), sums);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(steps.getBody());
    Rows there(at);
    for (SmallVector<Value> &row : there)
      row[loop] = steps.getInductionVar();
    SmallVector<Value> carried(steps.getRegionIterArgs());
    scf::YieldOp::create(b, four ? addFour(std::move(there), loop, std::move(carried))
                                 : addOne(std::move(there), loop, std::move(carried)));
    sums = SmallVector<Value>(steps.getResults());
  };
  Value first = part ? arith::MulIOp::create(b, part, b.index(kLanes)).getResult() : b.index(0);
  if (getConstantIntValue(whole) != 0)
    run(first, whole, kLanes * parts, /*four=*/true);
  if (getConstantIntValue(size) == getConstantIntValue(whole) && getConstantIntValue(size))
    return sums;
  Value rest = indexValue(b, loc, whole);
  if (part)
    rest = arith::AddIOp::create(b, rest, part);
  run(rest, size, parts, /*four=*/false);
  return sums;
}

/// Four elements along the loop, in the type of the sums.
SmallVector<Value> ProductOperands::loadRow(ArrayRef<Value> ivs, unsigned loop) {
  const Access &access = product.leftAccess();
  SmallVector<Value> elements;
  if (access.isUnit(loop)) {
    Value vector = floatOf(loadLanes(b, access, ivs, loop));
    for (int64_t lane = 0; lane < kLanes; ++lane)
      elements.push_back(vector::ExtractOp::create(b, vector, lane));
    return elements;
  }
  SmallVector<Value> there(ivs);
  for (int64_t lane = 0; lane < kLanes; ++lane) {
    there[loop] = lane == 0 ? ivs[loop] : arith::AddIOp::create(b, ivs[loop], b.index(lane));
    elements.push_back(floatOf(loadElement(b, access, there)));
  }
  return elements;
}

/// For each of four terms the columns.
SmallVector<Value> ProductOperands::loadColumns(ArrayRef<Value> ivs, unsigned loop) {
  const Access &access = product.rightAccess();
  unsigned column = *product.columns;
  auto shifted = [&](unsigned moved, int64_t lane) {
    SmallVector<Value> there(ivs);
    if (lane != 0)
      there[moved] = arith::AddIOp::create(b, ivs[moved], b.index(lane));
    return there;
  };
  SmallVector<Value> terms;
  if (!lanes) {
    if (access.isUnit(loop)) {
      Value vector = floatOf(loadLanes(b, access, ivs, loop));
      for (int64_t term = 0; term < kLanes; ++term)
        terms.push_back(vector::ExtractOp::create(b, vector, term));
    } else {
      for (int64_t term = 0; term < kLanes; ++term)
        terms.push_back(floatOf(loadElement(b, access, shifted(loop, term))));
    }
    return terms;
  }
  if (access.isUnit(column)) {
    for (int64_t term = 0; term < kLanes; ++term)
      terms.push_back(floatOf(loadLanes(b, access, shifted(loop, term), column)));
    return terms;
  }
  // Four of a column at once, or singly.
  SmallVector<SmallVector<Value>> block(kLanes);
  for (int64_t lane = 0; lane < kLanes; ++lane) {
    SmallVector<Value> there = shifted(column, lane);
    if (access.isUnit(loop)) {
      Value vector = floatOf(loadLanes(b, access, there, loop));
      for (int64_t term = 0; term < kLanes; ++term)
        block[term].push_back(vector::ExtractOp::create(b, vector, term));
      continue;
    }
    Value begin = there[loop];
    for (int64_t term = 0; term < kLanes; ++term) {
      if (term != 0)
        there[loop] = arith::AddIOp::create(b, begin, b.index(term));
      block[term].push_back(floatOf(loadElement(b, access, there)));
    }
  }
  auto type = VectorType::get({kLanes}, product.sumElement());
  for (ArrayRef<Value> columns : block)
    terms.push_back(vector::FromElementsOp::create(b, type, columns));
  return terms;
}

SmallVector<Value> ProductOperands::addFour(Rows at, unsigned loop, SmallVector<Value> sums) {
  SmallVector<Value> right = loadColumns(at[0], loop);
  for (auto [number, ivs] : llvm::enumerate(at)) {
    SmallVector<Value> left = loadRow(ivs, loop);
    for (int64_t term = 0; term < kLanes; ++term)
      sums[number] = fma(b, lanes ? splat(b, left[term]) : left[term], right[term], sums[number]);
  }
  return sums;
}

SmallVector<Value> ProductOperands::addOne(Rows at, unsigned loop, SmallVector<Value> sums) {
  const Access &access = product.rightAccess();
  unsigned column = *product.columns;
  Value right;
  if (!lanes) {
    right = floatOf(loadElement(b, access, at[0]));
  } else if (access.isUnit(column)) {
    right = floatOf(loadLanes(b, access, at[0], column));
  } else {
    SmallVector<Value> columns, there(at[0]);
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      if (lane != 0)
        there[column] = arith::AddIOp::create(b, at[0][column], b.index(lane));
      columns.push_back(floatOf(loadElement(b, access, there)));
    }
    right =
        vector::FromElementsOp::create(b, VectorType::get({kLanes}, product.sumElement()), columns);
  }
  for (auto [number, ivs] : llvm::enumerate(at)) {
    Value left = floatOf(loadElement(b, product.leftAccess(), ivs));
    sums[number] = fma(b, lanes ? splat(b, left) : left, right, sums[number]);
  }
  return sums;
}
