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
#include <utility>
#include <vector>

namespace tercet::emit {

class OutputFiles {
public:
  /// `directory` is created where it does not exist, and removed again where
  /// nothing is committed.
  static llvm::Expected<OutputFiles> create(llvm::StringRef directory);
  OutputFiles(OutputFiles &&other)
      : directory(std::move(other.directory)), created(std::exchange(other.created, false)),
        files(std::move(other.files)), stale(std::move(other.stale)) {}
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

  /// At commit, removes a file that an earlier artifact of the name may have
  /// left and this one does not have.
  void dropStale(llvm::StringRef name) { stale.push_back(name.str()); }

  /// Path of a file that was added, until commit.
  llvm::StringRef getTemporaryPath(llvm::StringRef name) const;
  /// Path that a file has after commit.
  std::string getFinalPath(llvm::StringRef name) const;

private:
  struct File {
    std::string name;
    llvm::sys::fs::TempFile file;
  };
  OutputFiles(std::string directory, bool created)
      : directory(std::move(directory)), created(created) {}
  const File *lookup(llvm::StringRef name) const;

  std::string directory;
  /// Whether the directory is ours to remove.
  bool created;
  std::deque<File> files;
  std::vector<std::string> stale;
};

} // namespace tercet::emit

#endif // TERCET_COMPILER_EMIT_OUTPUTFILES_H
