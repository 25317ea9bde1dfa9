// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How messages show a name that a model's file gives. It may be of any length,
// and the message stays one that a person reads.

#ifndef TERCET_COMPILER_IMPORT_QUOTEDNAME_H
#define TERCET_COMPILER_IMPORT_QUOTEDNAME_H

#include "llvm/ADT/StringRef.h"

#include <string>

namespace tercet {

/// In quotes, and cut off where it is long.
inline std::string quoted(llvm::StringRef name) {
  constexpr size_t kShown = 80;
  if (name.size() <= kShown)
    return "'" + name.str() + "'";
  return "'" + name.take_front(kShown).str() + "...'";
}

} // namespace tercet

#endif // TERCET_COMPILER_IMPORT_QUOTEDNAME_H
