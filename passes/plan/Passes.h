// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The plan stage: its passes and its pipeline.

#ifndef TERCET_PASSES_PLAN_PASSES_H
#define TERCET_PASSES_PLAN_PASSES_H

#include "mlir/Pass/Pass.h"

namespace tercet::plan {

#define GEN_PASS_DECL
#include "passes/plan/Passes.h.inc"

/// Adds the stage's passes in order; the last one verifies what it promises.
void buildPlanPipeline(mlir::OpPassManager &pm);

#define GEN_PASS_REGISTRATION
#include "passes/plan/Passes.h.inc"

} // namespace tercet::plan

#endif // TERCET_PASSES_PLAN_PASSES_H
