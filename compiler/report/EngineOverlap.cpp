// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A sweep over starts and ends. An engine whose commands overlap each other is
// one engine at work.

#include "compiler/report/EngineOverlap.h"

#include "compiler/report/Quantities.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <algorithm>

using namespace tercet;
using namespace tercet::report;

namespace {

struct Interval {
  size_t engine;
  uint64_t from, to;
};

EngineOverlap sweep(const Report &report, const std::vector<Interval> &intervals) {
  struct Change {
    uint64_t at;
    size_t engine;
    int by;
  };
  std::vector<Change> changes;
  for (const Interval &interval : intervals) {
    if (interval.from >= interval.to)
      continue;
    changes.push_back({interval.from, interval.engine, 1});
    changes.push_back({interval.to, interval.engine, -1});
  }
  llvm::stable_sort(changes, [](const Change &a, const Change &b) { return a.at < b.at; });
  std::vector<int> running(report.engines.size(), 0);
  std::vector<uint64_t> busy(report.engines.size(), 0);
  std::vector<char> used(report.engines.size(), 0);
  EngineOverlap overlap;
  uint64_t last = changes.empty() ? 0 : changes.front().at;
  for (const Change &change : changes) {
    uint64_t passed = change.at - last;
    size_t active = llvm::count_if(running, [](int count) { return count > 0; });
    for (auto [count, time] : llvm::zip(running, busy))
      time += count > 0 ? passed : 0;
    overlap.togetherPs += active > 1 ? passed : 0;
    overlap.spanPs += passed;
    last = change.at;
    running[change.engine] += change.by;
    used[change.engine] = 1;
  }
  for (auto [engine, isUsed, time] : llvm::zip(report.engines, used, busy))
    if (isUsed)
      overlap.engines.push_back({engine.name, time});
  return overlap;
}

std::optional<size_t> findEngine(const Report &report, llvm::StringRef name) {
  auto found =
      llvm::find_if(report.engines, [&](const Engine &engine) { return engine.name == name; });
  if (found == report.engines.end())
    return std::nullopt;
  return found - report.engines.begin();
}

void print(llvm::StringRef name, const EngineOverlap &overlap, llvm::raw_ostream &os) {
  os << "    " << llvm::left_justify(name, 9) << " at once " << formatPs(overlap.togetherPs)
     << " of " << formatPs(overlap.spanPs) << " ("
     << formatPercent(overlap.togetherPs, overlap.spanPs) << ")";
  for (const EngineOverlap::Busy &busy : overlap.engines)
    os << ", " << busy.engine << " busy " << formatPs(busy.ps);
  os << "\n";
}

} // namespace

std::optional<EngineOverlap> tercet::report::getPredictedOverlap(const Report &report,
                                                                 const Entry &entry) {
  std::vector<Interval> intervals;
  for (const Command &command : entry.commands) {
    std::optional<size_t> engine = findEngine(report, command.engine);
    if (!engine)
      continue;
    if (!command.startPs || !command.endPs)
      return std::nullopt;
    intervals.push_back({*engine, *command.startPs, *command.endPs});
  }
  return sweep(report, intervals);
}

EngineOverlap tercet::report::getMeasuredOverlap(const Report &report, const Profile &profile) {
  std::vector<Interval> intervals;
  for (const Sample &sample : profile.samples)
    if (std::optional<size_t> engine = findEngine(report, sample.engine))
      intervals.push_back({*engine, sample.startNs * 1000, sample.endNs * 1000});
  return sweep(report, intervals);
}

void tercet::report::printOverlap(const Report &report, const Profile *profile,
                                  llvm::raw_ostream &os) {
  for (const Entry &entry : report.entries) {
    std::optional<EngineOverlap> predicted = getPredictedOverlap(report, entry);
    if (!predicted || predicted->engines.size() < 2)
      continue;
    os << "\noverlap of entry '" << entry.name << "'\n";
    print("predicted", *predicted, os);
    if (profile && profile->entry == entry.name)
      print("measured", getMeasuredOverlap(report, *profile), os);
  }
}
