// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A compiled program inside this process: linked into a shared library, loaded,
// and run with an observer that copies what each command wrote. Only programs
// for the machine that one stands on can be loaded. One with engines that need
// drivers is run by tercet-run's runner in a process of its own, because what
// drivers load may have another LLVM in it (Mesa's lavapipe has).

#ifndef TERCET_COMPILER_TOOLS_COMPARE_LOADEDPROGRAM_H
#define TERCET_COMPILER_TOOLS_COMPARE_LOADEDPROGRAM_H

#include "compiler/emit/Artifact.h"
#include "runtime/include/tercet/runtime.h"

#include "llvm/ADT/SmallVector.h"

#include <memory>
#include <vector>

namespace tercet::compare {

/// An input or output as the program's table has it.
struct ProgramTensor {
  std::string name;
  llvm::SmallVector<int64_t> shape;
  uint64_t bytes = 0;
};

/// What one command wrote.
struct CommandResult {
  uint32_t command = 0;
  /// Source nodes, joined by " + "; empty if the table does not know them.
  std::string nodes;
  /// The bytes of each operand that was written.
  std::vector<std::vector<char>> outputs;
};

class LoadedProgram {
public:
  /// Links, loads and opens. The library's file is gone when this returns.
  static llvm::Expected<std::unique_ptr<LoadedProgram>>
  load(llvm::StringRef artifact, llvm::StringRef entry, const std::string &linker);
  ~LoadedProgram();

  std::string getEntryName() const;
  std::vector<ProgramTensor> getTensors(tercet_direction direction) const;

  /// Runs the entry once; inputs in order, each as long as its tensor. Results
  /// are those of all commands in order; `outputs` those of the entry.
  llvm::Expected<std::vector<CommandResult>> run(llvm::ArrayRef<llvm::ArrayRef<char>> inputs,
                                                 std::vector<std::vector<char>> &outputs);

private:
  LoadedProgram() = default;
  llvm::Error open(const tercet_program *program, const std::string &weights);
  llvm::Error bind(llvm::ArrayRef<llvm::ArrayRef<char>> inputs);
  void *allocate(uint64_t bytes, uint64_t alignment);
  llvm::Expected<std::vector<CommandResult>>
  runInProcess(llvm::ArrayRef<llvm::ArrayRef<char>> inputs,
               std::vector<std::vector<char>> &outputs);

  emit::Artifact artifact;
  std::string linker;
  /// Has commands for engines that are no CPUs.
  bool needsDrivers = false;
  void *library = nullptr;
  const void *weightsData = nullptr;
  uint64_t weightsBytes = 0;
  tercet_context *context = nullptr;
  uint32_t entry = 0;
  std::vector<void *> memory;
};

} // namespace tercet::compare

#endif // TERCET_COMPILER_TOOLS_COMPARE_LOADEDPROGRAM_H
