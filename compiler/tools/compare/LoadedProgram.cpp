// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The runtime is the tool's own; of the library only the program is used.

#include "compiler/tools/compare/LoadedProgram.h"

#include "compiler/emit/Faults.h"
#include "compiler/emit/Linker.h"
#include "compiler/emit/runner/record.h"
#include "runtime/include/tercet/posix.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Signals.h"
#include "llvm/TargetParser/Host.h"

#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

using namespace tercet;
using namespace tercet::compare;
using emit::failure;

static llvm::Error statusError(tercet_status status, const tercet_error *error) {
  std::string text = tercet_status_string(status);
  if (error && error->text[0])
    text += std::string(": ") + error->text;
  return failure(text);
}

llvm::Expected<std::unique_ptr<LoadedProgram>>
LoadedProgram::load(llvm::StringRef where, llvm::StringRef entryName, const std::string &linker) {
  llvm::Expected<emit::Artifact> artifact = emit::findArtifact(where);
  if (!artifact)
    return artifact.takeError();
  llvm::Triple host(llvm::sys::getProcessTriple());
  if (artifact->triple.getArch() != host.getArch() || !host.isOSLinux())
    return failure("the program is for " + artifact->triple.str() + ", this machine is " +
                   host.str() +
                   "; a program is compared inside this process, so compile the model "
                   "for the host");
  llvm::SmallString<128> file;
  if (std::error_code code = llvm::sys::fs::createTemporaryFile("tercet-compare", "so", file))
    return failure("cannot make a temporary file: " + code.message());
  llvm::FileRemover remover(file);
  llvm::sys::RemoveFileOnSignal(file);
  if (llvm::Error error = emit::link({artifact->triple, emit::ArtifactKind::Shared, artifact->name,
                                      artifact->object, file.str().str(), linker}))
    return error;
  std::unique_ptr<LoadedProgram> loaded(new LoadedProgram());
  loaded->library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!loaded->library)
    return failure(std::string("cannot load the program: ") + dlerror());
  std::string symbol = "tercet_" + artifact->name;
  auto *program = static_cast<const tercet_program *>(dlsym(loaded->library, symbol.c_str()));
  if (!program)
    return failure("'" + artifact->object + "' does not define " + symbol);
  loaded->artifact = *artifact;
  loaded->linker = linker;
  loaded->needsDrivers = program->features_required & TERCET_BIT(TERCET_FEATURE_SUBMIT_BIT);
  if (llvm::Error error = loaded->open(program, artifact->weights))
    return error;
  if (tercet_entry_find(loaded->context, entryName.str().c_str(), &loaded->entry))
    return failure("no entry point '" + entryName + "' in '" + where + "'");
  return loaded;
}

LoadedProgram::~LoadedProgram() {
  tercet_context_close(context);
  for (void *block : memory)
    std::free(block);
  if (weightsData)
    tercet_weights_unmap(weightsData, weightsBytes);
  if (library)
    dlclose(library);
}

void *LoadedProgram::allocate(uint64_t bytes, uint64_t alignment) {
  void *block = nullptr;
  if (posix_memalign(&block, std::max<uint64_t>(alignment, 64), std::max<uint64_t>(bytes, 1)))
    return nullptr;
  // Not zeros, so that memory which is read before it is written shows.
  std::memset(block, 0xff, bytes);
  memory.push_back(block);
  return block;
}

llvm::Error LoadedProgram::open(const tercet_program *program, const std::string &weights) {
  tercet_error error = {};
  uint64_t bytes = 0;
  if (tercet_status status = tercet_context_bytes(program, &bytes, &error))
    return statusError(status, &error);
  tercet_options options = {};
  options.features = TERCET_BIT(TERCET_FEATURE_SUBMIT_BIT);
  if (!weights.empty()) {
    if (tercet_status status = tercet_weights_map(weights.c_str(), &weightsData, &weightsBytes))
      return statusError(status, nullptr);
    options.weights = weightsData;
    options.weights_bytes = weightsBytes;
  }
  void *block = allocate(bytes, TERCET_CONTEXT_ALIGN);
  if (!block)
    return failure("out of memory");
  if (tercet_status status = tercet_context_open(block, bytes, program, &options, &context, &error))
    return statusError(status, &error);
  if (needsDrivers)
    return llvm::Error::success();
  for (uint32_t pool = 0; pool < tercet_pool_count(context); ++pool) {
    tercet_pool_info info;
    tercet_pool_query(context, pool, &info);
    if (info.kind != TERCET_POOL_ARENA && info.kind != TERCET_POOL_STATE)
      continue;
    void *pages = allocate(info.bytes, info.alignment);
    if (!pages)
      return failure("out of memory");
    if (tercet_status status = tercet_pool_bind(context, pool, pages, info.bytes))
      return statusError(status, tercet_context_error(context));
  }
  if (tercet_status status = tercet_state_reset(context))
    return statusError(status, tercet_context_error(context));
  return llvm::Error::success();
}

std::string LoadedProgram::getEntryName() const {
  tercet_entry_info info;
  return tercet_entry_query(context, entry, &info) ? "" : info.name;
}

std::vector<ProgramTensor> LoadedProgram::getTensors(tercet_direction direction) const {
  std::vector<ProgramTensor> tensors;
  tercet_tensor_info info;
  for (uint32_t i = 0; !tercet_tensor_query(context, entry, direction, i, &info); ++i)
    tensors.push_back({info.name, {info.dims, info.dims + info.rank}, info.bytes});
  return tensors;
}

llvm::Error LoadedProgram::bind(llvm::ArrayRef<llvm::ArrayRef<char>> inputs) {
  tercet_tensor_info info;
  for (uint32_t i = 0; !tercet_tensor_query(context, entry, TERCET_INPUT, i, &info); ++i) {
    void *data = info.data;
    if (info.bindable) {
      if (!(data = allocate(info.bytes, info.alignment)))
        return failure("out of memory");
      if (tercet_status status = tercet_input_bind(context, entry, i, data, info.bytes))
        return statusError(status, tercet_context_error(context));
    }
    assert(inputs[i].size() == info.bytes && "inputs were checked");
    std::memcpy(data, inputs[i].data(), info.bytes);
  }
  for (uint32_t i = 0; !tercet_tensor_query(context, entry, TERCET_OUTPUT, i, &info); ++i) {
    if (!info.bindable || info.data)
      continue;
    void *data = allocate(info.bytes, info.alignment);
    if (!data)
      return failure("out of memory");
    if (tercet_status status = tercet_output_bind(context, entry, i, data, info.bytes))
      return statusError(status, tercet_context_error(context));
  }
  return llvm::Error::success();
}

/// The observer: copies what the command wrote.
static int capture(void *user, const tercet_context *context, const tercet_command_info *command) {
  auto &results = *static_cast<std::vector<CommandResult> *>(user);
  CommandResult &result = results.emplace_back();
  result.command = command->command;
  result.nodes = command->node;
  for (uint32_t i = 0; i < command->operand_count; ++i) {
    tercet_operand_info operand;
    if (tercet_operand_query(context, command->entry, command->command, i, &operand))
      return 1;
    auto *data = static_cast<const char *>(operand.data);
    if ((operand.access & TERCET_ACCESS_WRITE) && data)
      result.outputs.emplace_back(data, data + operand.bytes);
  }
  return 0;
}

namespace {
/// A folder that is there until the object goes.
class TemporaryFolder {
public:
  TemporaryFolder() { error = llvm::sys::fs::createUniqueDirectory("tercet-compare", path); }
  TemporaryFolder(const TemporaryFolder &) = delete;
  ~TemporaryFolder() {
    if (!error)
      llvm::sys::fs::remove_directories(path);
  }
  std::string file(const llvm::Twine &name) const { return (path + "/" + name).str(); }

  llvm::SmallString<128> path;
  std::error_code error;
};
} // namespace

static llvm::Error writeFile(const std::string &path, llvm::ArrayRef<char> bytes) {
  std::error_code code;
  llvm::raw_fd_ostream os(path, code);
  os << llvm::StringRef(bytes.data(), bytes.size());
  os.close();
  if (!code && !os.has_error())
    return llvm::Error::success();
  std::string text = code ? code.message() : os.error().message();
  os.clear_error();
  return failure("cannot write '" + path + "': " + text);
}

static llvm::Expected<std::vector<char>> readFile(const std::string &path) {
  auto buffer =
      llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return failure("cannot read '" + path + "': " + buffer.getError().message());
  return std::vector<char>((*buffer)->getBufferStart(), (*buffer)->getBufferEnd());
}

/// What the runner's --record has written.
static llvm::Expected<std::vector<CommandResult>> readRecord(const std::string &path) {
  llvm::Expected<std::vector<char>> file = readFile(path);
  if (!file)
    return file.takeError();
  llvm::StringRef rest(file->data(), file->size());
  auto take = [&](void *to, uint64_t bytes) {
    if (bytes > rest.size())
      return false;
    std::memcpy(to, rest.data(), bytes);
    rest = rest.drop_front(bytes);
    return true;
  };
  std::vector<CommandResult> results;
  while (!rest.empty()) {
    record_command head;
    if (!take(&head, sizeof head) || head.name_bytes > rest.size())
      return failure("'" + path + "' is cut off");
    CommandResult &result = results.emplace_back();
    result.command = head.command;
    result.nodes = rest.take_front(head.name_bytes).str();
    rest = rest.drop_front(head.name_bytes);
    for (uint32_t i = 0; i < head.operands; ++i) {
      uint64_t bytes;
      if (!take(&bytes, sizeof bytes) || bytes > rest.size())
        return failure("'" + path + "' is cut off");
      result.outputs.emplace_back(rest.begin(), rest.begin() + bytes);
      rest = rest.drop_front(bytes);
    }
  }
  return results;
}

llvm::Expected<std::vector<CommandResult>>
LoadedProgram::runInProcess(llvm::ArrayRef<llvm::ArrayRef<char>> inputs,
                            std::vector<std::vector<char>> &outputs) {
  TemporaryFolder folder;
  if (folder.error)
    return failure("cannot make a temporary folder: " + folder.error.message());
  std::vector<std::string> command = {
      folder.file("program"), "--sequential", "--entry",
      getEntryName(),         "--record",     folder.file("record")};
  if (llvm::Error error = emit::link({artifact.triple, emit::ArtifactKind::Executable,
                                      artifact.name, artifact.object, command[0], linker}))
    return error;
  if (!artifact.weights.empty())
    command.insert(command.end(), {"--weights", artifact.weights});
  for (auto [number, tensor] : llvm::enumerate(getTensors(TERCET_INPUT))) {
    std::string path = folder.file("input" + llvm::Twine(number));
    if (llvm::Error error = writeFile(path, inputs[number]))
      return error;
    command.insert(command.end(), {"--input", tensor.name + "=" + path});
  }
  std::vector<ProgramTensor> results = getTensors(TERCET_OUTPUT);
  for (auto [number, tensor] : llvm::enumerate(results))
    command.insert(command.end(),
                   {"--output", tensor.name + "=" + folder.file("output" + llvm::Twine(number))});
  llvm::SmallVector<llvm::StringRef> arguments(command.begin(), command.end());
  std::string problem;
  if (llvm::sys::ExecuteAndWait(arguments[0], arguments, std::nullopt, {}, 0, 0, &problem))
    return failure("the program did not run to its end" + (problem.empty() ? "" : ": " + problem));
  outputs.clear();
  for (size_t number = 0; number < results.size(); ++number) {
    llvm::Expected<std::vector<char>> bytes = readFile(folder.file("output" + llvm::Twine(number)));
    if (!bytes)
      return bytes.takeError();
    outputs.push_back(std::move(*bytes));
  }
  return readRecord(command[5]);
}

llvm::Expected<std::vector<CommandResult>>
LoadedProgram::run(llvm::ArrayRef<llvm::ArrayRef<char>> inputs,
                   std::vector<std::vector<char>> &outputs) {
  if (needsDrivers)
    return runInProcess(inputs, outputs);
  if (llvm::Error error = bind(inputs))
    return error;
  std::vector<CommandResult> results;
  tercet_status status = tercet_observer_set(context, capture, &results);
  if (!status)
    status = tercet_entry_run(context, entry);
  if (status)
    return statusError(status, tercet_context_error(context));
  outputs.clear();
  tercet_tensor_info info;
  for (uint32_t i = 0; !tercet_tensor_query(context, entry, TERCET_OUTPUT, i, &info); ++i) {
    auto *data = static_cast<const char *>(info.data);
    outputs.emplace_back(data, data + info.bytes);
  }
  return results;
}
