// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers with their units.

#include "compiler/report/Quantities.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <iterator>

template <typename... Values> static std::string print(const char *format, Values... values) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format(format, values...);
  return text;
}

std::string tercet::formatBytes(uint64_t bytes) {
  static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = bytes;
  unsigned unit = 0;
  while (value >= 1024 && unit + 1 < std::size(units)) {
    value /= 1024;
    ++unit;
  }
  return print(unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

std::string tercet::formatPs(uint64_t picoseconds) {
  if (picoseconds == 0)
    return "0 ms";
  if (picoseconds >= 1'000'000'000'000)
    return print("%.2f s", picoseconds * 1e-12);
  if (picoseconds >= 100'000'000)
    return print("%.2f ms", picoseconds * 1e-9);
  return print("%.2f us", picoseconds * 1e-6);
}

std::string tercet::formatPercent(double part, double whole) {
  double percent = whole > 0 ? 100.0 * part / whole : 0.0;
  return percent > 0 && percent < 0.05 ? "less than 0.1 %" : print("%.1f %%", percent);
}

std::string tercet::formatBound(uint64_t value, uint64_t lowerBound) {
  if (value <= lowerBound)
    return " = lower bound, optimal";
  if (lowerBound == 0)
    return ", bound 0";
  // Rounded up: "at most 0.0 %" would claim what is not so.
  double above = std::max(100.0 * (value - lowerBound) / lowerBound, 0.1);
  return ", at most " + formatPercent(above, 100) + " above the bound";
}

std::string tercet::formatCount(uint64_t count, llvm::StringRef noun) {
  return (llvm::Twine(count) + " " + noun + (count == 1 ? "" : "s")).str();
}

llvm::StringRef tercet::getKernelClass(llvm::StringRef kernelName) {
  auto [stem, number] = kernelName.rsplit('_');
  bool isNumbered =
      !number.empty() && llvm::all_of(number, [](char c) { return llvm::isDigit(c); });
  return isNumbered ? stem : kernelName;
}
