// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Collects what is wrong, so that one run shows all of it. Only the first few
// problems are kept, since a hostile table could have millions.

#ifndef TERCET_COMPILER_CHECK_FINDINGS_H
#define TERCET_COMPILER_CHECK_FINDINGS_H

#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace tercet::check {

class Findings {
public:
  void add(const llvm::Twine &problem);
  uint64_t getCount() const { return count; }
  bool isEmpty() const { return count == 0; }
  llvm::Error takeError();

private:
  std::vector<std::string> problems;
  uint64_t count = 0;
};

/// A name from the table as one can print it: no control characters, and not
/// longer than a line or two.
std::string printable(llvm::StringRef name);

/// "[begin, end)".
std::string rangeText(uint64_t begin, uint64_t end);

} // namespace tercet::check

#endif // TERCET_COMPILER_CHECK_FINDINGS_H
