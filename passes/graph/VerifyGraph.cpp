// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The graph stage's promise, checked. What works at a position of a cache or
// table writes and reads unchecked when it runs, so that the range of the scalar
// must keep it inside is part of the promise.

#include "passes/graph/Passes.h"

#include "dialects/nn/NN.h"
#include "dialects/soc/Soc.h"
#include "dialects/soc/Views.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/Support/MathExtras.h"

namespace tercet::graph {
#define GEN_PASS_DEF_VERIFYGRAPHPASS
#include "passes/graph/Passes.h.inc"
} // namespace tercet::graph

using namespace mlir;
using namespace tercet;

namespace {

/// The least and the greatest value that a scalar can have, as far as it follows
/// from the ranges of the entry's scalars.
std::optional<std::pair<int64_t, int64_t>> boundsOf(Value scalar) {
  if (auto argument = dyn_cast<BlockArgument>(scalar)) {
    unsigned number = argument.getArgNumber();
    Operation *parent = argument.getOwner()->getParentOp();
    if (auto group = dyn_cast<soc::GroupOp>(parent))
      return boundsOf(group->getOperand(number));
    auto func = dyn_cast<func::FuncOp>(parent);
    auto range = func ? func.getArgAttrOfType<nn::RangeAttr>(number, "nn.range") : nn::RangeAttr();
    if (range)
      return std::pair(range.getMin(), range.getMax());
    return std::nullopt;
  }
  if (std::optional<int64_t> constant = getConstantIntValue(scalar))
    return std::pair(*constant, *constant);
  auto sum = scalar.getDefiningOp<arith::AddIOp>();
  auto lhs = sum ? boundsOf(sum.getLhs()) : std::nullopt;
  auto rhs = sum ? boundsOf(sum.getRhs()) : std::nullopt;
  std::pair<int64_t, int64_t> bounds;
  if (!lhs || !rhs || llvm::AddOverflow(lhs->first, rhs->first, bounds.first) ||
      llvm::AddOverflow(lhs->second, rhs->second, bounds.second))
    return std::nullopt;
  return bounds;
}

/// `rows` rows at the position lie within the `all` rows of a cache or table.
LogicalResult verifyPosition(Operation *op, Value position, int64_t rows, int64_t all) {
  auto bounds = boundsOf(position);
  if (!bounds)
    return op->emitOpError() << "is at a position of unknown bounds; expected an argument with "
                                "`nn.range`, or a sum of such and constants";
  if (bounds->first >= 0 && bounds->second <= all - rows)
    return success();
  return op->emitOpError() << "has " << rows << " rows at a position from " << bounds->first
                           << " to " << bounds->second << ", which exceeds the " << all
                           << " rows of its cache or table; expected a position from 0 to "
                           << all - rows;
}

LogicalResult verifyPositions(soc::GroupOp group) {
  auto rowsOf = [](Value value) { return cast<ShapedType>(value.getType()).getDimSize(1); };
  bool ok = true;
  for (Operation &op : group.getBody().front()) {
    LogicalResult result = success();
    if (auto update = dyn_cast<nn::CacheUpdateOp>(op))
      result = verifyPosition(update, update.getPosition(), rowsOf(update.getRows()),
                              rowsOf(update.getInit()));
    else if (auto attention = dyn_cast<nn::CachedAttentionOp>(op))
      result = verifyPosition(attention, attention.getPosition(), rowsOf(attention.getQuery()),
                              rowsOf(attention.getKey()));
    else if (auto rope = dyn_cast<nn::RopeOp>(op); rope && rope.getPosition())
      result = verifyPosition(rope, rope.getPosition(), rowsOf(rope.getInput()),
                              std::min(rowsOf(rope.getCos()), rowsOf(rope.getSin())));
    ok &= succeeded(result);
  }
  return success(ok);
}

struct VerifyGraphPass : graph::impl::VerifyGraphPassBase<VerifyGraphPass> {
  void runOnOperation() override {
    bool ok = true;
    getOperation()->walk([&](func::FuncOp func) {
      if (func.isExternal())
        return;
      for (Operation &op : func.getBody().front()) {
        if (!isa<soc::GroupOp, nn::GetWeightOp, func::ReturnOp>(op) && !soc::isBetweenTasks(&op)) {
          op.emitOpError() << "is left outside of a group after the graph stage";
          ok = false;
        }
        if (auto group = dyn_cast<soc::GroupOp>(op))
          ok &= succeeded(verifyPositions(group));
        for (Value result : op.getResults())
          if (auto type = dyn_cast<RankedTensorType>(result.getType());
              !type || !type.hasStaticShape()) {
            op.emitOpError() << "expected results of static shape, got " << result.getType();
            ok = false;
          }
      }
    });
    if (!ok)
      return signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace
