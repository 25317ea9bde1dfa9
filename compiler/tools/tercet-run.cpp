// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a compiled program: links it with the runtime and the runner of its
// triple, and starts the result, under qemu-user where it is not for the
// machine that one stands on. Everything about tensors is the runner's business
// (compiler/emit/runner); its options are passed on as they are.

#include "compiler/emit/Artifact.h"
#include "compiler/emit/Emulator.h"
#include "compiler/emit/Faults.h"
#include "compiler/emit/Linker.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Signals.h"

using namespace tercet::emit;
namespace fs = llvm::sys::fs;

static const char kUsage[] =
    "usage: tercet-run DIR|FILE.o [--entry NAME] --input NAME=FILE ... [--output NAME=FILE ...]\n"
    "                  [--scalar NAME=VALUE ...] [--repeat N] [--threads N] [--sequential]\n"
    "                  [--pin] [--profile FILE] [--linker PATH]\n"
    "\n"
    "Runs a program that tercet-compile wrote. Inputs and outputs are .npy files, or the plain\n"
    "bytes under any other ending; outputs that are not asked for are shown. --repeat measures,\n"
    "--profile writes the time of each command, with its source node, as JSON. The engines of a\n"
    "program run concurrently, with at most --threads workers each; --sequential runs commands\n"
    "one after the other; --pin ties workers to cores. Programs for AArch64 and RISC-V run "
    "through\n"
    "qemu-user.\n";

static llvm::Expected<int> execute(const std::vector<std::string> &command) {
  llvm::SmallVector<llvm::StringRef> arguments(command.begin(), command.end());
  std::string error;
  int status = llvm::sys::ExecuteAndWait(arguments[0], arguments, std::nullopt, {}, 0, 0, &error);
  if (status == -2)
    return failure("the program crashed" + (error.empty() ? "" : ": " + error));
  if (status < 0)
    return failure("cannot start the program: " + error);
  return status;
}

static llvm::Expected<int> run(llvm::StringRef where, const std::string &linker,
                               const std::vector<std::string> &options) {
  llvm::Expected<Artifact> artifact = findArtifact(where);
  if (!artifact)
    return artifact.takeError();
  llvm::Expected<std::vector<std::string>> command = findEmulator(artifact->triple);
  if (!command)
    return command.takeError();
  llvm::SmallString<128> program;
  if (std::error_code code = fs::createTemporaryFile("tercet-run", "", program))
    return failure("cannot make a temporary file: " + code.message());
  llvm::FileRemover remover(program);
  llvm::sys::RemoveFileOnSignal(program);
  if (llvm::Error error = link({artifact->triple, ArtifactKind::Executable, artifact->name,
                                artifact->object, program.str().str(), linker,
                                /*emulated=*/!command->empty()}))
    return error;
  command->push_back(program.str().str());
  if (!artifact->weights.empty())
    command->insert(command->end(), {"--weights", artifact->weights});
  command->insert(command->end(), options.begin(), options.end());
  return execute(*command);
}

int main(int argc, char **argv) {
  std::vector<std::string> options;
  std::string where, linker;
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i];
    if (argument == "--help" || argument == "-h") {
      llvm::outs() << kUsage;
      return 0;
    }
    // --name=value is taken as --name value. NAME=FILE belongs to the value.
    size_t equals = argument.find('=');
    if (llvm::StringRef(argument).starts_with("--")) {
      std::string name = argument.substr(0, equals), value;
      if (name == "--sequential" || name == "--pin") {
        options.push_back(name);
        continue;
      }
      if (equals != std::string::npos) {
        value = argument.substr(equals + 1);
      } else if (i + 1 < argc) {
        value = argv[++i];
      } else {
        llvm::errs() << "tercet-run: error: " << name << " needs a value\n";
        return 1;
      }
      if (name == "--linker")
        linker = value;
      else
        options.insert(options.end(), {name, value});
    } else if (where.empty()) {
      where = argument;
    } else {
      llvm::errs() << "tercet-run: error: one program at a time, got '" << where << "' and '"
                   << argument << "'\n";
      return 1;
    }
  }
  if (where.empty()) {
    llvm::errs() << kUsage;
    return 1;
  }
  llvm::Expected<int> status = run(where, linker, options);
  if (!status) {
    llvm::errs() << "tercet-run: error: " << llvm::toString(status.takeError()) << "\n";
    return 1;
  }
  return *status;
}
