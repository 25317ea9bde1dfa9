// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The graph stage: its passes and its pipeline.

#ifndef TERCET_PASSES_GRAPH_PASSES_H
#define TERCET_PASSES_GRAPH_PASSES_H

#include "mlir/Pass/Pass.h"

namespace tercet::graph {

#define GEN_PASS_DECL
#include "passes/graph/Passes.h.inc"

/// Adds the stage's passes in order; the last one verifies what it promises.
/// `weights` are entries of graph-encode-weights.
void buildGraphPipeline(mlir::OpPassManager &pm, llvm::ArrayRef<std::string> weights = {});

#define GEN_PASS_REGISTRATION
#include "passes/graph/Passes.h.inc"

} // namespace tercet::graph

#endif // TERCET_PASSES_GRAPH_PASSES_H
