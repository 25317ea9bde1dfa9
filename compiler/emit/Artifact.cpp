// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An object is a program's if it defines tercet_NAME and tercet_NAME_table.

#include "compiler/emit/Artifact.h"

#include "compiler/emit/Faults.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <set>

using namespace tercet;
using namespace tercet::emit;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

/// Names of all programs that the object defines.
static std::vector<std::string> findPrograms(const llvm::object::ObjectFile &object) {
  std::set<std::string> symbols;
  for (const llvm::object::SymbolRef &symbol : object.symbols()) {
    llvm::Expected<uint32_t> flags = symbol.getFlags();
    llvm::Expected<llvm::StringRef> name = symbol.getName();
    if (flags && name && !(*flags & llvm::object::SymbolRef::SF_Undefined) &&
        name->starts_with("tercet_"))
      symbols.insert(name->str());
    if (!flags)
      llvm::consumeError(flags.takeError());
    if (!name)
      llvm::consumeError(name.takeError());
  }
  std::vector<std::string> programs;
  for (const std::string &symbol : symbols)
    if (symbols.count(symbol + "_table"))
      programs.push_back(symbol.substr(strlen("tercet_")));
  return programs;
}

static llvm::Expected<Artifact> readArtifact(llvm::StringRef file) {
  auto buffer = llvm::MemoryBuffer::getFile(file, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return failure("cannot read '" + file + "': " + buffer.getError().message());
  auto object = llvm::object::ObjectFile::createELFObjectFile(**buffer);
  if (!object) {
    llvm::consumeError(object.takeError());
    return failure("'" + file + "' is no object file; expected NAME.o as tercet-compile writes it");
  }
  std::vector<std::string> programs = findPrograms(**object);
  if (programs.size() != 1)
    return failure("'" + file + "' holds " +
                   (programs.empty() ? std::string("no program that tercet-compile wrote")
                                     : "several programs: " + llvm::join(programs, ", ")));
  Artifact artifact;
  artifact.name = programs.front();
  artifact.object = file.str();
  artifact.triple =
      llvm::Triple(llvm::Triple::getArchTypeName((*object)->getArch()) + "-unknown-linux-gnu");
  llvm::SmallString<256> weights(file);
  path::replace_extension(weights, ".weights");
  if (fs::exists(weights))
    artifact.weights = weights.str().str();
  return artifact;
}

llvm::Expected<Artifact> emit::findArtifact(llvm::StringRef where) {
  if (!fs::exists(where))
    return failure("'" + where + "' does not exist");
  if (!fs::is_directory(where))
    return readArtifact(where);
  std::vector<Artifact> found;
  std::vector<std::string> names;
  std::error_code code;
  for (fs::directory_iterator it(where, code), end; !code && it != end; it.increment(code)) {
    if (path::extension(it->path()) != ".o")
      continue;
    llvm::Expected<Artifact> artifact = readArtifact(it->path());
    if (!artifact) {
      llvm::consumeError(artifact.takeError());
      continue;
    }
    found.push_back(std::move(*artifact));
    names.push_back(path::filename(it->path()).str());
  }
  if (code)
    return failure("cannot read '" + where + "': " + code.message());
  llvm::sort(names);
  if (found.empty())
    return failure("no compiled program in '" + where + "'");
  if (found.size() > 1)
    return failure("'" + where + "' holds several programs, name one: " + llvm::join(names, ", "));
  return found.front();
}
