// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums by kernel class, as those of the cost model's errors are.

#include "compiler/report/PacketTotals.h"

#include "compiler/report/Quantities.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"

#include <map>
#include <tuple>

using namespace tercet;
using namespace tercet::report;

std::vector<PacketTotal> tercet::report::getPacketTotals(const Report &report,
                                                         const Profile &profile) {
  std::map<std::tuple<std::string, std::string, std::string>, PacketTotal> classes;
  for (const Entry &entry : report.entries) {
    if (entry.name != profile.entry)
      continue;
    for (auto [command, sample] : llvm::zip(entry.commands, profile.samples)) {
      if (!sample.packets)
        continue;
      std::string name = getKernelClass(report.getKernelName(command)).str();
      PacketTotal &total = classes[{name, command.variant, command.engine}];
      total.kernelClass = name;
      total.variant = command.variant;
      total.engine = command.engine;
      ++total.commands;
      total.packets += sample.packets;
      total.vectorInstructions += sample.vectorInstructions;
      total.multiplyAdds += command.multiplyAdds.value_or(0);
    }
  }
  std::vector<PacketTotal> totals;
  for (auto &[key, total] : classes)
    totals.push_back(std::move(total));
  llvm::stable_sort(
      totals, [](const PacketTotal &a, const PacketTotal &b) { return a.packets > b.packets; });
  return totals;
}

void tercet::report::printPackets(const Report &report, const Profile &profile,
                                  llvm::raw_ostream &os) {
  std::vector<PacketTotal> totals = getPacketTotals(report, profile);
  if (totals.empty())
    return;
  os << "\npackets, entry '" << profile.entry << "' (not cycles; at most " << kPacketPeak
     << " multiply-adds in one)\n"
     << "  kernel class                     engine     commands      packets   of vectors   "
        "MAC/packet  of the peak\n";
  for (const PacketTotal &total : totals) {
    std::string name = total.kernelClass;
    if (!total.variant.empty() && total.variant != total.kernelClass)
      name += " (" + total.variant + ")";
    os << "  " << llvm::left_justify(name, 32) << ' ' << llvm::left_justify(total.engine, 10)
       << llvm::format("%9llu %12llu %12llu", static_cast<unsigned long long>(total.commands),
                       static_cast<unsigned long long>(total.packets),
                       static_cast<unsigned long long>(total.vectorInstructions));
    if (total.multiplyAdds)
      os << llvm::format("   %10.1f", double(total.multiplyAdds) / total.packets) << "  "
         << llvm::right_justify(formatPercent(total.multiplyAdds, total.packets * kPacketPeak), 11);
    os << "\n";
  }
}
