// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Temporary files and their renaming.

#include "compiler/emit/OutputFiles.h"

#include "compiler/emit/Faults.h"

#include "llvm/Support/Path.h"

using namespace tercet::emit;
namespace fs = llvm::sys::fs;

llvm::Expected<OutputFiles> OutputFiles::create(llvm::StringRef directory) {
  bool exists = fs::exists(directory);
  if (std::error_code code =
          fs::create_directories(directory, /*IgnoreExisting=*/true, fs::all_all))
    return failure("cannot create output directory '" + directory + "': " + code.message());
  if (!fs::is_directory(directory))
    return failure("output directory '" + directory + "' is no directory");
  return OutputFiles(directory.str(), !exists);
}

OutputFiles::~OutputFiles() {
  for (File &file : files)
    llvm::consumeError(file.file.discard());
  if (created)
    fs::remove(directory); // Fails where it is not empty, as it should.
}

std::string OutputFiles::getFinalPath(llvm::StringRef name) const {
  llvm::SmallString<256> path(directory);
  llvm::sys::path::append(path, name);
  return path.str().str();
}

llvm::Expected<std::string> OutputFiles::add(llvm::StringRef name, bool executable) {
  std::string path = getFinalPath(name);
  if (fs::is_directory(path))
    return failure("cannot write '" + path + "': it is a directory");
  unsigned mode = fs::all_read | fs::owner_write | (executable ? fs::all_exe : 0);
  llvm::Expected<fs::TempFile> file =
      fs::TempFile::create(getFinalPath((".tercet-%%%%%%%%-" + name).str()), mode);
  if (!file)
    return failure("cannot write in '" + directory + "': " + llvm::toString(file.takeError()));
  files.push_back({name.str(), std::move(*file)});
  return files.back().file.TmpName;
}

const OutputFiles::File *OutputFiles::lookup(llvm::StringRef name) const {
  for (const File &file : files)
    if (file.name == name)
      return &file;
  return nullptr;
}

llvm::StringRef OutputFiles::getTemporaryPath(llvm::StringRef name) const {
  const File *file = lookup(name);
  return file ? llvm::StringRef(file->file.TmpName) : llvm::StringRef();
}

llvm::Error OutputFiles::writeAdded(llvm::StringRef name,
                                    llvm::function_ref<llvm::Error(llvm::raw_fd_ostream &)> write) {
  const File *file = lookup(name);
  assert(file && "not added");
  llvm::raw_fd_ostream stream(file->file.FD, /*shouldClose=*/false);
  llvm::Error error = write(stream);
  stream.flush();
  std::error_code code = stream.error();
  stream.clear_error(); // It is reported here.
  if (error)
    return error;
  if (code)
    return failure("cannot write '" + getFinalPath(name) + "': " + code.message());
  return llvm::Error::success();
}

llvm::Error OutputFiles::write(llvm::StringRef name,
                               llvm::function_ref<llvm::Error(llvm::raw_fd_ostream &)> write) {
  if (llvm::Expected<std::string> path = add(name); !path)
    return path.takeError();
  return writeAdded(name, write);
}

llvm::Error OutputFiles::commit() {
  for (size_t i = 0; i < files.size(); ++i) {
    std::string path = getFinalPath(files[i].name);
    if (llvm::Error error = files[i].file.keep(path)) {
      for (size_t k = 0; k < i; ++k)
        fs::remove(getFinalPath(files[k].name));
      for (size_t k = i + 1; k < files.size(); ++k)
        llvm::consumeError(files[k].file.discard());
      files.clear();
      return failure("cannot write '" + path + "': " + llvm::toString(std::move(error)));
    }
  }
  files.clear();
  created = false;
  for (const std::string &name : stale)
    fs::remove(getFinalPath(name));
  return llvm::Error::success();
}
