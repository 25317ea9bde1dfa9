// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The schedule stage: tasks get their order and tokens.

#include "passes/schedule/Passes.h"

#include "mlir/Pass/PassManager.h"

void tercet::schedule::buildSchedulePipeline(mlir::OpPassManager &pm) {
  pm.addPass(createAssignOrderPass());
  pm.addPass(createVerifySchedulePass());
}
