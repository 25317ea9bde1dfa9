// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tiles with which a CPU runs a group, and what they cost.

#ifndef TERCET_TARGETS_CPU_CPUVARIANTS_H
#define TERCET_TARGETS_CPU_CPUVARIANTS_H

#include "dialects/soc/Soc.h"

namespace tercet::cpu {

/// The variants of a group that the CPU supports, best first, for a machine
/// with `workers` workers.
llvm::SmallVector<soc::VariantAttr> variantsOf(soc::CpuAttr cpu, soc::GroupOp group,
                                               unsigned workers);

} // namespace tercet::cpu

#endif // TERCET_TARGETS_CPU_CPUVARIANTS_H
