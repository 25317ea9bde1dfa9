// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The consistency of a residency problem, what a plan costs, and its check by
// replaying the steps.

#include "passes/plan/Residency.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <map>

using namespace tercet::plan;

static llvm::Error error(const llvm::Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

llvm::Error ResidencyProblem::check() const {
  if (capacity < 0)
    return error("capacity " + llvm::Twine(capacity) + " is negative");
  std::map<int64_t, int64_t> used;
  int64_t sum = 0;
  for (const ResidencyTensor &tensor : tensors) {
    std::string name = "tensor " + std::to_string(tensor.id);
    if (tensor.size < 0)
      return error(name + ": size " + llvm::Twine(tensor.size) + " is negative");
    // All that can be moved, and room for the relaxation's scale.
    int64_t moved = 0;
    if (llvm::MulOverflow<int64_t>(tensor.size, 128 * (tensor.uses.size() + 1), moved) ||
        llvm::AddOverflow(sum, moved, sum))
      return error("the sizes add up to more than 64 bits hold");
    if (tensor.uses.empty())
      return error(name + " is not used");
    if (!tensor.isInput && !tensor.uses.front().isWrite)
      return error(name + ": step " + llvm::Twine(tensor.uses.front().step) +
                   " reads it, but nothing has written it");
    for (size_t i = 0; i < tensor.uses.size(); ++i) {
      if (i > 0 && tensor.uses[i].step <= tensor.uses[i - 1].step)
        return error(name + ": use at step " + llvm::Twine(tensor.uses[i].step) +
                     " does not follow the one at step " + llvm::Twine(tensor.uses[i - 1].step));
      used[tensor.uses[i].step] += tensor.size;
    }
  }
  for (auto [step, bytes] : used)
    if (bytes > capacity)
      return error("step " + llvm::Twine(step) + " uses " + llvm::Twine(bytes) +
                   " bytes, the scratchpad has " + llvm::Twine(capacity));
  return llvm::Error::success();
}

int64_t tercet::plan::countMovedBytes(const ResidencyProblem &problem,
                                      const std::vector<std::vector<bool>> &kept) {
  int64_t bytes = 0;
  for (auto [tensor, keeps] : llvm::zip_equal(problem.tensors, kept)) {
    bool isPresent = false, isStored = true;
    for (size_t i = 0; i < tensor.uses.size(); ++i) {
      if (tensor.uses[i].isWrite)
        isStored = false;
      else if (!isPresent)
        bytes += tensor.size;
      bool isLast = i + 1 == tensor.uses.size();
      isPresent = !isLast && keeps[i];
      // What nobody reads again need not be stored.
      bool isNeeded = isLast ? tensor.isOutput : !tensor.uses[i + 1].isWrite;
      if (!isPresent && isNeeded && !isStored) {
        bytes += tensor.size;
        isStored = true;
      }
    }
  }
  return bytes;
}

llvm::Error ResidencyPlan::verify(const ResidencyProblem &problem) const {
  if (kept.size() != problem.tensors.size())
    return error("expected " + llvm::Twine(problem.tensors.size()) + " tensors, got " +
                 llvm::Twine(kept.size()));
  struct Stay {
    size_t tensor;
    int64_t from, to, offset;
  };
  std::vector<Stay> stays;
  std::vector<int64_t> steps;
  for (size_t t = 0; t < kept.size(); ++t) {
    const ResidencyTensor &tensor = problem.tensors[t];
    if (kept[t].size() + 1 != tensor.uses.size() ||
        (!offsets.empty() && offsets[t].size() != tensor.uses.size()))
      return error("tensor " + llvm::Twine(tensor.id) + ": expected a decision for each of " +
                   llvm::Twine(tensor.uses.size() - 1) + " gaps");
    for (size_t i = 0; i < tensor.uses.size(); ++i) {
      int64_t step = tensor.uses[i].step, offset = offsets.empty() ? 0 : offsets[t][i];
      steps.push_back(step);
      if (i > 0 && kept[t][i - 1]) {
        stays.back().to = step;
        steps.push_back(step - 1);
        if (offset != stays.back().offset)
          return error("tensor " + llvm::Twine(tensor.id) + " moves while it is kept");
      } else {
        stays.push_back({t, step, step, offset});
      }
      if (offset < 0 || offset + tensor.size > problem.capacity)
        return error("tensor " + llvm::Twine(tensor.id) + " ends at " +
                     llvm::Twine(offset + tensor.size) + ", the scratchpad has " +
                     llvm::Twine(problem.capacity));
    }
  }
  for (int64_t step : steps) {
    int64_t sum = 0;
    for (const Stay &stay : stays)
      if (stay.from <= step && step <= stay.to)
        sum += problem.tensors[stay.tensor].size;
    if (sum > problem.capacity)
      return error("step " + llvm::Twine(step) + " has " + llvm::Twine(sum) +
                   " bytes, the scratchpad " + llvm::Twine(problem.capacity));
  }
  if (!offsets.empty())
    for (size_t i = 0; i < stays.size(); ++i)
      for (size_t j = 0; j < i; ++j) {
        const Stay &a = stays[i], &b = stays[j];
        if (a.from <= b.to && b.from <= a.to &&
            a.offset < b.offset + problem.tensors[b.tensor].size &&
            b.offset < a.offset + problem.tensors[a.tensor].size)
          return error("tensors " + llvm::Twine(problem.tensors[b.tensor].id) + " and " +
                       llvm::Twine(problem.tensors[a.tensor].id) + " overlap");
      }
  if (int64_t moved = countMovedBytes(problem, kept); moved != bytes)
    return error("the plan moves " + llvm::Twine(moved) + " bytes, not " + llvm::Twine(bytes));
  return llvm::Error::success();
}
