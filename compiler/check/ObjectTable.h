// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds tables in what tercet-compile writes: an object, a shared library or an
// executable, of any architecture. The section .tercet.table is all that is
// looked for; it holds the tables of all programs of the file.

#ifndef TERCET_COMPILER_CHECK_OBJECTTABLE_H
#define TERCET_COMPILER_CHECK_OBJECTTABLE_H

#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBufferRef.h"

#include <string>
#include <vector>

namespace tercet::check {

struct TableOfProgram {
  /// NAME of tercet_NAME_table; empty where the file has no such symbol.
  std::string name;
  /// Within the file's bytes.
  llvm::StringRef bytes;
};

/// All tables of a file, in order. A file without that section, or which is no
/// ELF file, gives none; one whose section cannot be read is an error.
llvm::Expected<std::vector<TableOfProgram>> findTables(llvm::MemoryBufferRef file);

} // namespace tercet::check

#endif // TERCET_COMPILER_CHECK_OBJECTTABLE_H
