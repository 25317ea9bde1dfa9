// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Transposition in square blocks: as many rows as a vector has lanes are
// loaded, turned in registers by exchanging halves, quarters, ... between
// pairs of rows, and stored. Borders run element by element.

#include "passes/codegen/LoopBuilder.h"
#include "targets/cpu/NestEmitter.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tercet::codegen;
using namespace tercet::cpu;

/// Turns a square of vectors: element j of row i becomes element i of row j.
static void turn(OpBuilder &b, Location loc, SmallVectorImpl<Value> &rows) {
  int64_t lanes = rows.size();
  for (int64_t half = lanes / 2; half > 0; half /= 2) {
    // Of rows i and i + half, exchange the blocks off the diagonal.
    SmallVector<int64_t> low, high;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      bool second = lane & half;
      low.push_back(second ? lane - half + lanes : lane);
      high.push_back(second ? lane + lanes : lane + half);
    }
    for (int64_t row = 0; row < lanes; ++row) {
      if (row & half)
        continue;
      Value first = rows[row], second = rows[row + half];
      rows[row] = vector::ShuffleOp::create(b, loc, first, second, low);
      rows[row + half] = vector::ShuffleOp::create(b, loc, first, second, high);
    }
  }
}

bool tercet::cpu::emitTranspose(OpBuilder &b, Location loc, Block &body, const LoopNest &nest,
                                const VectorUnit &unit) {
  if (nest.inputs != 1 || nest.accesses.size() != 2 || nest.hasReductions() ||
      nest.accesses[0].isScalar() || nest.loops.size() < 2 || nest.loops.size() > 4)
    return false;
  if (body.getTerminator()->getOperand(0) != body.getArgument(0) ||
      body.getOperations().size() != 1)
    return false;
  const Access &source = nest.accesses[0], &target = nest.accesses[1];
  if (!source.element.isIntOrFloat() || source.element.getIntOrFloatBitWidth() != 32)
    return false;
  int64_t row = -1, column = -1; // unit stride in the source, in the target
  for (int64_t loop = 0, count = nest.loops.size(); loop < count; ++loop) {
    if (source.isUnit(loop) && !target.isUnit(loop))
      row = loop;
    if (target.isUnit(loop) && !source.isUnit(loop))
      column = loop;
  }
  if (row < 0 || column < 0)
    return false;
  int64_t lanes = std::min<int64_t>(16, unit.lanes(32));
  for (int64_t loop : {row, column})
    if (std::optional<int64_t> size = nest.loops[loop].staticSize())
      while (lanes > 1 && *size < lanes)
        lanes /= 2;
  if (lanes < 4)
    return false;

  SmallVector<Value> ivs(nest.loops.size());
  auto at = [&](const Access &access, OpBuilder &nested, Value r, Value c, int64_t loop,
                int64_t distance) -> Value {
    SmallVector<Value> here(ivs);
    here[row] = r;
    here[column] = c;
    Value base = access.address(nested, loc, here);
    OpFoldResult offset =
        mulIndex(nested, loc, access.strides[loop], nested.getIndexAttr(distance));
    return indexValue(nested, loc, addIndex(nested, loc, base, offset));
  };
  auto block = [&](OpBuilder &nested, Value r, Value c) {
    auto type = VectorType::get({lanes}, source.element);
    SmallVector<Value> rows;
    for (int64_t i = 0; i < lanes; ++i)
      rows.push_back(vector::LoadOp::create(nested, loc, type, source.memory,
                                            ValueRange{at(source, nested, r, c, column, i)}));
    turn(nested, loc, rows);
    for (int64_t i = 0; i < lanes; ++i)
      vector::StoreOp::create(nested, loc, rows[i], target.memory,
                              ValueRange{at(target, nested, r, c, row, i)});
  };
  auto element = [&](OpBuilder &nested, Value r, Value c) {
    Value value = memref::LoadOp::create(nested, loc, source.memory,
                                         ValueRange{at(source, nested, r, c, row, 0)});
    memref::StoreOp::create(nested, loc, value, target.memory,
                            ValueRange{at(target, nested, r, c, row, 0)});
  };
  auto matrix = [&](OpBuilder &nested) {
    buildChunks(nested, loc, nest.loops[column].size, {lanes, 1},
                [&](OpBuilder &outer, Value c, int64_t columns) {
                  if (columns == 1) {
                    buildLoop(outer, loc, outer.getIndexAttr(0), nest.loops[row].size, 1,
                              [&](OpBuilder &inner, Value r) { element(inner, r, c); });
                    return;
                  }
                  buildChunks(outer, loc, nest.loops[row].size, {lanes, 1},
                              [&](OpBuilder &inner, Value r, int64_t rows) {
                                if (rows != 1)
                                  return block(inner, r, c);
                                buildLoop(inner, loc, c,
                                          addIndex(inner, loc, c, inner.getIndexAttr(lanes)), 1,
                                          [&](OpBuilder &scalar, Value single) {
                                            element(scalar, r, single);
                                          });
                              });
                });
  };
  std::function<void(OpBuilder &, int64_t)> outer = [&](OpBuilder &nested, int64_t loop) {
    if (loop == static_cast<int64_t>(nest.loops.size()))
      return matrix(nested);
    if (loop == row || loop == column)
      return outer(nested, loop + 1);
    buildLoop(nested, loc, nested.getIndexAttr(0), nest.loops[loop].size, 1,
              [&](OpBuilder &inner, Value iv) {
                ivs[loop] = iv;
                outer(inner, loop + 1);
              });
  };
  outer(b, 0);
  return true;
}
