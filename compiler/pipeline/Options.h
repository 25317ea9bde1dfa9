// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything that a compilation depends on, as data. Only tools read command
// lines.

#ifndef TERCET_COMPILER_PIPELINE_OPTIONS_H
#define TERCET_COMPILER_PIPELINE_OPTIONS_H

#include "compiler/emit/Emit.h"
#include "compiler/import/Import.h"
#include "compiler/pipeline/Stage.h"
#include "compiler/quantize/AssignPrecisions.h"

#include "passes/partition/Passes.h"

#include <optional>
#include <string>
#include <vector>

namespace tercet {

/// A pool and how many bytes it may have.
struct MemoryBudget {
  std::string pool;
  uint64_t bytes = 0;
};

struct CompileOptions {
  std::string model;
  /// Where the artifact goes; created where it does not exist.
  std::string outputDirectory;
  /// Name of the program; empty: made from the model's file name.
  std::string name;
  ImportOptions import;

  /// A machine by name, or a triple and a CPU; both empty: the host.
  std::string soc, target, cpu;
  /// Workers that the arena has scratch for; 0: the machine's cores.
  unsigned workers = 0;
  std::vector<MemoryBudget> budgets;
  partition::PartitionRequirements requirements;
  quantize::QuantizeOptions quantization;

  emit::ArtifactKind kind = emit::ArtifactKind::Object;
  std::optional<emit::WeightsPlace> weights;
  std::string linker;
  /// Where to write the files that the artifact was made from, for make; empty: nowhere.
  std::string depfile;

  /// Stop after this stage and print the module; start behind that one, with
  /// the model being text.
  std::optional<Stage> stopAfter, startFrom;
  /// Not 0: nothing is written but what the model takes for each context length,
  /// and the longest context whose pools are no more than so many bytes together.
  uint64_t contextBudget = 0;
  bool checkOnly = false;
  bool stats = false, quiet = false, verbose = false;
};

} // namespace tercet

#endif // TERCET_COMPILER_PIPELINE_OPTIONS_H
