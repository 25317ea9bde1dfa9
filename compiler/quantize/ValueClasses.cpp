// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Only values of functions and of groups are classified, not scalars in bodies.

#include "compiler/quantize/ValueClasses.h"

#include "dialects/soc/Soc.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::quantize;

/// The operands whose elements an operation moves and does nothing else; zeros
/// that are added beside them are stored exactly in any type.
static SmallVector<Value> getMoved(Operation *op) {
  if (isa<linalg::TransposeOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp,
          tensor::ExtractSliceOp, tensor::PadOp>(op))
    return {op->getOperand(0)};
  if (isa<tensor::ConcatOp>(op))
    return SmallVector<Value>(op->getOperands());
  return {};
}

ValueClasses::ValueClasses(func::FuncOp function) {
  auto numberBlock = [&](Block &block) {
    for (BlockArgument argument : block.getArguments())
      number(argument);
    for (Operation &op : block)
      for (Value result : op.getResults())
        number(result);
  };
  Block &block = function.getBody().front();
  numberBlock(block);
  for (auto group : block.getOps<soc::GroupOp>())
    numberBlock(group.getBody().front());
  classes.grow(numbers.size());

  auto joinMoves = [&](Block &block) {
    for (Operation &op : block)
      for (Value moved : getMoved(&op))
        join(moved, op.getResult(0));
  };
  joinMoves(block);
  for (auto group : block.getOps<soc::GroupOp>()) {
    Block &body = group.getBody().front();
    joinMoves(body);
    for (auto [input, argument] : llvm::zip_first(group.getInputs(), body.getArguments()))
      join(argument, input);
    for (auto [yielded, result] :
         llvm::zip_equal(body.getTerminator()->getOperands(), group.getOutputs()))
      join(yielded, result);
  }
  classes.compress();
  columns.assign(size(), 0);
  for (auto [value, number] : numbers) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type || type.getRank() == 0)
      continue;
    int64_t &known = columns[classes[number]];
    known = known == 0 || known == type.getShape().back() ? type.getShape().back() : -1;
  }
}

bool ValueClasses::isComputed(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return isa<func::FuncOp>(argument.getOwner()->getParentOp());
  Operation *op = value.getDefiningOp();
  return !isa<soc::GroupOp>(op) && getMoved(op).empty();
}
