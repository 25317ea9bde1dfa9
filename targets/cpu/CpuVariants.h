// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tiles with which a CPU runs a group, and what they cost.

#ifndef TERCET_TARGETS_CPU_CPUVARIANTS_H
#define TERCET_TARGETS_CPU_CPUVARIANTS_H

#include "dialects/soc/Soc.h"

namespace tercet::cpu {

/// The figures of the CPU's roofline: the machine's, or else what follows from
/// clock and registers (two fused multiply-adds and eight bytes a cycle).
soc::PerformanceAttr performanceOf(soc::CpuAttr cpu);
/// The same as if it had so many cores where the machine says nothing.
soc::PerformanceAttr performanceOf(soc::CpuAttr cpu, uint64_t cores);

/// Whether a CPU computes in the element types of the group's operands and
/// results; if not, `reason` names one that it does not.
bool supportsElements(soc::GroupOp group, std::string &reason);

/// The precisions that a CPU computes the group in: those of its list that are
/// f32, or that it has an integer form for, which runs as what its operations
/// decompose into. One null entry for a group without a list; none, and the
/// `reason`, if it has no form for any.
llvm::SmallVector<soc::PrecisionAttr> precisionsOf(soc::GroupOp group, std::string &reason);

/// The variants of `rows` rows (0: all) of a group that the CPU supports, best
/// first, for a queue with `workers` workers.
llvm::SmallVector<soc::VariantAttr> variantsOf(soc::CpuAttr cpu, soc::GroupOp group, int64_t rows,
                                               unsigned workers);

} // namespace tercet::cpu

#endif // TERCET_TARGETS_CPU_CPUVARIANTS_H
