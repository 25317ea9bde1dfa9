// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums are in double; differences that are equal infinities count as none.

#include "compiler/tools/compare/SignalToNoise.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

using namespace tercet;

double compare::signalToNoise(llvm::ArrayRef<double> reference, llvm::ArrayRef<double> value) {
  const double infinity = std::numeric_limits<double>::infinity();
  double signal = 0, noise = 0;
  for (auto [expected, got] : llvm::zip_equal(reference, value)) {
    if (expected == got || (std::isnan(expected) && std::isnan(got))) {
      if (std::isfinite(expected))
        signal += expected * expected;
      continue;
    }
    if (!std::isfinite(expected) || !std::isfinite(got))
      return -infinity;
    signal += expected * expected;
    noise += (expected - got) * (expected - got);
  }
  if (noise == 0)
    return infinity;
  // A signal of nothing: what is far below any rounding of f32 is no noise.
  signal = std::max(signal, 1e-24 * reference.size());
  return 10 * std::log10(signal / noise);
}

/// The reference's elements in the order that the value would have them in.
static std::vector<double> permute(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<double> source,
                                   llvm::ArrayRef<unsigned> order) {
  llvm::SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t dim = shape.size(); dim-- > 1;)
    strides[dim - 1] = strides[dim] * shape[dim];
  std::vector<double> result(source.size());
  llvm::SmallVector<int64_t> at(shape.size(), 0);
  for (double &element : result) {
    int64_t from = 0;
    for (auto [position, dim] : llvm::enumerate(order))
      from += at[position] * strides[dim];
    element = source[from];
    for (size_t position = order.size(); position-- > 0;) {
      if (++at[position] < shape[order[position]])
        break;
      at[position] = 0;
    }
  }
  return result;
}

compare::Match compare::matchInAnyOrder(llvm::ArrayRef<int64_t> shape,
                                        llvm::ArrayRef<double> reference,
                                        llvm::ArrayRef<double> value, double enough) {
  Match inOrder{signalToNoise(reference, value), {}};
  // Dimensions of one element change nothing, wherever they are.
  llvm::SmallVector<int64_t> sizes;
  llvm::SmallVector<unsigned> dims;
  for (auto [dim, size] : llvm::enumerate(shape))
    if (size != 1) {
      sizes.push_back(size);
      dims.push_back(dim);
    }
  if (inOrder.decibels >= enough || sizes.size() < 2 || sizes.size() > 5)
    return inOrder;
  llvm::SmallVector<unsigned> order(sizes.size());
  std::iota(order.begin(), order.end(), 0);
  while (std::next_permutation(order.begin(), order.end())) {
    double decibels = signalToNoise(permute(sizes, reference, order), value);
    if (decibels < enough)
      continue;
    Match match{decibels, {}};
    for (unsigned position : order)
      match.order.push_back(dims[position]);
    return match;
  }
  return inOrder;
}

std::string compare::formatDecibels(double decibels) {
  if (decibels == std::numeric_limits<double>::infinity())
    return "exact";
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.1f dB", decibels);
  return text;
}
