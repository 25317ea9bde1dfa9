// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Index arithmetic and chunked loops.

#include "passes/codegen/LoopBuilder.h"

using namespace mlir;

OpFoldResult tercet::codegen::addIndex(OpBuilder &b, Location loc, OpFoldResult left,
                                       OpFoldResult right) {
  std::optional<int64_t> l = getConstantIntValue(left), r = getConstantIntValue(right);
  if (l && r)
    return b.getIndexAttr(*l + *r);
  if (l && *l == 0)
    return right;
  if (r && *r == 0)
    return left;
  return arith::AddIOp::create(b, loc, indexValue(b, loc, left), indexValue(b, loc, right),
                               arith::IntegerOverflowFlags::nsw)
      .getResult();
}

OpFoldResult tercet::codegen::mulIndex(OpBuilder &b, Location loc, OpFoldResult left,
                                       OpFoldResult right) {
  std::optional<int64_t> l = getConstantIntValue(left), r = getConstantIntValue(right);
  if (l && r)
    return b.getIndexAttr(*l * *r);
  if ((l && *l == 0) || (r && *r == 0))
    return b.getIndexAttr(0);
  if (l && *l == 1)
    return right;
  if (r && *r == 1)
    return left;
  return arith::MulIOp::create(b, loc, indexValue(b, loc, left), indexValue(b, loc, right),
                               arith::IntegerOverflowFlags::nsw)
      .getResult();
}

OpFoldResult tercet::codegen::minIndex(OpBuilder &b, Location loc, OpFoldResult left,
                                       OpFoldResult right) {
  std::optional<int64_t> l = getConstantIntValue(left), r = getConstantIntValue(right);
  if (l && r)
    return b.getIndexAttr(std::min(*l, *r));
  return arith::MinSIOp::create(b, loc, indexValue(b, loc, left), indexValue(b, loc, right))
      .getResult();
}

OpFoldResult tercet::codegen::roundDown(OpBuilder &b, Location loc, OpFoldResult value,
                                        int64_t by) {
  if (by == 1)
    return value;
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return b.getIndexAttr(*constant / by * by);
  // Sizes are never negative.
  Value size = indexValue(b, loc, value);
  Value step = arith::ConstantIndexOp::create(b, loc, by);
  Value rest = arith::RemUIOp::create(b, loc, size, step);
  return arith::SubIOp::create(b, loc, size, rest).getResult();
}

Value tercet::codegen::indexValue(OpBuilder &b, Location loc, OpFoldResult value) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return arith::ConstantIndexOp::create(b, loc, *constant);
  return cast<Value>(value);
}

SmallVector<Value>
tercet::codegen::buildLoop(OpBuilder &b, Location loc, OpFoldResult from, OpFoldResult to,
                           int64_t step, ValueRange carried,
                           function_ref<SmallVector<Value>(OpBuilder &, Value, ValueRange)> body) {
  std::optional<int64_t> first = getConstantIntValue(from), last = getConstantIntValue(to);
  if (first && last && *last <= *first)
    return SmallVector<Value>(carried);
  if (first && last && *last - *first <= step)
    return body(b, indexValue(b, loc, from), carried);
  auto loop =
      scf::ForOp::create(b, loc, indexValue(b, loc, from), indexValue(b, loc, to),
                         arith::ConstantIndexOp::create(b, loc, step), carried,
                         [&](OpBuilder &nested, Location at, Value position, ValueRange values) {
                           scf::YieldOp::create(nested, at, body(nested, position, values));
                         });
  return SmallVector<Value>(loop.getResults());
}

void tercet::codegen::buildLoop(OpBuilder &b, Location loc, OpFoldResult from, OpFoldResult to,
                                int64_t step, function_ref<void(OpBuilder &, Value)> body) {
  buildLoop(b, loc, from, to, step, ValueRange{},
            [&](OpBuilder &nested, Value position, ValueRange) {
              body(nested, position);
              return SmallVector<Value>{};
            });
}

OpFoldResult tercet::codegen::buildChunks(OpBuilder &b, Location loc, OpFoldResult size,
                                          ArrayRef<int64_t> widths,
                                          function_ref<void(OpBuilder &, Value, int64_t)> body) {
  OpFoldResult from = b.getIndexAttr(0);
  for (int64_t width : widths) {
    OpFoldResult to;
    std::optional<int64_t> start = getConstantIntValue(from), end = getConstantIntValue(size);
    if (start && end)
      to = b.getIndexAttr(*start + (*end - *start) / width * width);
    else if (start && *start == 0)
      to = roundDown(b, loc, size, width);
    else if (width == 1)
      to = size;
    else {
      Value rest =
          arith::SubIOp::create(b, loc, indexValue(b, loc, size), indexValue(b, loc, from));
      to = addIndex(b, loc, from, roundDown(b, loc, rest, width));
    }
    buildLoop(b, loc, from, to, width,
              [&](OpBuilder &nested, Value position) { body(nested, position, width); });
    from = to;
  }
  return from;
}
