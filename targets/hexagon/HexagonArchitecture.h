// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The generations of Hexagon that kernels can be compiled for, and what the
// properties of an engine in a machine file say of it. Vectors are of 128
// bytes in all of them.

#ifndef TERCET_TARGETS_HEXAGON_HEXAGONARCHITECTURE_H
#define TERCET_TARGETS_HEXAGON_HEXAGONARCHITECTURE_H

#include "dialects/soc/Soc.h"

#include "llvm/Support/Error.h"

namespace tercet::hexagon {

/// Name of the target in machine files, and of #soc.engine's `target`.
inline constexpr llvm::StringLiteral kTargetName = "hexagon";

/// Bytes of a vector register, and what TCM buffers are aligned to.
inline constexpr int64_t kVectorBytes = 128;

/// Most hardware threads with vectors that one image uses.
inline constexpr uint32_t kMaxThreads = 4;

/// v66, v67, v68, v73 and v75, in this order.
llvm::ArrayRef<llvm::StringLiteral> allArchitectures();

/// Whether the generation copies to its scratchpad by descriptors (dmstart and
/// dmwait); those before it copy with the core.
bool hasDma(llvm::StringRef architecture);

/// The properties `architecture` and `threads` of an engine that
/// checkProperties has accepted.
llvm::StringRef getArchitecture(soc::EngineAttr engine);
uint32_t getThreads(soc::EngineAttr engine);

/// Bytes of the scratchpad (the engine's first memory); 0 if the machine does
/// not limit it.
uint64_t getScratchpadBytes(soc::EngineAttr engine, soc::MachineAttr machine);

/// An error if the engine is not described as the target expects, saying what
/// is wrong and what there is.
llvm::Error checkProperties(soc::EngineAttr engine);

} // namespace tercet::hexagon

#endif // TERCET_TARGETS_HEXAGON_HEXAGONARCHITECTURE_H
