// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The problem's consistency, its lower bound, and the check of a plan, which
// shares no code with the algorithms.

#include "passes/plan/MemoryProblem.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <utility>

using namespace tercet::plan;

static llvm::Error error(const llvm::Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

llvm::Error MemoryProblem::check() const {
  int64_t sum = 0;
  if (alignment <= 0)
    return error("alignment " + llvm::Twine(alignment) + " is not above 0");
  for (const MemoryBuffer &buffer : buffers) {
    if (buffer.lower >= buffer.upper)
      return error("buffer " + llvm::Twine(buffer.id) + ": lifetime [" + llvm::Twine(buffer.lower) +
                   ", " + llvm::Twine(buffer.upper) + ") is empty");
    if (buffer.size < 0)
      return error("buffer " + llvm::Twine(buffer.id) + ": size " + llvm::Twine(buffer.size) +
                   " is negative");
    int64_t room = 0;
    if (llvm::AddOverflow(buffer.size, alignment - 1, room) || llvm::AddOverflow(sum, room, sum))
      return error("the sizes add up to more than 64 bits hold");
  }
  return llvm::Error::success();
}

int64_t MemoryProblem::lowerBound() const {
  // A sweep over the ends of lifetimes; what ends at a point goes first.
  llvm::SmallVector<std::pair<int64_t, int64_t>> changes;
  for (const MemoryBuffer &buffer : buffers) {
    int64_t size = llvm::alignTo(buffer.size, alignment);
    changes.push_back({buffer.lower, size});
    changes.push_back({buffer.upper, -size});
  }
  llvm::sort(changes);
  int64_t live = 0, bound = 0;
  for (auto [at, change] : changes)
    bound = std::max(bound, live += change);
  return bound;
}

llvm::Error MemoryPlan::verify(const MemoryProblem &problem) const {
  if (offsets.size() != problem.buffers.size())
    return error("expected an offset for each of " + llvm::Twine(problem.buffers.size()) +
                 " buffers, got " + llvm::Twine(offsets.size()));
  int64_t end = 0;
  for (size_t i = 0; i < offsets.size(); ++i) {
    const MemoryBuffer &a = problem.buffers[i];
    if (offsets[i] < 0 || offsets[i] % problem.alignment != 0)
      return error("buffer " + llvm::Twine(a.id) + ": offset " + llvm::Twine(offsets[i]) +
                   " is not aligned to " + llvm::Twine(problem.alignment));
    int64_t endOfBuffer = 0;
    if (llvm::AddOverflow(offsets[i], a.size, endOfBuffer))
      return error("buffer " + llvm::Twine(a.id) + ": offset " + llvm::Twine(offsets[i]) +
                   " and size " + llvm::Twine(a.size) + " add up to more than 64 bits hold");
    end = std::max(end, endOfBuffer);
    for (size_t j = 0; j < i; ++j) {
      const MemoryBuffer &b = problem.buffers[j];
      bool together = a.lower < b.upper && b.lower < a.upper;
      bool overlap = offsets[i] < offsets[j] + b.size && offsets[j] < offsets[i] + a.size;
      if (together && overlap)
        return error("buffers " + llvm::Twine(b.id) + " and " + llvm::Twine(a.id) +
                     " live together and overlap");
    }
  }
  if (peak < end)
    return error("the arena of " + llvm::Twine(peak) + " bytes ends before " + llvm::Twine(end));
  return llvm::Error::success();
}
