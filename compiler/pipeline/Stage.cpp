// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names of the stages and their pipelines.

#include "compiler/pipeline/Stage.h"

#include "passes/graph/Passes.h"
#include "passes/partition/Passes.h"
#include "passes/plan/Passes.h"
#include "passes/schedule/Passes.h"
#include "passes/tile/Passes.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/ErrorHandling.h"

using namespace tercet;

llvm::StringRef tercet::nameOf(Stage stage) {
  switch (stage) {
  case Stage::Import:
    return "import";
  case Stage::Graph:
    return "graph";
  case Stage::Partition:
    return "partition";
  case Stage::Schedule:
    return "schedule";
  case Stage::Tile:
    return "tile";
  case Stage::Plan:
    return "plan";
  case Stage::Codegen:
    return "codegen";
  case Stage::Emit:
    return "emit";
  }
  llvm_unreachable("unknown stage");
}

llvm::ArrayRef<Stage> tercet::allStages() {
  static constexpr Stage stages[] = {Stage::Import, Stage::Graph, Stage::Partition, Stage::Schedule,
                                     Stage::Tile,   Stage::Plan,  Stage::Codegen,   Stage::Emit};
  return stages;
}

std::optional<Stage> tercet::stageFromName(llvm::StringRef name) {
  for (Stage stage : allStages())
    if (nameOf(stage) == name)
      return stage;
  return std::nullopt;
}

void tercet::buildStage(Stage stage, mlir::OpPassManager &pm,
                        const partition::PartitionRequirements &requirements,
                        llvm::ArrayRef<std::string> weights) {
  switch (stage) {
  case Stage::Graph:
    return graph::buildGraphPipeline(pm, weights);
  case Stage::Partition:
    return partition::buildPartitionPipeline(pm, requirements);
  case Stage::Schedule:
    return schedule::buildSchedulePipeline(pm);
  case Stage::Tile:
    return tile::buildTilePipeline(pm);
  case Stage::Plan:
    return plan::buildPlanPipeline(pm);
  case Stage::Import:
  case Stage::Codegen:
  case Stage::Emit:
    break;
  }
  llvm_unreachable("not a pipeline of one module");
}

void tercet::buildVerification(Stage stage, mlir::OpPassManager &pm) {
  switch (stage) {
  case Stage::Graph:
    return pm.addPass(graph::createVerifyGraphPass());
  case Stage::Partition:
    return pm.addPass(partition::createVerifyPartitionPass());
  case Stage::Schedule:
    return pm.addPass(schedule::createVerifySchedulePass());
  case Stage::Tile:
    return pm.addPass(tile::createVerifyTilePass());
  case Stage::Plan:
    return pm.addPass(plan::createVerifyPlanPass());
  case Stage::Import:
  case Stage::Codegen:
  case Stage::Emit:
    break;
  }
}
