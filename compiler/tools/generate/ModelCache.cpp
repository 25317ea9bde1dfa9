// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An entry's name is a digest of what it depends on: path, size and time of the
// model's files, of the compiler, and the flags. It is written under another name
// and then renamed, so that whoever looks finds it whole or not at all.

#include "compiler/tools/generate/ModelCache.h"

#include "compiler/emit/Artifact.h"
#include "compiler/emit/Faults.h"
#include "compiler/tools/generate/Reported.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>

using namespace tercet;
using namespace tercet::generate;
using emit::failure;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

bool tercet::generate::isCompiled(llvm::StringRef where) {
  if (!fs::is_directory(where))
    return where.ends_with(".o");
  std::error_code code;
  for (fs::directory_iterator file(where, code), end; !code && file != end; file.increment(code))
    if (path::extension(file->path()) == ".o")
      return true;
  return false;
}

static llvm::Expected<std::string> getFolder(const std::string &given) {
  if (!given.empty())
    return given;
  llvm::SmallString<256> folder;
  if (const char *cache = std::getenv("XDG_CACHE_HOME"); cache && *cache)
    folder = cache;
  else if (path::home_directory(folder))
    path::append(folder, ".cache");
  else
    return failure("no folder for compiled models: expected $XDG_CACHE_HOME or $HOME; name one "
                   "with --cache");
  path::append(folder, "tercet");
  return folder.str().str();
}

/// Adds path, size and time of a file, or of the files of a folder.
static llvm::Error describe(llvm::StringRef given, std::string &description) {
  llvm::SmallString<256> real;
  fs::file_status status;
  if (std::error_code code = fs::real_path(given, real))
    return failure(given + ": " + code.message());
  if (std::error_code code = fs::status(real, status))
    return failure(given + ": " + code.message());
  if (!fs::is_directory(status)) {
    description += (real + "\n" + llvm::Twine(status.getSize()) + "\n" +
                    llvm::Twine(status.getLastModificationTime().time_since_epoch().count()) + "\n")
                       .str();
    return llvm::Error::success();
  }
  std::vector<std::string> files;
  std::error_code code;
  for (fs::directory_iterator file(real, code), end; !code && file != end; file.increment(code))
    if (!fs::is_directory(file->path()))
      files.push_back(file->path());
  llvm::sort(files);
  for (const std::string &file : files)
    if (llvm::Error error = describe(file, description))
      return error;
  return llvm::Error::success();
}

static llvm::Expected<std::string> findCompiler() {
  static int anchor;
  std::string self = fs::getMainExecutable("tercet-generate", &anchor);
  auto found = llvm::sys::findProgramByName("tercet-compile", {path::parent_path(self)});
  if (!found)
    return failure("tercet-compile was not found beside tercet-generate; compile the model "
                   "yourself and give the folder");
  return *found;
}

llvm::Expected<std::string> tercet::generate::findCompiled(llvm::StringRef model,
                                                           const CacheOptions &options) {
  llvm::Expected<std::string> folder = getFolder(options.folder);
  if (!folder)
    return folder.takeError();
  llvm::Expected<std::string> compiler = findCompiler();
  if (!compiler)
    return compiler.takeError();
  std::string description = model.str() + "\n";
  // Weights of an ONNX file may lie in any file beside it.
  llvm::StringRef files = model;
  if (path::extension(model) == ".onnx")
    files = path::parent_path(model).empty() ? llvm::StringRef(".") : path::parent_path(model);
  for (llvm::StringRef file : {files, llvm::StringRef(*compiler)})
    if (llvm::Error error = describe(file, description))
      return error;
  description += llvm::join(options.compileFlags, "\n");
  auto digest = llvm::SHA256::hash(llvm::arrayRefFromStringRef(description));
  llvm::SmallString<256> entry(*folder);
  path::append(entry, path::stem(model) + "-" + llvm::toHex(digest, true).substr(0, 24));
  if (isCompiled(entry))
    return entry.str().str();

  llvm::SmallString<256> temporary;
  if (std::error_code code = fs::create_directories(*folder))
    return failure(*folder + ": " + code.message() + "; name another folder with --cache");
  fs::createUniquePath(entry + "-%%%%%%%%", temporary, /*MakeAbsolute=*/false);
  if (!options.quiet)
    llvm::errs() << "tercet-generate: compiling " << model << " into " << entry << "\n";
  std::vector<std::string> command = {*compiler, model.str(),      "-o",     temporary.str().str(),
                                      "--name",  "language_model", "--quiet"};
  command.insert(command.end(), options.compileFlags.begin(), options.compileFlags.end());
  std::vector<llvm::StringRef> words(command.begin(), command.end());
  std::string error;
  int status = llvm::sys::ExecuteAndWait(words[0], words, std::nullopt, {}, 0, 0, &error);
  if (status != 0) {
    fs::remove_directories(temporary);
    if (status > 0 && error.empty())
      return llvm::make_error<AlreadyReported>();
    return failure("compiling '" + model + "' failed" + (error.empty() ? "" : ": " + error));
  }
  // Another process may have been faster.
  if (std::error_code code = fs::rename(temporary, entry)) {
    fs::remove_directories(temporary);
    if (!isCompiled(entry))
      return failure(entry + ": " + code.message());
  }
  return entry.str().str();
}
