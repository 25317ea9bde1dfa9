// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// New weights from old ones, by a longer recipe.

#ifndef TERCET_PASSES_GRAPH_WEIGHTRECIPES_H
#define TERCET_PASSES_GRAPH_WEIGHTRECIPES_H

#include "dialects/nn/NN.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/SymbolTable.h"

namespace tercet::graph {

/// The recipe of the weight that `get` reads.
mlir::TypedAttr recipeOf(nn::GetWeightOp get, mlir::SymbolTable &symbols);

/// Replaces `op`, which has one result, by a weight with this recipe. Its symbol
/// stands behind that of `get`, whose name it varies.
void replaceByWeight(mlir::PatternRewriter &rewriter, mlir::Operation *op, nn::GetWeightOp get,
                     mlir::TypedAttr recipe, mlir::SymbolTable &symbols);

} // namespace tercet::graph

#endif // TERCET_PASSES_GRAPH_WEIGHTRECIPES_H
