// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The plan stage: functions become command streams.

#include "passes/plan/Passes.h"

#include "mlir/Pass/PassManager.h"

void tercet::plan::buildPlanPipeline(mlir::OpPassManager &pm) {
  pm.addPass(createShareWeightsPass());
  pm.addPass(createAssignMemoryPass());
  pm.addPass(createAssignAlignmentsPass());
  pm.addPass(createVerifyPlanPass());
}
