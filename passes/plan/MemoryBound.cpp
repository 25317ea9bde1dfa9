// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The most bytes that live together. Buffers that are alive at one moment of a
// single queue, or of which none happens before another, need room side by side.

#include "passes/plan/MemoryBound.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace tercet::plan;

/// The first moment with the most bytes alive.
static MemoryBound sweep(const MemoryProblem &problem, llvm::ArrayRef<int64_t> sizes) {
  // What ends at a moment goes before what begins at it.
  llvm::SmallVector<std::pair<int64_t, int64_t>> changes;
  for (auto [buffer, size] : llvm::zip_equal(problem.buffers, sizes)) {
    changes.push_back({buffer.lower, size});
    changes.push_back({buffer.upper, -size});
  }
  llvm::sort(changes);
  MemoryBound bound;
  int64_t live = 0, when = 0;
  for (auto [at, change] : changes)
    if (live += change; live > bound.bytes) {
      bound.bytes = live;
      when = at;
    }
  for (auto [i, buffer] : llvm::enumerate(problem.buffers))
    if (buffer.size > 0 && buffer.lower <= when && when < buffer.upper)
      bound.witness.push_back(i);
  return bound;
}

MemoryBound MemoryProblem::findBound() const {
  llvm::SmallVector<int64_t> sizes;
  for (const MemoryBuffer &buffer : buffers)
    sizes.push_back(llvm::alignTo(buffer.size, alignment));
  MemoryBound bound;
  if (precedes.empty()) {
    bound = sweep(*this, sizes);
  } else {
    bound.witness = findHeaviestAntichain(precedes, sizes);
    for (unsigned i : bound.witness)
      bound.bytes += sizes[i];
  }
  llvm::stable_sort(bound.witness, [&](unsigned a, unsigned b) { return sizes[a] > sizes[b]; });
  for (auto [i, buffer] : llvm::enumerate(buffers))
    if (buffer.offset && buffer.size > 0 && *buffer.offset + sizes[i] > bound.bytes)
      bound = {*buffer.offset + sizes[i], {static_cast<unsigned>(i)}};
  return bound;
}
