// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tile stage: its passes and its pipeline.

#ifndef TERCET_PASSES_TILE_PASSES_H
#define TERCET_PASSES_TILE_PASSES_H

#include "dialects/soc/Soc.h"

#include "mlir/Pass/Pass.h"

namespace tercet::tile {

#define GEN_PASS_DECL
#include "passes/tile/Passes.h.inc"

/// Adds the stage's passes in order; the last one verifies what it promises.
void buildTilePipeline(mlir::OpPassManager &pm);

#define GEN_PASS_REGISTRATION
#include "passes/tile/Passes.h.inc"

} // namespace tercet::tile

#endif // TERCET_PASSES_TILE_PASSES_H
