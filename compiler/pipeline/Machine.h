// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The machine that a program is compiled for, from what the user says.

#ifndef TERCET_COMPILER_PIPELINE_MACHINE_H
#define TERCET_COMPILER_PIPELINE_MACHINE_H

#include "compiler/pipeline/Options.h"
#include "dialects/soc/Soc.h"

namespace tercet {

/// The machine of the options: by name, by triple and CPU, or the host.
llvm::Expected<soc::MachineAttr> buildMachine(mlir::MLIRContext *context,
                                              const CompileOptions &options);

/// Names for --soc.
llvm::ArrayRef<llvm::StringLiteral> machineNames();

} // namespace tercet

#endif // TERCET_COMPILER_PIPELINE_MACHINE_H
