// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Moves tensor constants into weights and drops weights that nobody reads.

#include "passes/graph/Passes.h"

#include "dialects/nn/NN.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/SymbolTable.h"

namespace tercet::graph {
#define GEN_PASS_DEF_FOLDCONSTANTWEIGHTSPASS
#include "passes/graph/Passes.h.inc"
} // namespace tercet::graph

using namespace mlir;
using namespace tercet;

namespace {

struct FoldConstantWeightsPass
    : graph::impl::FoldConstantWeightsPassBase<FoldConstantWeightsPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    DenseMap<Attribute, nn::WeightOp> byValue;
    SmallVector<arith::ConstantOp> constants;
    module.walk([&](arith::ConstantOp op) {
      auto type = dyn_cast<RankedTensorType>(op.getType());
      auto value = dyn_cast<DenseElementsAttr>(op.getValue());
      if (type && value && !value.isSplat() && isa<func::FuncOp>(op->getParentOp()))
        constants.push_back(op);
    });
    for (arith::ConstantOp constant : constants) {
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
