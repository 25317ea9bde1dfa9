// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models by the file that they come from: a model is compiled once for a set of
// flags, and found again as long as neither it nor the compiler has changed.

#ifndef TERCET_COMPILER_TOOLS_GENERATE_MODELCACHE_H
#define TERCET_COMPILER_TOOLS_GENERATE_MODELCACHE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace tercet::generate {

/// Whether the path is a folder with a compiled program.
bool isCompiled(llvm::StringRef path);

struct CacheOptions {
  /// Empty: the user's own cache.
  std::string folder;
  llvm::ArrayRef<std::string> compileFlags;
  bool quiet = false;
};

/// The folder of the compiled model; compiles it with the tercet-compile beside
/// this tool where need be, whose errors come out as they are.
llvm::Expected<std::string> findCompiled(llvm::StringRef model, const CacheOptions &options);

} // namespace tercet::generate

#endif // TERCET_COMPILER_TOOLS_GENERATE_MODELCACHE_H
