// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The partition stage: groups become tasks.

#include "passes/partition/Passes.h"

#include "mlir/Pass/PassManager.h"

void tercet::partition::buildPartitionPipeline(mlir::OpPassManager &pm,
                                               const PartitionRequirements &requirements) {
  // Before anything is priced: conversions that it takes away cost nothing.
  pm.addPass(createLiftQuantizationPass());
  if (requirements.inferences > 1)
    pm.addPass(createApplyPipelinePass({requirements.inferences}));
  if (!requirements.pins.empty()) {
    AssignPinsPassOptions options;
    options.pins.assign(requirements.pins.begin(), requirements.pins.end());
    pm.addPass(createAssignPinsPass(options));
  }
  pm.addPass(createAssignEnginesPass());
  // Before shares are cut: the user speaks of whole groups.
  if (!requirements.engines.empty() || requirements.forbidFallback) {
    VerifyRequirementsPassOptions options;
    options.engines.assign(requirements.engines.begin(), requirements.engines.end());
    options.forbidFallback = requirements.forbidFallback;
    pm.addPass(createVerifyRequirementsPass(options));
  }
  // Before shares are cut: conversions between groups are of whole values.
  pm.addPass(createApplyPrecisionPass());
  pm.addPass(createApplySharesPass());
  pm.addPass(createApplyPlacementPass());
  pm.addPass(createVerifyPartitionPass());
}
