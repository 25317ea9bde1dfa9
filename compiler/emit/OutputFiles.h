// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The files of an artifact, all or none: each is written under a temporary
// name in the output directory and gets its own when all are complete. A
// failure, or a signal, leaves no temporary file behind.

#ifndef TERCET_COMPILER_EMIT_OUTPUTFILES_H
#define TERCET_COMPILER_EMIT_OUTPUTFILES_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <deque>
#include <string>

namespace tercet::emit {

class OutputFiles {
public:
  /// `directory` is created where it does not exist.
  static llvm::Expected<OutputFiles> create(llvm::StringRef directory);
  OutputFiles(OutputFiles &&) = default;
  ~OutputFiles();

  /// Starts the file DIRECTORY/NAME; returns the path that it has until commit.
  llvm::Expected<std::string> add(llvm::StringRef name, bool executable = false);

  /// Starts the file and has `write` fill it. An error of writing (no space
  /// left) is returned and names the file.
  llvm::Error write(llvm::StringRef name,
                    llvm::function_ref<llvm::Error(llvm::raw_fd_ostream &)> write);

  /// Has `write` fill a file that was added before.
  llvm::Error writeAdded(llvm::StringRef name,
                         llvm::function_ref<llvm::Error(llvm::raw_fd_ostream &)> write);

  /// Renames all. To be called once, last. Where a rename fails, the files that
  /// were renamed already are removed again.
  llvm::Error commit();

  /// Path of a file that was added, until commit.
  llvm::StringRef getTemporaryPath(llvm::StringRef name) const;
  /// Path that a file has after commit.
  std::string getFinalPath(llvm::StringRef name) const;

private:
  struct File {
    std::string name;
    llvm::sys::fs::TempFile file;
  };
  explicit OutputFiles(std::string directory) : directory(std::move(directory)) {}
  const File *lookup(llvm::StringRef name) const;

  std::string directory;
  std::deque<File> files;
};

} // namespace tercet::emit

#endif // TERCET_COMPILER_EMIT_OUTPUTFILES_H
