// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What starts a program that is not for the machine that one stands on.

#ifndef TERCET_COMPILER_EMIT_EMULATOR_H
#define TERCET_COMPILER_EMIT_EMULATOR_H

#include "llvm/Support/Error.h"
#include "llvm/TargetParser/Triple.h"

#include <string>
#include <vector>

namespace tercet::emit {

/// The beginning of a command line: qemu-user with its options, or nothing on a
/// program's own machine. An error names the package that is missing.
llvm::Expected<std::vector<std::string>> findEmulator(const llvm::Triple &triple);

} // namespace tercet::emit

#endif // TERCET_COMPILER_EMIT_EMULATOR_H
