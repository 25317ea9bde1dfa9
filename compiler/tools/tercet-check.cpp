// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Proves from the table of a compiled program that its plan is right
// (compiler/check, docs/checker.md). Runs nothing of the program, so it serves
// programs for any machine. Exit status: 0 proven, 1 not.

#include "compiler/check/Check.h"
#include "compiler/check/ObjectTable.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/BinaryFormat/Magic.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace tercet::check;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

static const char kUsage[] =
    "usage: tercet-check DIR|FILE [--quiet]\n"
    "\n"
    "Proves that the plan of a compiled program is right, from nothing but the command table in\n"
    "it. FILE is what tercet-compile wrote (object, shared library or executable, for any\n"
    "machine), DIR a folder with one, of which all forms are checked. For every entry point,\n"
    "however its engines' queues overlap:\n"
    "  - no deadlock: every wait is for a token that an earlier command signals;\n"
    "  - no race: two commands that touch the same byte, one of them writing, are ordered by a\n"
    "    queue or by tokens;\n"
    "  - every byte that is read was written before, through the same buffer, and was overwritten\n"
    "    by no other buffer or scratch since: no two buffers that are live together overlap;\n"
    "  - outputs are written whole; inputs and weights are not written;\n"
    "  - alignment, capacity, scratch for all workers, and which engine can address what.\n"
    "What a table cannot show, such as whether a kernel keeps to its operands, is not proven.\n"
    "\n"
    "  --quiet  print errors only\n"
    "  --help   print this\n"
    "\n"
    "Examples:\n"
    "  tercet-compile model.onnx -o out/ && tercet-check out/\n"
    "  tercet-check out/libmodel.so\n"
    "\n"
    "Exit status: 0 proven, 1 an error in the program or in what was given.\n";

static int fail(const llvm::Twine &text) {
  llvm::errs() << "tercet-check: error: " << text << "\n";
  return 1;
}

namespace {
struct File {
  std::string name;
  std::unique_ptr<llvm::MemoryBuffer> buffer;
  std::vector<TableOfProgram> tables;
};
} // namespace

static llvm::Expected<File> readFile(const std::string &name) {
  auto buffer = llvm::MemoryBuffer::getFile(name, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return llvm::createStringError(buffer.getError(), "%s: %s", name.c_str(),
                                   buffer.getError().message().c_str());
  auto tables = findTables(**buffer);
  if (!tables)
    return llvm::createStringError(llvm::inconvertibleErrorCode(), "%s: %s", name.c_str(),
                                   llvm::toString(tables.takeError()).c_str());
  return File{name, std::move(*buffer), std::move(*tables)};
}

/// The files of the folder that hold its one program: --emit shared and exe
/// leave the object beside what they made of it.
static llvm::Expected<std::vector<File>> findFiles(const std::string &folder) {
  auto failure = [&](const llvm::Twine &text) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(), folder + ": " + text);
  };
  std::vector<std::string> names;
  std::error_code code;
  for (fs::directory_iterator it(folder, code), end; !code && it != end; it.increment(code))
    if (fs::is_regular_file(it->path()))
      names.push_back(it->path());
  if (code)
    return failure(code.message());
  llvm::sort(names);
  std::vector<File> found;
  for (const std::string &name : names) {
    // A folder holds other files too; weights can be large.
    llvm::file_magic magic;
    if (llvm::identify_magic(name, magic) || !magic.is_object())
      continue;
    llvm::Expected<File> file = readFile(name);
    if (!file)
      return file.takeError();
    if (!file->tables.empty())
      found.push_back(std::move(*file));
  }
  if (found.empty())
    return failure("no compiled program in this folder; expected NAME.o as tercet-compile writes "
                   "it");
  for (const File &file : found)
    if (path::stem(file.name) != path::stem(found[0].name))
      return failure("several compiled programs, name one: " + path::filename(found[0].name) +
                     ", " + path::filename(file.name));
  return std::move(found);
}

static void print(const std::string &name, const CheckStatistics &statistics) {
  for (const EntryStatistics &entry : statistics.entries)
    llvm::outs() << "tercet-check: " << name << ": proved: entry '" << entry.name
                 << "': " << entry.commands << " commands on " << entry.queues
                 << (entry.queues == 1 ? " queue, " : " queues, ") << entry.tokens << " tokens, "
                 << entry.waits << " waits, " << entry.buffers << " buffers, " << entry.orderedPairs
                 << " conflicts ordered, " << entry.bytesRead << " bytes read, "
                 << entry.bytesWritten << " bytes written\n";
}

static int check(const File &file, bool isQuiet) {
  if (file.tables.empty())
    return fail(file.name + ": holds no compiled program (no section .tercet.table)");
  int status = 0;
  for (const TableOfProgram &table : file.tables) {
    CheckStatistics statistics;
    llvm::Error error = checkTable(table.bytes, &statistics);
    bool isProven = !error;
    llvm::handleAllErrors(std::move(error), [&](const llvm::ErrorInfoBase &problem) {
      status = fail(file.name + ": " + problem.message());
    });
    if (isProven && !isQuiet)
      print(table.name.empty() ? path::stem(file.name).str() : table.name, statistics);
  }
  return status;
}

int main(int argc, char **argv) {
  std::string where;
  bool isQuiet = false;
  for (int i = 1; i < argc; ++i) {
    llvm::StringRef argument = argv[i];
    if (argument == "--help" || argument == "-h") {
      llvm::outs() << kUsage;
      return 0;
    }
    if (argument == "--quiet")
      isQuiet = true;
    else if (argument.starts_with("-"))
      return fail("unknown flag '" + argument + "'; try --help");
    else if (where.empty())
      where = argument.str();
    else
      return fail("one program at a time, got '" + where + "' and '" + argument + "'");
  }
  if (where.empty()) {
    llvm::errs() << kUsage;
    return 1;
  }
  std::vector<File> files;
  if (fs::is_directory(where)) {
    auto found = findFiles(where);
    if (!found)
      return fail(llvm::toString(found.takeError()));
    files = std::move(*found);
  } else {
    auto file = readFile(where);
    if (!file)
      return fail(llvm::toString(file.takeError()));
    files.push_back(std::move(*file));
  }
  int status = 0;
  for (const File &file : files)
    status |= check(file, isQuiet || &file != &files.front());
  return status;
}
