// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A machine as tables for people.

#ifndef TERCET_COMPILER_MACHINE_MACHINETABLE_H
#define TERCET_COMPILER_MACHINE_MACHINETABLE_H

#include "dialects/soc/Soc.h"

#include "llvm/Support/raw_ostream.h"

namespace tercet {

/// Engines, memories and links, in the units of machine files.
void printMachineTable(soc::MachineAttr machine, llvm::raw_ostream &os);

} // namespace tercet

#endif // TERCET_COMPILER_MACHINE_MACHINETABLE_H
