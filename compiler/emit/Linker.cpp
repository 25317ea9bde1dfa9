// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A shared library is linked by ld.lld alone: what it needs of the C library
// comes from the process that loads it. An executable needs the C library's
// start files, and only a compiler driver knows where those are.

#include "compiler/emit/Linker.h"

#include "compiler/emit/EngineLibraries.h"
#include "compiler/emit/Faults.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

using namespace tercet;
using namespace tercet::emit;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

std::string emit::getRuntimeFolderName(const llvm::Triple &triple) {
  // By kind, not by spelling: arm64-linux-gnu is aarch64-unknown-linux-gnu.
  std::string name = (llvm::Triple::getArchTypeName(triple.getArch()) + "-" +
                      llvm::Triple::getOSTypeName(triple.getOS()))
                         .str();
  if (triple.getEnvironment() != llvm::Triple::UnknownEnvironment)
    name += ("-" + llvm::Triple::getEnvironmentTypeName(triple.getEnvironment())).str();
  return name;
}

/// The folder that holds bin/ and lib/.
static std::string findPrefix() {
  static int anchor;
  std::string self = fs::getMainExecutable("tercet", &anchor);
  return path::parent_path(path::parent_path(self)).str();
}

llvm::Expected<std::string> emit::findRuntimeFolder(const llvm::Triple &triple) {
  llvm::SmallString<256> folder(findPrefix());
  path::append(folder, "lib", "tercet", getRuntimeFolderName(triple));
  if (!fs::is_directory(folder))
    return failure("this Tercet has no runtime for " + triple.str() + " ('" + folder +
                   "' does not exist); where the compiler was built, install the cross C library "
                   "(libc6-dev-arm64-cross, libc6-dev-riscv64-cross) and build again");
  return folder.str().str();
}

/// The first of the names that is beside the tool that runs, in LLVM's folder,
/// or in the search path; empty if none is.
static std::string findTool(llvm::ArrayRef<llvm::StringRef> names) {
  std::string own = findPrefix() + "/bin";
  for (llvm::StringRef name : names)
    if (auto found = llvm::sys::findProgramByName(name, {own, TERCET_LLVM_TOOLS_DIR}))
      return *found;
  for (llvm::StringRef name : names)
    if (auto found = llvm::sys::findProgramByName(name))
      return *found;
  return "";
}

static bool isDriver(llvm::StringRef linker) {
  llvm::StringRef file = path::filename(linker);
  return file.contains("clang") || file.contains("gcc") || file.ends_with("cc");
}

static llvm::Error runLinker(llvm::ArrayRef<std::string> command) {
  llvm::SmallVector<llvm::StringRef> arguments(command.begin(), command.end());
  llvm::SmallString<128> log;
  if (std::error_code code = fs::createTemporaryFile("tercet-link", "log", log))
    return failure("cannot make a temporary file: " + code.message());
  std::optional<llvm::StringRef> redirects[] = {llvm::StringRef(), log.str(), log.str()};
  std::string error;
  int status =
      llvm::sys::ExecuteAndWait(arguments[0], arguments, std::nullopt, redirects, 0, 0, &error);
  auto output = llvm::MemoryBuffer::getFile(log);
  fs::remove(log);
  if (status == 0)
    return llvm::Error::success();
  if (error.empty() && output)
    error = (*output)->getBuffer().trim().split('\n').first.str();
  return failure("linking with '" + command[0] + "' failed: " + error);
}

static llvm::Error linkShared(const LinkJob &job, const std::string &runtime) {
  std::string linker = job.linker.empty() ? findTool({"ld.lld", "ld.lld-22"}) : job.linker;
  if (linker.empty())
    return failure("no linker found: install the package lld-22, or name one with --linker");
  std::vector<std::string> command = {linker};
  std::string pass;
  if (isDriver(linker)) {
    if (path::filename(linker).contains("clang"))
      command.push_back("--target=" + job.triple.str());
    command.push_back("-nostdlib");
    pass = "-Wl,";
  }
  command.insert(command.end(),
                 {"-shared", pass + "--gc-sections", pass + "--build-id=none",
                  pass + "-soname=" + job.name + ".so", job.program, pass + "--whole-archive",
                  runtime + "/libtercet_runtime.a", pass + "--no-whole-archive", "-o", job.output});
  return runLinker(command);
}

static llvm::Error linkExecutable(const LinkJob &job, const std::string &runtime) {
  std::vector<std::string> command;
  if (isDriver(job.linker)) {
    command = {job.linker};
  } else {
    std::string driver = findTool({"clang", "clang-22"});
    if (driver.empty())
      return failure("no compiler driver found to link an executable with: install the packages "
                     "clang-22 and lld-22, or name one with --linker");
    std::string lld = job.linker.empty() ? findTool({"ld.lld", "ld.lld-22"}) : job.linker;
    if (lld.empty())
      return failure("no linker found: install the package lld-22, or name one with --linker");
    command = {driver, "--target=" + job.triple.str(), "--ld-path=" + lld};
  }
  // Static: it runs on any machine of that kind, and under qemu-user without a
  // system root; but what drivers load is there for dynamic ones only. The runner
  // knows the program by one name, whatever its own is.
  llvm::Expected<std::vector<tercet_image_format>> formats =
      readImageFormats(job.program, job.name);
  if (!formats)
    return formats.takeError();
  bool loads = false;
  for (tercet_image_format format : *formats) {
    llvm::StringRef symbol = getDriverSymbol(format);
    if (symbol.empty())
      continue;
    loads = true;
    command.insert(command.end(), {"-u", symbol.str()});
  }
  if (!loads || job.emulated)
    command.push_back("-static");
  command.insert(command.end(), {"-Wl,--gc-sections", "-Wl,--build-id=none",
                                 "-Wl,--defsym=tercet_runner_program=tercet_" + job.name,
                                 job.program, runtime + "/libtercet_runner.a",
                                 runtime + "/libtercet_runtime.a", "-lpthread", "-o", job.output});
  return runLinker(command);
}

namespace {
/// A file that is there until the object goes.
class TemporaryFile {
public:
  explicit TemporaryFile(llvm::StringRef suffix) {
    error = fs::createTemporaryFile("tercet-image", suffix, path);
  }
  TemporaryFile(const TemporaryFile &) = delete;
  ~TemporaryFile() {
    if (!error)
      fs::remove(path);
  }
  llvm::SmallString<128> path;
  std::error_code error;
};
} // namespace

llvm::Expected<std::string> emit::linkImage(const ImageLink &job, llvm::StringRef linker) {
  // A driver such as gcc knows nothing of engines' code; ld.lld links for all.
  std::string tool =
      !linker.empty() && !isDriver(linker) ? linker.str() : findTool({"ld.lld", "ld.lld-22"});
  if (tool.empty())
    return failure("no linker found for its image: install the package lld-22, or name one with "
                   "--linker");
  llvm::SmallString<256> runtime(findPrefix());
  path::append(runtime, "lib", "tercet", job.runtime);
  if (!fs::exists(runtime))
    return failure("this Tercet has no runtime for it ('" + runtime +
                   "' does not exist); where the compiler was built, install the package clang-22 "
                   "and build again");
  TemporaryFile object("o"), image("elf");
  for (const TemporaryFile *file : {&object, &image})
    if (file->error)
      return failure("cannot make a temporary file: " + file->error.message());
  {
    std::error_code code;
    llvm::raw_fd_ostream os(object.path, code);
    os << job.object;
    os.close();
    if (code || os.has_error()) {
      std::string text = code ? code.message() : os.error().message();
      os.clear_error();
      return failure("cannot write '" + object.path + "': " + text);
    }
  }
  std::vector<std::string> command = {tool};
  command.insert(command.end(), job.arguments.begin(), job.arguments.end());
  command.insert(command.end(), {object.path.str().str(), "--whole-archive", runtime.str().str(),
                                 "--no-whole-archive", "-o", image.path.str().str()});
  if (llvm::Error error = runLinker(command))
    return error;
  auto bytes = llvm::MemoryBuffer::getFile(image.path, /*IsText=*/false,
                                           /*RequiresNullTerminator=*/false);
  if (!bytes)
    return failure("cannot read the linked image back: " + bytes.getError().message());
  return (*bytes)->getBuffer().str();
}

llvm::Error emit::link(const LinkJob &job) {
  llvm::Expected<std::string> runtime = findRuntimeFolder(job.triple);
  if (!runtime)
    return runtime.takeError();
  return job.kind == ArtifactKind::Shared ? linkShared(job, *runtime)
                                          : linkExecutable(job, *runtime);
}

llvm::Error emit::linkArtifact(const Program &program, const EmitOptions &options,
                               OutputFiles &files) {
  if (options.kind == ArtifactKind::Object)
    return llvm::Error::success();
  bool shared = options.kind == ArtifactKind::Shared;
  llvm::Expected<std::string> output =
      files.add(shared ? options.name + ".so" : options.name, /*executable=*/true);
  if (!output)
    return output.takeError();
  soc::CpuAttr cpu = program.cpu;
  return link({llvm::Triple(llvm::Triple::normalize(cpu.getTriple().getValue())), options.kind,
               options.name, files.getTemporaryPath(options.name + ".o").str(), *output,
               options.linker});
}
