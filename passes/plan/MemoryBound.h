// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lower bounds of a memory problem, each with the buffers that prove it.

#ifndef TERCET_PASSES_PLAN_MEMORYBOUND_H
#define TERCET_PASSES_PLAN_MEMORYBOUND_H

#include "passes/plan/MemoryProblem.h"

namespace tercet::plan {

/// Elements of which none precedes another, of the greatest sum of weights.
/// `precedes` is a strict partial order, transitively closed; weights are not
/// negative and their sum fits. By a minimum cut (Dilworth's theorem, weighted).
llvm::SmallVector<unsigned> findHeaviestAntichain(llvm::ArrayRef<llvm::BitVector> precedes,
                                                  llvm::ArrayRef<int64_t> weights);

} // namespace tercet::plan

#endif // TERCET_PASSES_PLAN_MEMORYBOUND_H
