// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The partition stage: its passes and its pipeline.

#ifndef TERCET_PASSES_PARTITION_PASSES_H
#define TERCET_PASSES_PARTITION_PASSES_H

#include "mlir/Pass/Pass.h"

#include <string>
#include <vector>

namespace tercet::partition {

#define GEN_PASS_DECL
#include "passes/partition/Passes.h.inc"

/// What the user asks of the placement; each text is PATTERN=ENGINE.
struct PartitionRequirements {
  /// Groups are placed there.
  std::vector<std::string> pins;
  /// Groups have to end up there by cost.
  std::vector<std::string> engines;
  /// No group may be where it is because another engine cannot run it.
  bool forbidFallback = false;
  /// Inferences that an entry of its own runs at once; below 2: no such entry.
  unsigned inferences = 1;
};

/// Adds the stage's passes in order; the last one verifies what it promises.
void buildPartitionPipeline(mlir::OpPassManager &pm,
                            const PartitionRequirements &requirements = {});

#define GEN_PASS_REGISTRATION
#include "passes/partition/Passes.h.inc"

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_PASSES_H
