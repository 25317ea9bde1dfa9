// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From an engine of a machine file to #soc.cpu.

#ifndef TERCET_TARGETS_CPU_CPUDESCRIPTION_H
#define TERCET_TARGETS_CPU_CPUDESCRIPTION_H

#include "targets/EngineDescription.h"

namespace tercet::cpu {

/// The attribute; null after at least one complaint. What the description does
/// not give follows from the CPU's name, as describeCpu has it; figures of the
/// roofline that it does not give, from clock and registers.
soc::CpuAttr buildCpu(mlir::MLIRContext *context, const EngineDescription &description,
                      Complain complain);

} // namespace tercet::cpu

#endif // TERCET_TARGETS_CPU_CPUDESCRIPTION_H
