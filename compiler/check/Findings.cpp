// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The text of problems. Names come from files that anybody may have written.

#include "compiler/check/Findings.h"

#include "compiler/check/Check.h"

using namespace tercet;
using namespace tercet::check;

void Findings::add(const llvm::Twine &problem) {
  if (count++ < kMaxProblems)
    problems.push_back(problem.str());
}

llvm::Error Findings::takeError() {
  llvm::Error error = llvm::Error::success();
  auto join = [&](const std::string &text) {
    error = llvm::joinErrors(std::move(error),
                             llvm::createStringError(llvm::inconvertibleErrorCode(), text));
  };
  for (const std::string &problem : problems)
    join(problem);
  if (count > problems.size())
    join("and " + std::to_string(count - problems.size()) + " more problems");
  return error;
}

std::string check::printable(llvm::StringRef name) {
  constexpr size_t longest = 160;
  std::string text;
  for (char c : name.take_front(longest))
    text += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return name.size() > longest ? text + "..." : text;
}

std::string check::rangeText(uint64_t begin, uint64_t end) {
  return "[" + std::to_string(begin) + ", " + std::to_string(end) + ")";
}
