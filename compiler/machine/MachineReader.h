// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a machine file to #soc.machine. docs/machines.md describes the format.

#ifndef TERCET_COMPILER_MACHINE_MACHINEREADER_H
#define TERCET_COMPILER_MACHINE_MACHINEREADER_H

#include "dialects/soc/Soc.h"

#include "llvm/Support/Error.h"

namespace tercet {

/// The machine that `text` describes. `file` names it in errors. `workers` is
/// the greatest number of workers of any engine; 0: the cores of the CPU engine
/// that has most. The error has a part for everything that is wrong, each
/// `FILE:LINE:COLUMN: ...`. Engines of targets that nobody has registered are
/// read as they are described, and are absent.
llvm::Expected<soc::MachineAttr> readMachine(mlir::MLIRContext *context, llvm::StringRef text,
                                             llvm::StringRef file, uint32_t workers);

/// The `description` of a machine file; empty without one.
std::string readMachineDescription(llvm::StringRef text);

/// Element types that rates are given for, as MLIR writes them.
llvm::ArrayRef<llvm::StringLiteral> machineElementTypes();

/// Classes of work that efficiencies are given for.
llvm::ArrayRef<llvm::StringLiteral> machineWorkClasses();

} // namespace tercet

#endif // TERCET_COMPILER_MACHINE_MACHINEREADER_H
