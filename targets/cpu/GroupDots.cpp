// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two rows at once where the machine has that; what is left over, one by one.

#include "targets/cpu/GroupDots.h"

#include "passes/codegen/LoopBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::codegen;
using namespace tercet::cpu;

/// Fours of codes such that those of one vector in memory come together: then
/// few of them need registers at a time.
static SmallVector<int64_t> inOrderOfVectors(const GroupCodes &codes) {
  int64_t width = llvm::bit_floor(uint64_t(codes.bits));
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, codes.fours.size()));
  llvm::stable_sort(order, [&](int64_t l, int64_t r) { return l % width < r % width; });
  return order;
}

static Value loadBytes(OpBuilder &b, Location loc, Value memory, OpFoldResult address,
                       int64_t count) {
  return vector::LoadOp::create(b, loc, VectorType::get({count}, b.getI8Type()), memory,
                                ValueRange{indexValue(b, loc, address)});
}

Value cpu::loadWord(OpBuilder &b, Location loc, Value memory, OpFoldResult address, Type type) {
  Value bytes = loadBytes(b, loc, memory, address, 4);
  return vector::ExtractOp::create(
      b, loc, vector::BitCastOp::create(b, loc, VectorType::get({1}, type), bytes), 0);
}

/// Sums of products of all rows in turn: each waits for the one before it of its
/// row, and machines do not look far enough ahead to find another row.
static void addRows(OpBuilder &b, Location loc, const ByteDot &dot, const GroupCodes &codes,
                    Value memory, ArrayRef<OpFoldResult> rows, MutableArrayRef<Value> dots) {
  SmallVector<SmallVector<Value>> prepared;
  for (Value four : codes.fours)
    prepared.push_back(dot.prepare(b, loc, four, codes.greatest));
  for (int64_t q : inOrderOfVectors(codes))
    for (auto [row, sum] : llvm::zip(rows, dots)) {
      OpFoldResult at = addIndex(b, loc, row, b.getIndexAttr(4 * q));
      sum = dot.add(b, loc, prepared[q], loadWord(b, loc, memory, at, b.getI32Type()), sum);
    }
}

static void addPairs(OpBuilder &b, Location loc, const ByteDot &dot, const GroupCodes &codes,
                     Value memory, ArrayRef<OpFoldResult> rows, MutableArrayRef<Value> dots) {
  Value none = arith::ConstantOp::create(b, loc, b.getZeroAttr(dots.front().getType()));
  SmallVector<std::array<Value, 2>> sums(rows.size() / 2, {none, none});
  SmallVector<int64_t> both = llvm::to_vector(llvm::seq<int64_t>(0, 16));
  for (size_t q = 0; q < codes.fours.size(); q += 2) {
    std::array<Value, 2> prepared = dot.preparePair(b, loc, codes.fours[q], codes.fours[q + 1]);
    auto bytesOf = [&](OpFoldResult row) {
      return loadBytes(b, loc, memory, addIndex(b, loc, row, b.getIndexAttr(4 * q)), 8);
    };
    for (auto [pair, sum] : llvm::enumerate(sums)) {
      Value left = vector::ShuffleOp::create(b, loc, bytesOf(rows[2 * pair]),
                                             bytesOf(rows[2 * pair + 1]), both);
      sum = dot.addPair(b, loc, prepared, left, sum);
    }
  }
  for (auto [pair, sum] : llvm::enumerate(sums))
    for (auto [i, row] : llvm::enumerate(dot.rowsOfPair(b, loc, sum)))
      dots[2 * pair + i] = arith::AddIOp::create(b, loc, dots[2 * pair + i], row);
}

void cpu::addGroupDots(OpBuilder &b, Location loc, const ByteDot &dot, const GroupCodes &codes,
                       Value memory, ArrayRef<OpFoldResult> rows, MutableArrayRef<Value> dots) {
  int64_t lanes = cast<VectorType>(codes.fours.front().getType()).getNumElements();
  size_t inPairs = dot.hasPairs(lanes) ? rows.size() / 2 * 2 : 0;
  if (inPairs)
    addPairs(b, loc, dot, codes, memory, rows.take_front(inPairs), dots.take_front(inPairs));
  if (inPairs < rows.size())
    addRows(b, loc, dot, codes, memory, rows.drop_front(inPairs), dots.drop_front(inPairs));
}
