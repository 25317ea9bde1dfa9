// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// NAME.report.json as data: docs/report.md describes it field by field. What a
// reader can do without is optional, so that reports of earlier compilers of
// the same format can be read. Times are picoseconds, sizes bytes.

#ifndef TERCET_COMPILER_REPORT_REPORTFILE_H
#define TERCET_COMPILER_REPORT_REPORTFILE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tercet::report {

/// What this compiler writes and reads as "format".
inline constexpr int64_t kReportFormat = 1;
/// What tercet-run --profile writes as "format".
inline constexpr int64_t kProfileFormat = 1;

/// The value of a decision and what no other can go below.
struct Proof {
  uint64_t value = 0, lowerBound = 0;
  std::string method;
};

struct Alternative {
  std::string engine, reason, detail;
  uint64_t costPs = 0;
};

/// Rows [begin, end) of a group that is shared among engines.
struct Rows {
  int64_t begin = 0, end = 0;
};

struct Command {
  int64_t index = 0;
  std::string op, engine, variant;
  std::optional<int64_t> kernel;
  std::vector<std::string> nodes;
  uint64_t predictedPs = 0;
  std::optional<uint64_t> startPs, endPs;
  std::optional<Rows> rows;
  std::vector<Alternative> alternatives;
  /// The element type that it computes in, and of a quantised program more.
  std::string precision, precisionReason;
  std::optional<uint64_t> multiplyAdds;
  std::optional<double> snrDb;
  /// Its source nodes, or "copy" and the like where it has none.
  std::string getTitle() const;
};

struct Engine {
  std::string name, kind, cpu, absentReason;
  bool isPresent = true;
};

struct SeparateArena {
  std::string engine;
  uint64_t bytes = 0;
};

/// What is live when an arena is fullest, as indices of Report::allocations.
struct Peak {
  std::string entry;
  uint64_t bytes = 0;
  std::vector<int64_t> allocations;
};

struct Pool {
  std::string name, kind, memory, method;
  uint64_t bytes = 0;
  std::optional<uint64_t> lowerBound, greedyBySizeBytes;
  std::vector<SeparateArena> separateArenas;
  std::optional<Peak> peak;
};

struct Allocation {
  std::string pool, entry, role;
  std::vector<std::string> nodes;
  uint64_t offset = 0, bytes = 0;
  int64_t first = -1, last = -1;
};

struct Entry {
  std::string name;
  std::optional<Proof> partition, schedule;
  std::vector<Command> commands;
  /// The last end, or the sum of the predictions where there are no times.
  uint64_t getPredictedPs() const;
};

struct Kernel {
  std::string name, engine, variant;
};

struct Weights {
  std::string place, digest;
  uint64_t bytes = 0;
  int64_t count = 0;
};

struct Report {
  std::string name, model, machine;
  int64_t workers = 0;
  std::vector<Engine> engines;
  std::vector<Pool> pools;
  std::vector<Allocation> allocations;
  std::vector<Entry> entries;
  std::vector<Kernel> kernels;
  Weights weights;
  /// All of it, for what only passes it on.
  llvm::json::Value json = nullptr;

  /// Name of the kernel that a command runs; what it is if it runs none.
  llvm::StringRef getKernelName(const Command &command) const;
};

/// Reads the report of a folder with one artifact, or the file itself. Errors
/// are one line that begins with `where` or the file's name: none there, not
/// JSON, of another format, a member of another type than it should be.
llvm::Expected<Report> readReport(llvm::StringRef where);

/// The same for text; `name` is for errors.
llvm::Expected<Report> parseReport(llvm::StringRef text, llvm::StringRef name);

} // namespace tercet::report

#endif // TERCET_COMPILER_REPORT_REPORTFILE_H
