// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Times that tercet-run --profile measured, matched with the commands of a
// report, and the error of the cost model by kernel class.

#ifndef TERCET_COMPILER_REPORT_PROFILE_H
#define TERCET_COMPILER_REPORT_PROFILE_H

#include "compiler/report/ReportFile.h"

#include "llvm/Support/raw_ostream.h"

namespace tercet::report {

/// One command: nanoseconds since the start of the run that is shown, and the
/// median of all runs.
struct Sample {
  std::string op, engine, kernel, node;
  int64_t index = 0;
  uint64_t startNs = 0, endNs = 0, ns = 0;
  /// What the engine counted in the last run; 0: nothing.
  uint64_t packets = 0, vectorInstructions = 0;
};

struct Profile {
  std::string entry;
  int64_t runs = 0;
  uint64_t latencyNs = 0;
  std::vector<Sample> samples;
  llvm::json::Value json = nullptr;
};

/// Reads a profile and checks that it is of a program with this report: the
/// same entry, and the same kernel, engine and node for every command.
llvm::Expected<Profile> readProfile(llvm::StringRef file, const Report &report);
llvm::Expected<Profile> parseProfile(llvm::StringRef text, llvm::StringRef name,
                                     const Report &report);

/// Commands of one kernel class on one engine.
struct ClassError {
  std::string kernelClass, variant, engine;
  int64_t commands = 0;
  uint64_t predictedPs = 0, measuredPs = 0;
  /// Index in its entry of the command that is furthest off, and its times.
  int64_t worst = -1;
  uint64_t worstPredictedPs = 0, worstMeasuredPs = 0;
};

/// Dispatches by class, the largest measured sum first.
std::vector<ClassError> getClassErrors(const Report &report, const Profile &profile);

/// The classes as a table.
void printClassErrors(const Report &report, const Profile &profile, llvm::raw_ostream &os);

} // namespace tercet::report

#endif // TERCET_COMPILER_REPORT_PROFILE_H
