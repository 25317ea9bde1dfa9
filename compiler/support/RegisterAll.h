// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One place that knows which dialects, models and passes the tools have. No
// static constructors: every tool calls these functions from main.

#ifndef TERCET_COMPILER_SUPPORT_REGISTERALL_H
#define TERCET_COMPILER_SUPPORT_REGISTERALL_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace tercet {

/// Tercet's dialects, the upstream ones that its stages use, the external
/// models that bufferisation, tiling and the targets need. Plug-ins have to be
/// loaded before.
void registerAllDialects(mlir::DialectRegistry &registry);

/// Every pass and stage of Tercet, and the upstream clean-up passes, for tools
/// that take pass pipelines as text.
void registerAllPasses();

} // namespace tercet

#endif // TERCET_COMPILER_SUPPORT_REGISTERALL_H
