// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The machine files that every Tercet knows by name: those of targets/socs,
// which are part of the program, so that no installation can lose them.

#ifndef TERCET_COMPILER_MACHINE_SOCFILES_H
#define TERCET_COMPILER_MACHINE_SOCFILES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace tercet {

struct SocFile {
  /// NAME of targets/socs/NAME.yaml.
  llvm::StringRef name;
  llvm::StringRef text;
};

/// All of them by name.
llvm::ArrayRef<SocFile> allSocFiles();

/// The one of that name, or null.
const SocFile *lookupSocFile(llvm::StringRef name);

/// Their names with commas between.
std::string listSocFiles();

} // namespace tercet

#endif // TERCET_COMPILER_MACHINE_SOCFILES_H
