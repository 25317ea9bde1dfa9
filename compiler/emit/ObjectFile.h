// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The finished object on disk: where its table and weights lie, so that their
// contents can be written in place, and whether it keeps the promise of the ABI
// about its symbols.

#ifndef TERCET_COMPILER_EMIT_OBJECTFILE_H
#define TERCET_COMPILER_EMIT_OBJECTFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>

namespace tercet::emit {

/// A section's place in its file; absent: bytes is 0.
struct SectionPlace {
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

/// The section of embedded weights has no contents yet: they go to the end of
/// the file, and `header` over the section's header, which then says so.
struct ObjectLayout {
  SectionPlace table, weights;
  uint64_t headerOffset = 0;
  std::string header;
};

/// Looks into the object `path` of program `name`. An undefined symbol other
/// than tercet_*, memcpy, memset and memmove, or a defined global one that does
/// not start with tercet_NAME, is a fault that names it.
llvm::Expected<ObjectLayout> inspectObject(llvm::StringRef path, llvm::StringRef name);

} // namespace tercet::emit

#endif // TERCET_COMPILER_EMIT_OBJECTFILE_H
