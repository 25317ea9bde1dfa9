// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles a small program for a machine, runs it with tercet-run and reads
// what each of its commands took. All files lie in one temporary folder.

#ifndef TERCET_COMPILER_TOOLS_MEASURE_TIMING_H
#define TERCET_COMPILER_TOOLS_MEASURE_TIMING_H

#include "compiler/tools/measure/Workloads.h"
#include "dialects/soc/Soc.h"

#include "llvm/Support/Error.h"

namespace tercet::measure {

/// Sums over the commands of a program.
struct Sample {
  uint64_t nanoseconds = 0, predictedPs = 0, commands = 0;
  /// Of the whole run, with what commands wait for.
  uint64_t latencyNs = 0;
};

class Timing {
public:
  /// `tools` is the folder of tercet-run, `folder` an empty one for files.
  Timing(bool quick, std::string tools, std::string folder)
      : quick(quick), tools(std::move(tools)), folder(std::move(folder)) {}

  bool isQuick() const { return quick; }

  /// The least of some runs of the workload on the machine. With `engine` all of
  /// its work is pinned there, and only that engine's commands are counted.
  /// Errors: the compiler's or the program's, with the workload's name.
  llvm::Expected<Sample> time(const Workload &workload, soc::MachineAttr on,
                              llvm::StringRef engine = "") const;

private:
  llvm::Error write(llvm::StringRef path, llvm::StringRef bytes) const;
  llvm::Error compileFor(const Workload &workload, soc::MachineAttr on,
                         llvm::StringRef engine) const;
  llvm::Expected<Sample> readProfile(llvm::StringRef path, llvm::StringRef engine) const;

  bool quick;
  std::string tools, folder;
};

} // namespace tercet::measure

#endif // TERCET_COMPILER_TOOLS_MEASURE_TIMING_H
