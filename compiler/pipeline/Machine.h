// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The machine that a program is compiled for, from what the user says.

#ifndef TERCET_COMPILER_PIPELINE_MACHINE_H
#define TERCET_COMPILER_PIPELINE_MACHINE_H

#include "compiler/pipeline/Options.h"
#include "dialects/soc/Soc.h"

namespace tercet {

/// The machine of the options: by name, by a file of the user's, by triple and
/// CPU, or the host. An error has a part for everything that is wrong with a
/// file, each beginning with its place.
llvm::Expected<soc::MachineAttr> buildMachine(mlir::MLIRContext *context,
                                              const CompileOptions &options);

/// The names that --soc takes, each with a line of description.
void printMachineNames(llvm::raw_ostream &os);

} // namespace tercet

#endif // TERCET_COMPILER_PIPELINE_MACHINE_H
