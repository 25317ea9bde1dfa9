// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The problem's consistency, and the check of a plan, which shares no code with
// the algorithms.

#include "passes/plan/MemoryProblem.h"

#include "llvm/Support/MathExtras.h"

using namespace tercet::plan;

static llvm::Error error(const llvm::Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

bool MemoryProblem::conflict(unsigned a, unsigned b) const {
  if (a == b)
    return false;
  if (precedes.empty())
    return buffers[a].lower < buffers[b].upper && buffers[b].lower < buffers[a].upper;
  return !precedes[a][b] && !precedes[b][a];
}

/// Whether `precedes` is a strict partial order.
static llvm::Error checkOrder(const MemoryProblem &problem) {
  size_t count = problem.buffers.size();
  auto name = [&](unsigned i) { return llvm::Twine(problem.buffers[i].id).str(); };
  if (problem.precedes.size() != count)
    return error("expected an order of " + llvm::Twine(count) + " buffers, got one of " +
                 llvm::Twine(problem.precedes.size()));
  for (unsigned a = 0; a < count; ++a) {
    const llvm::BitVector &after = problem.precedes[a];
    if (after.size() != count)
      return error("buffer " + name(a) + ": expected an order with " + llvm::Twine(count) +
                   " buffers, got " + llvm::Twine(after.size()));
    if (after[a])
      return error("buffer " + name(a) + " precedes itself");
    for (unsigned b : after.set_bits())
      // What b precedes must follow a.
      if (problem.precedes[b].size() == count && problem.precedes[b].test(after)) {
        llvm::BitVector missing = problem.precedes[b];
        missing.reset(after);
        return error("buffer " + name(a) + " precedes " + name(b) + ", which precedes " +
                     name(missing.find_first()) + ", but " + name(a) + " does not precede " +
                     name(missing.find_first()));
      }
  }
  return llvm::Error::success();
}

/// Whether the offsets that are given leave room for one another.
static llvm::Error checkOffsets(const MemoryProblem &problem) {
  for (unsigned i = 0; i < problem.buffers.size(); ++i) {
    const MemoryBuffer &a = problem.buffers[i];
    if (!a.offset)
      continue;
    if (*a.offset < 0 || *a.offset % problem.alignment != 0)
      return error("buffer " + llvm::Twine(a.id) + ": given offset " + llvm::Twine(*a.offset) +
                   " is not aligned to " + llvm::Twine(problem.alignment));
    for (unsigned j = 0; j < i; ++j) {
      const MemoryBuffer &b = problem.buffers[j];
      if (!b.offset || !problem.conflict(i, j) || a.size == 0 || b.size == 0)
        continue;
      auto end = [&](const MemoryBuffer &buffer) {
        return *buffer.offset + static_cast<int64_t>(llvm::alignTo(buffer.size, problem.alignment));
      };
      if (*a.offset < end(b) && *b.offset < end(a))
        return error("buffers " + llvm::Twine(b.id) + " and " + llvm::Twine(a.id) +
                     " live together and their given offsets overlap");
    }
  }
  return llvm::Error::success();
}

llvm::Error MemoryProblem::check() const {
  int64_t sum = 0;
  if (alignment <= 0)
    return error("alignment " + llvm::Twine(alignment) + " is not above 0");
  if (capacity && *capacity < 0)
    return error("capacity " + llvm::Twine(*capacity) + " is negative");
  for (const MemoryBuffer &buffer : buffers) {
    if (precedes.empty() && buffer.lower >= buffer.upper)
      return error("buffer " + llvm::Twine(buffer.id) + ": lifetime [" + llvm::Twine(buffer.lower) +
                   ", " + llvm::Twine(buffer.upper) + ") is empty");
    if (buffer.size < 0)
      return error("buffer " + llvm::Twine(buffer.id) + ": size " + llvm::Twine(buffer.size) +
                   " is negative");
    // No greedy plan is higher than the highest given offset and all sizes.
    int64_t room = 0;
    if (llvm::AddOverflow(buffer.size, alignment - 1, room) ||
        llvm::AddOverflow(room, std::max<int64_t>(buffer.offset.value_or(0), 0), room) ||
        llvm::AddOverflow(sum, room, sum))
      return error("the sizes add up to more than 64 bits hold");
  }
  if (!precedes.empty())
    if (llvm::Error wrong = checkOrder(*this))
      return wrong;
  return checkOffsets(*this);
}

llvm::Error MemoryPlan::verify(const MemoryProblem &problem) const {
  if (offsets.size() != problem.buffers.size())
    return error("expected an offset for each of " + llvm::Twine(problem.buffers.size()) +
                 " buffers, got " + llvm::Twine(offsets.size()));
  int64_t end = 0;
  for (size_t i = 0; i < offsets.size(); ++i) {
    const MemoryBuffer &a = problem.buffers[i];
    if (a.offset && *a.offset != offsets[i])
      return error("buffer " + llvm::Twine(a.id) + ": expected the given offset " +
                   llvm::Twine(*a.offset) + ", got " + llvm::Twine(offsets[i]));
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
      bool together = problem.precedes.empty() ? a.lower < b.upper && b.lower < a.upper
                                               : !problem.precedes[i][j] && !problem.precedes[j][i];
      bool overlap = a.size > 0 && b.size > 0 && offsets[i] < offsets[j] + b.size &&
                     offsets[j] < offsets[i] + a.size;
      if (together && overlap)
        return error("buffers " + llvm::Twine(b.id) + " and " + llvm::Twine(a.id) +
                     " live together and overlap");
    }
  }
  if (peak < end)
    return error("the arena of " + llvm::Twine(peak) + " bytes ends before " + llvm::Twine(end));
  if (problem.capacity && peak > *problem.capacity)
    return error("the arena of " + llvm::Twine(peak) + " bytes exceeds the capacity of " +
                 llvm::Twine(*problem.capacity));
  return llvm::Error::success();
}
