// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Moves tensor constants into the bodies that read them or into weights, and
// drops weights that nobody reads.

#include "passes/graph/Passes.h"

#include "dialects/nn/NN.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/SymbolTable.h"

namespace tercet::graph {
#define GEN_PASS_DEF_FOLDCONSTANTWEIGHTSPASS
#include "passes/graph/Passes.h.inc"
} // namespace tercet::graph

using namespace mlir;
using namespace tercet;

namespace {

/// The value of a tensor constant that is the same everywhere, as a scalar.
TypedAttr splatOf(Value value) {
  DenseElementsAttr elements;
  if (!matchPattern(value, m_Constant(&elements)) || !elements.isSplat())
    return {};
  return dyn_cast<TypedAttr>(elements.getSplatValue<Attribute>());
}

/// Moves inputs that are the same everywhere into the body, as scalars.
void inlineSplats(linalg::GenericOp op) {
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  SmallVector<std::pair<unsigned, TypedAttr>> splats;
  for (OpOperand *operand : op.getDpsInputOperands()) {
    TypedAttr splat = splatOf(operand->get());
    if (splat) {
      splats.push_back({operand->getOperandNumber(), splat});
      continue;
    }
    inputs.push_back(operand->get());
    maps.push_back(op.getMatchingIndexingMap(operand));
  }
  for (OpOperand &init : op.getDpsInitsMutable())
    maps.push_back(op.getMatchingIndexingMap(&init));
  // The other operands must still tell the size of every loop.
  if (splats.empty() || !inversePermutation(concatAffineMaps(maps, op.getContext())))
    return;
  OpBuilder builder(op);
  auto slim = linalg::GenericOp::create(builder, op.getLoc(), op.getResultTypes(), inputs,
                                        op.getDpsInits(), maps, op.getIteratorTypesArray());
  slim.getRegion().takeBody(op.getRegion());
  Block *body = slim.getBody();
  builder.setInsertionPointToStart(body);
  for (auto [number, splat] : llvm::reverse(splats)) {
    Value scalar = arith::ConstantOp::create(builder, op.getLoc(), splat);
    body->getArgument(number).replaceAllUsesWith(scalar);
    body->eraseArgument(number);
  }
  op.replaceAllUsesWith(slim.getResults());
  op.erase();
}

struct FoldConstantWeightsPass : graph::impl::FoldConstantWeightsPassBase<FoldConstantWeightsPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    DenseMap<Attribute, nn::WeightOp> byValue;
    SmallVector<linalg::GenericOp> generics;
    module.walk([&](linalg::GenericOp op) { generics.push_back(op); });
    for (linalg::GenericOp op : generics)
      inlineSplats(op);
    SmallVector<arith::ConstantOp> constants;
    module.walk([&](arith::ConstantOp op) {
      if (isa<RankedTensorType>(op.getType()) && isa<DenseElementsAttr>(op.getValue()) &&
          isa<func::FuncOp>(op->getParentOp()))
        constants.push_back(op);
    });
    for (arith::ConstantOp constant : constants) {
      if (constant.use_empty()) {
        constant.erase();
        continue;
      }
      nn::WeightOp &weight = byValue[constant.getValue()];
      OpBuilder builder(constant);
      if (!weight) {
        OpBuilder atStart = OpBuilder::atBlockBegin(module.getBody());
        weight = nn::WeightOp::create(atStart, constant.getLoc(), "constant",
                                      cast<TypedAttr>(constant.getValue()));
        symbols.insert(weight, module.getBody()->begin());
      }
      auto value = nn::GetWeightOp::create(builder, constant.getLoc(), constant.getType(),
                                           weight.getSymName());
      constant.replaceAllUsesWith(value.getResult());
      constant.erase();
    }

    // Only get_weight refers to weights, and unused ones of it are dead code.
    llvm::DenseSet<StringAttr> used;
    module.walk([&](nn::GetWeightOp op) {
      if (op.use_empty())
        op.erase();
      else
        used.insert(op.getWeightAttr().getAttr());
    });
    for (nn::WeightOp weight : llvm::make_early_inc_range(module.getOps<nn::WeightOp>()))
      if (!used.contains(weight.getSymNameAttr()))
        weight.erase();
  }
};

} // namespace
