// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How often which numbers occur in a tensor, over any number of samples. Bins
// have one width, a power of two, and lie on both sides of zero; when a number
// falls outside, bins are merged in pairs until it does not. So the result
// depends on the numbers alone, never on their order, and one pass is enough.

#ifndef TERCET_COMPILER_QUANTIZE_VALUEHISTOGRAM_H
#define TERCET_COMPILER_QUANTIZE_VALUEHISTOGRAM_H

#include "compiler/reference/Tensor.h"

#include <vector>

namespace tercet::quantize {

class ValueHistogram {
public:
  /// Bins on either side of zero.
  static constexpr int kBins = 4096;

  /// All elements, of a kind of float; infinities and NaNs are counted apart.
  void add(llvm::ArrayRef<char> elements, ElementKind kind);

  bool isEmpty() const { return count == 0; }
  /// Finite elements.
  uint64_t getCount() const { return count; }
  uint64_t getNonFiniteCount() const { return nonFinite; }
  /// Least and greatest finite element.
  double getMinimum() const { return minimum; }
  double getMaximum() const { return maximum; }

  double getWidth() const { return width; }
  /// Bin i of -kBins to kBins - 1 holds numbers in [i, i + 1) * width.
  uint64_t getBin(int i) const { return bins[i + kBins]; }

  /// The number below which this part of the elements lies, up to the width of
  /// a bin.
  double getQuantile(double part) const;

private:
  void widen(double magnitude);

  uint64_t count = 0, nonFinite = 0;
  double minimum = 0, maximum = 0;
  /// 0 until there is a number other than 0.
  double width = 0;
  std::vector<uint64_t> bins = std::vector<uint64_t>(2 * kBins);
};

} // namespace tercet::quantize

#endif // TERCET_COMPILER_QUANTIZE_VALUEHISTOGRAM_H
