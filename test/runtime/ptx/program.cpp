// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A module made ready: its global variables have memory, its entries are decoded.
#include "kernel.h"
#include "machine.h"

namespace tercet_test::ptx {

Program::Program(const std::string &text) : parsed(parse(text)) {
  for (const Variable &variable : parsed.variables)
    if (variable.space == "global" || variable.space == "const") {
      std::vector<unsigned char> &bytes = globals[variable.name];
      // Room to be aligned is not needed: the allocator gives 16 bytes.
      bytes = variable.data;
      bytes.resize(variable.bytes);
    }
  for (const Entry &entry : parsed.entries)
    kernels.push_back(std::make_unique<Kernel>(parsed, entry, globals));
}

Program::~Program() = default;

const Kernel *Program::find(const std::string &name) const {
  for (const std::unique_ptr<Kernel> &kernel : kernels)
    if (kernel->entry.name == name)
      return kernel.get();
  return nullptr;
}

bool Program::owns(uint64_t address, uint64_t bytes) const {
  for (const auto &[name, data] : globals) {
    uint64_t start = reinterpret_cast<uint64_t>(data.data());
    if (address >= start && address - start <= data.size() &&
        bytes <= data.size() - (address - start))
      return true;
  }
  return false;
}

const Entry &entryOf(const Kernel &kernel) { return kernel.entry; }
uint64_t sharedBytesOf(const Kernel &kernel) { return kernel.sharedBytes; }

} // namespace tercet_test::ptx
