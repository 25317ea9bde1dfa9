// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From #soc.machine back to a machine file.

#ifndef TERCET_COMPILER_MACHINE_MACHINEWRITER_H
#define TERCET_COMPILER_MACHINE_MACHINEWRITER_H

#include "dialects/soc/Soc.h"

#include "llvm/Support/raw_ostream.h"

#include <map>
#include <string>

namespace tercet {

/// Writes the file; reading it again gives the same machine, but for `workers`,
/// which a file does not hold, and for what only the maker of an attribute that
/// no file can give put into it. `description` may be empty. `comments` has
/// text for lines above an engine, by the engine's name.
void writeMachine(soc::MachineAttr machine, llvm::StringRef description,
                  const std::map<std::string, std::string> &comments, llvm::raw_ostream &os);

} // namespace tercet

#endif // TERCET_COMPILER_MACHINE_MACHINEWRITER_H
