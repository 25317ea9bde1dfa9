// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The targets that CMake was configured with. The definition is generated from
// the list of folders that called tercet_add_target.

#ifndef TERCET_TARGETS_BUILTINTARGETS_H
#define TERCET_TARGETS_BUILTINTARGETS_H

#include "targets/Target.h"

#include <vector>

namespace tercet {

/// One object of each, in the order of their folders' names.
std::vector<std::unique_ptr<Target>> createBuiltInTargets();

} // namespace tercet

#endif // TERCET_TARGETS_BUILTINTARGETS_H
