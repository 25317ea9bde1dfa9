// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The graph stage: import's operations become groups.

#include "passes/graph/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

void tercet::graph::buildGraphPipeline(mlir::OpPassManager &pm,
                                       llvm::ArrayRef<std::string> weights) {
  pm.addPass(createFuseActivationsPass());
  pm.addPass(createFuseNormsPass());
  // Before attention: the rotations stand between its products and their inputs.
  pm.addPass(createFuseRopePass());
  pm.addPass(createFuseAttentionPass());
  // After attention, whose transposes cancel the exported ones here.
  pm.addPass(createFoldTransposesPass());
  pm.addPass(createFoldReshapesPass());
  // After the folds, which make transposes parts of recipes.
  if (!weights.empty()) {
    EncodeWeightsPassOptions options;
    options.entries.assign(weights.begin(), weights.end());
    pm.addPass(createEncodeWeightsPass(options));
  }
  // After the choice of formats, which is made for each weight of the model.
  pm.addPass(createMergeProductsPass());
  pm.addPass(createFuseGroupWeightsPass());
  // Removes what the folds have left; must precede groups, which would keep it.
  pm.addPass(mlir::createCanonicalizerPass());
  pm.addPass(mlir::createCSEPass());
  pm.addPass(createFoldConstantWeightsPass());
  pm.addPass(createAssignGroupsPass());
  pm.addPass(createVerifyGraphPass());
}
