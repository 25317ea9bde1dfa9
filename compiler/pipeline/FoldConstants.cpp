// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One sweep in program order folds whole chains, since a folded operation is a
// constant to those behind it.

#include "compiler/pipeline/FoldConstants.h"

#include "compiler/reference/FoldConstant.h"
#include "compiler/weights/WeightReader.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace tercet;

namespace {

constexpr int64_t kMostBytes = 1 << 20;

/// The constant that the value is; null contents of an empty tensor; nothing
/// if it is not known.
std::optional<Attribute> constantOf(Value value) {
  Attribute constant;
  if (matchPattern(value, m_Constant(&constant)))
    return constant;
  if (value.getDefiningOp<tensor::EmptyOp>())
    return Attribute();
  auto fill = value.getDefiningOp<linalg::FillOp>();
  if (fill && matchPattern(fill.getInputs()[0], m_Constant(&constant)))
    return DenseElementsAttr::get(cast<RankedTensorType>(value.getType()), constant);
  return std::nullopt;
}

bool isWorthFolding(Operation &op) {
  // Empty and filled tensors are cheaper to repeat than to keep.
  if (op.hasTrait<OpTrait::ConstantLike>() || op.hasTrait<OpTrait::IsTerminator>() ||
      isa<tensor::EmptyOp, linalg::FillOp>(op) || op.getNumResults() != 1 ||
      op.getNumOperands() == 0)
    return false;
  auto type = dyn_cast<RankedTensorType>(op.getResult(0).getType());
  if (!type || !type.hasStaticShape() || !type.getElementType().isIntOrFloat() ||
      type.getNumElements() > kMostBytes ||
      type.getNumElements() * llvm::divideCeil(type.getElementTypeBitWidth(), 8) > kMostBytes)
    return false;
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(op.getRegions(), captured);
  return captured.empty();
}

} // namespace

unsigned tercet::foldConstants(ModuleOp module) {
  WeightReader weights;
  unsigned folded = 0;
  module.walk([&](func::FuncOp func) {
    if (func.isExternal())
      return;
    for (Operation &op : llvm::make_early_inc_range(func.getBody().front())) {
      if (!isWorthFolding(op))
        continue;
      SmallVector<Attribute> operands;
      for (Value operand : op.getOperands())
        if (std::optional<Attribute> constant = constantOf(operand))
          operands.push_back(*constant);
      if (operands.size() != op.getNumOperands() ||
          llvm::all_of(operands, [](Attribute operand) { return !operand; }))
        continue;
      auto results = foldConstant(&op, operands, weights);
      if (!results || results->front().getType() != op.getResult(0).getType()) {
        llvm::consumeError(results.takeError());
        continue;
      }
      OpBuilder builder(&op);
      auto constant =
          arith::ConstantOp::create(builder, op.getLoc(), cast<TypedAttr>(results->front()));
      op.getResult(0).replaceAllUsesWith(constant);
      op.erase();
      ++folded;
    }
  });
  return folded;
}
