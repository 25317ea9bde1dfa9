// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An engine as a machine file describes it, in the units of the attributes.
// The reader of such files has checked types, ranges and references already; a
// target checks what only it can know.

#ifndef TERCET_TARGETS_ENGINEDESCRIPTION_H
#define TERCET_TARGETS_ENGINEDESCRIPTION_H

#include "dialects/soc/Soc.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/Twine.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tercet {

/// A cluster of CPU cores; what is empty, 0 or absent was not given and follows
/// from the rest.
struct CpuDescription {
  /// The cores that the compiler runs on, or 1 / `hostParts` of them. Then all
  /// other fields are empty.
  bool isHost = false;
  uint32_t hostParts = 1;
  std::string triple, cpu, features;
  uint32_t cores = 0, vectorBits = 0;
  uint64_t megahertz = 0;
  std::optional<uint64_t> l1Bytes, l2Bytes, l3Bytes;
};

/// The figures of a roofline, as in #soc.performance.
struct PerformanceDescription {
  std::optional<uint64_t> launchPs, synchronisePs, bandwidthBytesPerSecond, cacheBytesPerSecond;
  std::map<std::string, uint64_t> operationsPerSecond, efficiencyPercent;
};

struct EngineDescription {
  std::string name, kind, target;
  /// At least one; the one that it works on first.
  std::vector<std::string> memories;
  std::optional<CpuDescription> cpu;
  /// What `cpu` stands for, made by the target that writes object files; null
  /// for that target itself and without `cpu`.
  soc::CpuAttr objectCpu;
  std::optional<PerformanceDescription> performance;
  /// Never null.
  mlir::DictionaryAttr properties;
};

/// Reports that a field, such as `cpu.features`, is wrong. An empty field
/// stands for the whole engine.
using Complain = llvm::function_ref<void(llvm::StringRef field, const llvm::Twine &text)>;

} // namespace tercet

#endif // TERCET_TARGETS_ENGINEDESCRIPTION_H
