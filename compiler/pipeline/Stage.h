// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The stages of a compilation, in order, and how each is built.

#ifndef TERCET_COMPILER_PIPELINE_STAGE_H
#define TERCET_COMPILER_PIPELINE_STAGE_H

#include "passes/partition/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <optional>

namespace tercet {

/// `Import` and `Emit` are no pass pipelines; the others are.
enum class Stage { Import, Graph, Partition, Schedule, Tile, Plan, Codegen, Emit };

llvm::StringRef nameOf(Stage stage);

/// The stage of that name, if there is one.
std::optional<Stage> stageFromName(llvm::StringRef name);

/// All stages in order.
llvm::ArrayRef<Stage> allStages();

/// The stages from Graph to Plan, which text goes through with tercet-opt as well.
/// `weights` says what weights are rounded to, as graph-encode-weights has it.
void buildStage(Stage stage, mlir::OpPassManager &pm,
                const partition::PartitionRequirements &requirements = {},
                llvm::ArrayRef<std::string> weights = {});

/// Adds the check of what the stage promises, if it has one: text that begins
/// with the stage after it has to keep that promise, too.
void buildVerification(Stage stage, mlir::OpPassManager &pm);

} // namespace tercet

#endif // TERCET_COMPILER_PIPELINE_STAGE_H
