// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The partition stage: its passes and its pipeline.

#ifndef TERCET_PASSES_PARTITION_PASSES_H
#define TERCET_PASSES_PARTITION_PASSES_H

#include "mlir/Pass/Pass.h"

namespace tercet::partition {

#define GEN_PASS_DECL
#include "passes/partition/Passes.h.inc"

/// Adds the stage's passes in order; the last one verifies what it promises.
void buildPartitionPipeline(mlir::OpPassManager &pm);

#define GEN_PASS_REGISTRATION
#include "passes/partition/Passes.h.inc"

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_PASSES_H
