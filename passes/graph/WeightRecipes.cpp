// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inserts symbols while patterns are applied to the functions that use them.

#include "passes/graph/WeightRecipes.h"

using namespace mlir;
using namespace tercet;

TypedAttr tercet::graph::recipeOf(nn::GetWeightOp get, SymbolTable &symbols) {
  return cast<TypedAttr>(symbols.lookup<nn::WeightOp>(get.getWeight()).getRecipe());
}

void tercet::graph::replaceByWeight(PatternRewriter &rewriter, Operation *op, nn::GetWeightOp get,
                                    TypedAttr recipe, SymbolTable &symbols) {
  auto weight = symbols.lookup<nn::WeightOp>(get.getWeight());
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointAfter(weight);
  auto derived = nn::WeightOp::create(rewriter, weight.getLoc(), weight.getSymName(), recipe);
  symbols.insert(derived, Block::iterator(derived));
  rewriter.setInsertionPoint(op);
  rewriter.replaceOpWithNewOp<nn::GetWeightOp>(op, recipe.getType(), derived.getSymName());
}
