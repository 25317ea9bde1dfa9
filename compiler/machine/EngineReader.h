// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The fields of one engine of a machine file.

#ifndef TERCET_COMPILER_MACHINE_ENGINEREADER_H
#define TERCET_COMPILER_MACHINE_ENGINEREADER_H

#include "compiler/machine/Fields.h"
#include "targets/EngineDescription.h"

namespace tercet {

/// What an engine says of itself; absent after a complaint.
std::optional<EngineDescription> readEngine(mlir::MLIRContext *context, const YamlNode &node,
                                            YamlProblems &problems);

} // namespace tercet

#endif // TERCET_COMPILER_MACHINE_ENGINEREADER_H
