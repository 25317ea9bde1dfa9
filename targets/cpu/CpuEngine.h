// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a CPU can run, and how: the engine interface of #soc.cpu.

#ifndef TERCET_TARGETS_CPU_CPUENGINE_H
#define TERCET_TARGETS_CPU_CPUENGINE_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace tercet::cpu {

/// Gives #soc.cpu its EngineAttrInterface.
void registerEngine(mlir::DialectRegistry &registry);

} // namespace tercet::cpu

#endif // TERCET_TARGETS_CPU_CPUENGINE_H
