// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What code generation can do, for those who have to know before it runs: the
// engine's model, which refuses groups, and the tile stage, which plans scratch.

#ifndef TERCET_TARGETS_HEXAGON_LOWERABLE_H
#define TERCET_TARGETS_HEXAGON_LOWERABLE_H

#include "dialects/soc/Soc.h"

#include <optional>
#include <string>

namespace tercet::hexagon {

/// Why the operation, on tensors or on memrefs, cannot be lowered; nothing if
/// it can. Operations that compute nothing (views, constants, loops) can.
std::optional<std::string> reasonAgainst(mlir::Operation *op);

/// Whether hexagon-lower-kernels rewrites the operation.
bool isLowered(mlir::Operation *op);

/// Whether the kernel's variant keeps the weights where they are instead of
/// streaming them through scratch: its name is "resident" or ends in
/// "-resident".
bool isResident(soc::VariantAttr variant);

/// Bytes of a worker's scratch that the operations of the kernel, on memrefs,
/// need behind the kernel's own soc.scratch. At its place in scratch they begin
/// at the next multiple of 128.
uint64_t stagingBytes(soc::KernelOp kernel);

/// Bytes that the kernel's own soc.scratch take, rounded up to 128.
uint64_t ownScratchBytes(soc::KernelOp kernel);

} // namespace tercet::hexagon

#endif // TERCET_TARGETS_HEXAGON_LOWERABLE_H
