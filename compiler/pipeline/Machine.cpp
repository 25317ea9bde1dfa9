// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A machine is a file: one that is built in, one of the user's, or, for a
// triple and a CPU, the description of a machine with that CPU alone.

#include "compiler/pipeline/Machine.h"

#include "compiler/machine/MachineReader.h"
#include "compiler/machine/SocFiles.h"
#include "targets/Targets.h"

#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace tercet;

static llvm::Error error(const llvm::Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

/// Whether --soc means a file and not a name.
static bool isPath(StringRef soc) {
  StringRef extension = llvm::sys::path::extension(soc);
  return extension == ".yaml" || extension == ".yml" || soc.contains('/');
}

static llvm::Expected<soc::MachineAttr> readFile(MLIRContext *context, StringRef path,
                                                 unsigned workers) {
  llvm::sys::fs::file_status status;
  if (std::error_code code = llvm::sys::fs::status(path, status))
    return error(path + ": " + code.message());
  if (!llvm::sys::fs::is_regular_file(status))
    return error(path + ": is no file; expected a machine file, see docs/machines.md");
  // What is too large is not even read; the reader says what is too large.
  constexpr uint64_t most = 2 << 20;
  auto buffer = llvm::MemoryBuffer::getFileSlice(path, std::min(status.getSize(), most), 0);
  if (!buffer)
    return error(path + ": " + buffer.getError().message());
  return readMachine(context, (*buffer)->getBuffer(), path, workers);
}

/// A machine with one CPU, whatever the compiler runs on.
static llvm::Expected<soc::MachineAttr> describeCpuMachine(MLIRContext *context,
                                                           const CompileOptions &options) {
  const Target *target = lookupObjectTarget();
  if (!target)
    return error("this build of Tercet has no target that knows CPUs: it was configured without "
                 "targets/cpu");
  // A CPU alone is one of the kind that the compiler runs on.
  std::string triple = options.target;
  if (triple.empty())
    triple = (llvm::Triple(llvm::sys::getProcessTriple()).getArchName() + "-linux-gnu").str();
  Builder b(context);
  EngineDescription engine;
  engine.name = engine.kind = "cpu";
  engine.target = target->getName().str();
  engine.memories = {"dram"};
  engine.cpu.emplace();
  engine.cpu->triple = triple;
  engine.cpu->cpu = options.cpu;
  engine.properties = b.getDictionaryAttr({});
  std::string complaint;
  auto attr = dyn_cast_or_null<soc::EngineAttrInterface>(target->buildEngine(
      context, engine, [&](StringRef, const Twine &text) { complaint = text.str(); }));
  if (!attr)
    return error(complaint);
  auto memory = soc::MemoryAttr::get(context, b.getStringAttr(attr.getEngineMemory()),
                                     /*bytes=*/0, /*alignment=*/64,
                                     /*bandwidthBytesPerSecond=*/0);
  StringRef name = attr.getObjectCpu().getTriple().getValue();
  return soc::MachineAttr::get(context, b.getStringAttr(name),
                               options.workers ? options.workers : attr.getEngineCores(),
                               b.getArrayAttr({attr}), b.getArrayAttr({memory}), /*links=*/{});
}

llvm::Expected<soc::MachineAttr> tercet::buildMachine(MLIRContext *context,
                                                      const CompileOptions &options) {
  if (!options.soc.empty() && (!options.target.empty() || !options.cpu.empty()))
    return error("--soc and --target or --cpu were given; a machine file names its CPUs itself, "
                 "so give one or the other");
  bool host = options.target.empty() && (options.cpu.empty() || options.cpu == "host");
  if (options.soc.empty() && !host)
    return describeCpuMachine(context, options);
  if (isPath(options.soc))
    return readFile(context, options.soc, options.workers);
  StringRef name = options.soc.empty() ? StringRef("host") : StringRef(options.soc);
  const SocFile *file = lookupSocFile(name);
  if (!file)
    return error("no machine '" + name + "'; known: " + listSocFiles() +
                 "; or give a machine file NAME.yaml, or --target TRIPLE --cpu CPU");
  return readMachine(context, file->text, (name + ".yaml").str(), options.workers);
}

void tercet::printMachineNames(llvm::raw_ostream &os) {
  for (const SocFile &file : allSocFiles()) {
    os << file.name;
    os.indent(file.name.size() < 20 ? 20 - file.name.size() : 1)
        << readMachineDescription(file.text) << "\n";
  }
}
