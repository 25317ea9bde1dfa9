// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The schedule stage: its passes and its pipeline.

#ifndef TERCET_PASSES_SCHEDULE_PASSES_H
#define TERCET_PASSES_SCHEDULE_PASSES_H

#include "mlir/Pass/Pass.h"

namespace tercet::schedule {

#define GEN_PASS_DECL
#include "passes/schedule/Passes.h.inc"

/// Adds the stage's passes in order; the last one verifies what it promises.
void buildSchedulePipeline(mlir::OpPassManager &pm);

#define GEN_PASS_REGISTRATION
#include "passes/schedule/Passes.h.inc"

} // namespace tercet::schedule

#endif // TERCET_PASSES_SCHEDULE_PASSES_H
