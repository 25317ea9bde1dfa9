// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The targets of this process: those that were built in, which CMake lists, and
// those of plug-ins. The one place that knows them; everything else looks them
// up by name. Plug-ins are loaded before the first context is made, by one
// thread; after that the list does not change.

#ifndef TERCET_TARGETS_TARGETS_H
#define TERCET_TARGETS_TARGETS_H

#include "targets/Target.h"

namespace tercet {

/// All of them, built-in ones first, each group in the order of its making.
llvm::ArrayRef<std::unique_ptr<Target>> allTargets();

/// The target of that name, or null.
const Target *lookupTarget(llvm::StringRef name);

/// The one that writes object files; null if this build has none.
const Target *lookupObjectTarget();

/// Names of all targets, for messages.
std::string listTargets();

/// Dialects, interfaces and engine models of all targets.
void registerTargetDialects(mlir::DialectRegistry &registry);

/// Passes of all targets.
void registerTargetPasses();

/// Loads a shared object (targets/Plugin.h) and adds its targets. Fails if there
/// is no such file, if it is no plug-in, if it was built for another version,
/// and if the name of a target of its is taken; nothing is added then.
llvm::Error loadPlugin(llvm::StringRef path);

} // namespace tercet

#endif // TERCET_TARGETS_TARGETS_H
