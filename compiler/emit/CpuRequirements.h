// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a CPU must have in order to run code that LLVM made for a cpu and
// feature list, in the bits of the ABI.

#ifndef TERCET_COMPILER_EMIT_CPUREQUIREMENTS_H
#define TERCET_COMPILER_EMIT_CPUREQUIREMENTS_H

#include "dialects/soc/Soc.h"
#include "runtime/include/tercet/abi.h"

#include "llvm/Support/Error.h"

namespace tercet::emit {

struct CpuRequirements {
  tercet_isa isa = TERCET_ISA_NONE;
  uint64_t features = 0;
  uint32_t vectorBitsMin = 0;
};

/// Fails for a triple that this LLVM has no back end for, and for a cpu or a
/// feature that it does not know.
llvm::Expected<CpuRequirements> getCpuRequirements(soc::CpuAttr cpu);

} // namespace tercet::emit

#endif // TERCET_COMPILER_EMIT_CPUREQUIREMENTS_H
