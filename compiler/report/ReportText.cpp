// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One function for each section. Lists are cut, and say how much is not shown:
// the page and the JSON file have all.

#include "compiler/report/ReportText.h"

#include "compiler/report/PrecisionTotals.h"
#include "compiler/report/Quantities.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"

#include <map>

using namespace tercet;
using namespace tercet::report;

static constexpr size_t kShownAtPeak = 8, kShownCommands = 10, kShownPlacements = 6;

static void printEngines(const Report &report, llvm::raw_ostream &os) {
  os << "engines\n";
  uint64_t total = 0;
  for (const Entry &entry : report.entries)
    total += entry.getPredictedPs();
  for (const Engine &engine : report.engines) {
    uint64_t busy = 0, commands = 0;
    for (const Entry &entry : report.entries)
      for (const Command &command : entry.commands)
        if (command.engine == engine.name) {
          ++commands;
          busy += command.startPs && command.endPs ? *command.endPs - *command.startPs
                                                   : command.predictedPs;
        }
    os << "  " << llvm::left_justify(engine.name, 10) << ' ' << engine.kind;
    if (!engine.cpu.empty())
      os << ' ' << engine.cpu;
    if (!engine.isPresent)
      os << ": left out, " << engine.absentReason;
    else if (commands == 0)
      os << ": no commands";
    else
      os << ": " << formatCount(commands, "command") << ", busy " << formatPs(busy) << " ("
         << formatPercent(busy, total) << ")";
    os << "\n";
  }
}

static void printPlacement(const Report &report, llvm::raw_ostream &os) {
  // For each engine and reason: groups, by the nodes of their commands, since
  // each part of a share repeats the alternatives of its group.
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> groups;
  for (const Entry &entry : report.entries)
    for (const Command &command : entry.commands)
      for (const Alternative &alternative : command.alternatives) {
        std::vector<std::string> &titles = groups[{alternative.engine, alternative.reason}];
        std::string title = command.getTitle();
        if (titles.empty() || titles.back() != title || alternative.reason != "share")
          titles.push_back(title);
      }
  if (groups.empty())
    return;
  os << "\nplacement\n";
  for (const Engine &engine : report.engines) {
    for (auto &[key, titles] : groups) {
      if (key.first != engine.name)
        continue;
      os << "  " << llvm::left_justify(engine.name, 10) << ' ' << llvm::left_justify(key.second, 12)
         << ' ' << titles.size();
      // What ran somewhere is in the table of commands; what could not is news.
      if (key.second == "unsupported" || key.second == "limit" || key.second == "pinned") {
        size_t shown = std::min(titles.size(), kShownPlacements);
        os << ": " << llvm::join(llvm::ArrayRef(titles).take_front(shown), ", ");
        if (titles.size() > shown)
          os << ", and " << titles.size() - shown << " more";
      }
      os << "\n";
    }
  }
}

static void printSchedule(const Report &report, llvm::raw_ostream &os) {
  os << "\nschedule\n";
  for (const Entry &entry : report.entries) {
    os << "  entry '" << entry.name << "': " << formatCount(entry.commands.size(), "command")
       << ", predicted " << formatPs(entry.getPredictedPs()) << "\n";
    if (entry.partition)
      os << "    partition " << formatPs(entry.partition->value)
         << formatBound(entry.partition->value, entry.partition->lowerBound) << " ("
         << entry.partition->method << ")\n";
    if (entry.schedule)
      os << "    makespan  " << formatPs(entry.schedule->value)
         << formatBound(entry.schedule->value, entry.schedule->lowerBound) << " ("
         << entry.schedule->method << ")\n";
  }
}

static std::string getTitle(const Allocation &allocation) {
  std::string nodes =
      allocation.nodes.empty() ? "(no source node)" : llvm::join(allocation.nodes, " + ");
  return allocation.role == "scratch" ? "scratch of " + nodes : nodes;
}

static void printMemory(const Report &report, llvm::raw_ostream &os) {
  os << "\nmemory\n";
  for (const Pool &pool : report.pools) {
    os << "  " << pool.name;
    if (!pool.memory.empty())
      os << " in " << pool.memory;
    os << ": " << formatBytes(pool.bytes);
    if (pool.lowerBound && pool.bytes)
      os << formatBound(pool.bytes, *pool.lowerBound) << " (" << pool.method << ")";
    os << "\n";
    if (pool.greedyBySizeBytes) {
      os << "    greedy by size, as TFLite plans: " << formatBytes(*pool.greedyBySizeBytes);
      if (*pool.greedyBySizeBytes > pool.bytes)
        os << ", this is "
           << formatPercent(*pool.greedyBySizeBytes - pool.bytes, *pool.greedyBySizeBytes)
           << " less";
      os << "\n";
    }
    if (!pool.separateArenas.empty()) {
      uint64_t sum = 0;
      std::string parts;
      for (const SeparateArena &arena : pool.separateArenas) {
        sum += arena.bytes;
        parts += (parts.empty() ? "" : " + ") + arena.engine + " " + formatBytes(arena.bytes);
      }
      os << "    an arena for each engine: " << formatBytes(sum) << " (" << parts << ")\n";
    }
    if (!pool.peak)
      continue;
    os << "    live at the peak, " << formatBytes(pool.peak->bytes) << " in entry '"
       << pool.peak->entry << "':\n";
    llvm::ArrayRef<int64_t> live = pool.peak->allocations;
    for (int64_t index : live.take_front(kShownAtPeak)) {
      const Allocation &allocation = report.allocations[index];
      os << llvm::right_justify(formatBytes(allocation.bytes), 14) << "  " << getTitle(allocation)
         << "\n";
    }
    if (live.size() > kShownAtPeak)
      os << "                and " << live.size() - kShownAtPeak << " more\n";
  }
  os << "  " << formatCount(report.weights.count, "weight") << ", "
     << formatBytes(report.weights.bytes);
  if (report.weights.bytes)
    os << ", "
       << (report.weights.place == "file" ? "in " + report.name + ".weights"
                                          : "in " + report.name + ".o");
  os << "\n";
}

static void printSlowest(const Report &report, llvm::raw_ostream &os) {
  std::vector<const Command *> commands;
  uint64_t sum = 0;
  for (const Entry &entry : report.entries)
    for (const Command &command : entry.commands) {
      commands.push_back(&command);
      sum += command.predictedPs;
    }
  if (commands.empty())
    return;
  llvm::stable_sort(
      commands, [](const Command *a, const Command *b) { return a->predictedPs > b->predictedPs; });
  os << "\nslowest commands\n";
  for (const Command *command : llvm::ArrayRef(commands).take_front(kShownCommands)) {
    os << llvm::right_justify(formatPs(command->predictedPs), 12) << ' '
       << llvm::right_justify(formatPercent(command->predictedPs, sum), 7) << "  "
       << llvm::left_justify(command->engine, 6) << ' '
       << llvm::left_justify(getKernelClass(report.getKernelName(*command)), 16) << ' '
       << command->getTitle();
    if (command->rows)
      os << ", rows " << command->rows->begin << " to " << command->rows->end;
    os << "\n";
  }
}

void tercet::report::printReport(const Report &report, llvm::raw_ostream &os) {
  os << report.name << ": " << report.model << " for machine '" << report.machine << "', "
     << formatCount(report.workers, "worker") << "\n\n";
  printEngines(report, os);
  printPlacement(report, os);
  printPrecisions(report, os);
  printSchedule(report, os);
  printMemory(report, os);
  printSlowest(report, os);
}
