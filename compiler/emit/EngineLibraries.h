// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whether the drivers of a program's engines load a library of the system when
// they are opened, as that of a GPU does. An executable has to be linked
// dynamically then: what is static cannot load any.

#ifndef TERCET_COMPILER_EMIT_ENGINELIBRARIES_H
#define TERCET_COMPILER_EMIT_ENGINELIBRARIES_H

#include "runtime/include/tercet/abi.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <vector>

namespace tercet::emit {

/// Formats of the images in the object `path` of program `name`, engine by
/// engine; TERCET_IMAGE_NONE for one without.
llvm::Expected<std::vector<tercet_image_format>> readImageFormats(llvm::StringRef path,
                                                                  llvm::StringRef name);

/// What the linker has to pull out of the runtime's archive for a driver of
/// engines with such images, which the runner only refers to weakly; empty:
/// nothing, no library is loaded.
llvm::StringRef getDriverSymbol(tercet_image_format format);

} // namespace tercet::emit

#endif // TERCET_COMPILER_EMIT_ENGINELIBRARIES_H
