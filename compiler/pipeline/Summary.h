// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The few lines that a compilation prints when it is done.

#ifndef TERCET_COMPILER_PIPELINE_SUMMARY_H
#define TERCET_COMPILER_PIPELINE_SUMMARY_H

#include "compiler/report/Quantities.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <string>
#include <vector>

namespace tercet {

/// Time and memory of one stage.
struct StageStatistics {
  std::string stage;
  double seconds = 0;
  /// Peak resident memory of the process so far, in bytes.
  uint64_t peakBytes = 0;
};

/// Peak resident memory of this process in bytes.
uint64_t peakResidentBytes();

/// About ten lines on a planned module: engines, those left out and why, what
/// each entry takes and how near that is to the bound, where its commands went
/// and why not elsewhere, and the memory of each pool.
void printSummary(mlir::ModuleOp planned, llvm::raw_ostream &os);

void printStatistics(const std::vector<StageStatistics> &stages, llvm::raw_ostream &os);

} // namespace tercet

#endif // TERCET_COMPILER_PIPELINE_SUMMARY_H
