// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The partition stage: groups become tasks.

#include "passes/partition/Passes.h"

#include "mlir/Pass/PassManager.h"

void tercet::partition::buildPartitionPipeline(mlir::OpPassManager &pm) {
  pm.addPass(createAssignEnginesPass());
  pm.addPass(createApplySharesPass());
  pm.addPass(createApplyPlacementPass());
  pm.addPass(createVerifyPartitionPass());
}
