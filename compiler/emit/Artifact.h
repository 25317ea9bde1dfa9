// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds an artifact on disk again: which files it has, its name, and the
// machine that it is for.

#ifndef TERCET_COMPILER_EMIT_ARTIFACT_H
#define TERCET_COMPILER_EMIT_ARTIFACT_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/TargetParser/Triple.h"

#include <string>

namespace tercet::emit {

struct Artifact {
  /// NAME of tercet_NAME.
  std::string name;
  /// Path of the object.
  std::string object;
  /// Path of NAME.weights beside it; empty if there is none.
  std::string weights;
  /// ARCH-linux-gnu; the object does not tell more.
  llvm::Triple triple;
};

/// `path` is an object that tercet-compile wrote, or a folder with exactly one.
llvm::Expected<Artifact> findArtifact(llvm::StringRef path);

} // namespace tercet::emit

#endif // TERCET_COMPILER_EMIT_ARTIFACT_H
