// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The runtime is the tool's own; of the library only the program is used.

#include "compiler/tools/compare/LoadedProgram.h"

#include "compiler/emit/Faults.h"
#include "compiler/emit/Linker.h"
#include "compiler/emit/runner/engines.h"
#include "runtime/include/tercet/posix.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
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
  if (llvm::Error error = loaded->open(program, artifact->weights))
    return error;
  if (tercet_entry_find(loaded->context, entryName.str().c_str(), &loaded->entry))
    return failure("no entry point '" + entryName + "' in '" + where + "'");
  return loaded;
}

LoadedProgram::~LoadedProgram() {
  if (drivers)
    engines_stop(context);
  std::free(drivers);
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
  const char *detail;
  if (tercet_status status = engines_start(context, &drivers, &detail))
    return failure(std::string(tercet_status_string(status)) + ": " + detail);
  for (uint32_t pool = 0; pool < tercet_pool_count(context); ++pool) {
    tercet_pool_info info;
    tercet_pool_query(context, pool, &info);
    if (info.bound)
      continue;
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

llvm::Expected<std::vector<CommandResult>>
LoadedProgram::run(llvm::ArrayRef<llvm::ArrayRef<char>> inputs,
                   std::vector<std::vector<char>> &outputs) {
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
