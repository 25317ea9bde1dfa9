// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Commands that only convert between precisions are not counted.

#include "compiler/report/PrecisionTotals.h"

#include "compiler/report/Quantities.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"

using namespace tercet::report;

static constexpr size_t kShownNoisy = 5, kShownNodes = 4;

static std::vector<const Command *> findRated(const Report &report) {
  std::vector<const Command *> commands;
  for (const Entry &entry : report.entries)
    for (const Command &command : entry.commands)
      if (command.multiplyAdds)
        commands.push_back(&command);
  return commands;
}

std::vector<PrecisionTotal> tercet::report::getPrecisionTotals(const Report &report) {
  std::vector<PrecisionTotal> totals;
  for (const Engine &engine : report.engines)
    for (const Command *command : findRated(report)) {
      if (command->engine != engine.name)
        continue;
      auto known = llvm::find_if(totals, [&](const PrecisionTotal &total) {
        return total.engine == engine.name && total.precision == command->precision;
      });
      if (known == totals.end())
        known = totals.insert(known, {engine.name, command->precision, 0, 0});
      ++known->commands;
      known->multiplyAdds += *command->multiplyAdds;
    }
  return totals;
}

void tercet::report::printPrecisions(const Report &report, llvm::raw_ostream &os) {
  std::vector<PrecisionTotal> totals = getPrecisionTotals(report);
  if (totals.empty())
    return;
  os << "\nprecision\n";
  uint64_t all = 0;
  for (const PrecisionTotal &total : totals)
    all += total.multiplyAdds;
  for (const PrecisionTotal &total : totals)
    os << "  " << llvm::left_justify(total.engine, 10) << ' '
       << llvm::left_justify(total.precision, 6) << ' '
       << llvm::right_justify(formatPercent(total.multiplyAdds, all), 7)
       << " of the multiply-adds, " << formatCount(total.commands, "command") << "\n";

  std::vector<const Command *> noisy;
  std::vector<std::pair<std::string, std::vector<std::string>>> reasons;
  for (const Command *command : findRated(report)) {
    if (command->snrDb)
      noisy.push_back(command);
    if (command->precisionReason.empty())
      continue;
    auto known = llvm::find_if(
        reasons, [&](const auto &reason) { return reason.first == command->precisionReason; });
    if (known == reasons.end())
      known = reasons.insert(known, {command->precisionReason, {}});
    known->second.push_back(command->getTitle());
  }
  llvm::stable_sort(noisy,
                    [](const Command *a, const Command *b) { return *a->snrDb < *b->snrDb; });
  for (const Command *command : llvm::ArrayRef(noisy).take_front(kShownNoisy))
    os << llvm::format("  %6.1f dB  ", *command->snrDb) << command->precision << "  "
       << command->getTitle() << "\n";
  if (noisy.size() > kShownNoisy)
    os << "             and " << noisy.size() - kShownNoisy << " above that\n";
  for (const auto &[reason, titles] : reasons) {
    size_t shown = std::min(titles.size(), kShownNodes);
    os << "  f32, " << reason << ": " << llvm::join(llvm::ArrayRef(titles).take_front(shown), ", ");
    if (titles.size() > shown)
      os << ", and " << titles.size() - shown << " more";
    os << "\n";
  }
}
