// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bin i after merging is bins 2i and 2i + 1 before, on both sides of zero.

#include "compiler/quantize/ValueHistogram.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace tercet;
using namespace tercet::quantize;

void ValueHistogram::widen(double magnitude) {
  if (width == 0) {
    int exponent;
    std::frexp(magnitude, &exponent); // magnitude < 2^exponent
    width = std::ldexp(1.0, exponent) / kBins;
    // What was counted so far are zeros, in bin 0, where they stay.
  }
  while (magnitude >= width * kBins) {
    std::vector<uint64_t> merged(bins.size());
    for (int i = -kBins; i < kBins; ++i)
      merged[(i >> 1) + kBins] += bins[i + kBins];
    bins = std::move(merged);
    width *= 2;
  }
}

void ValueHistogram::add(llvm::ArrayRef<char> bytes, ElementKind kind) {
  if (kind != ElementKind::F32) {
    std::vector<float> floats(bytes.size() / getElementBytes(kind));
    convertElements(kind, bytes.data(), ElementKind::F32, reinterpret_cast<char *>(floats.data()),
                    floats.size());
    return add({reinterpret_cast<const char *>(floats.data()), floats.size() * sizeof(float)},
               ElementKind::F32);
  }
  llvm::ArrayRef<float> elements(reinterpret_cast<const float *>(bytes.data()),
                                 bytes.size() / sizeof(float));
  uint64_t finite = 0;
  for (float x : elements) {
    if (!std::isfinite(x))
      continue;
    minimum = count + finite == 0 || x < minimum ? x : minimum;
    maximum = count + finite == 0 || x > maximum ? x : maximum;
    ++finite;
  }
  count += finite;
  nonFinite += elements.size() - finite;
  if (double greatest = std::max(std::abs(minimum), std::abs(maximum)); greatest > 0)
    widen(greatest);
  double inverse = width > 0 ? 1 / width : 0;
  for (float x : elements)
    if (std::isfinite(x))
      ++bins[int(std::floor(x * inverse)) + kBins];
}

double ValueHistogram::getQuantile(double part) const {
  if (part <= 0)
    return minimum;
  double wanted = part * count, seen = 0;
  for (int i = -kBins; i < kBins; ++i) {
    uint64_t here = getBin(i);
    if (here != 0 && seen + here >= wanted)
      return std::clamp((i + (wanted - seen) / here) * width, minimum, maximum);
    seen += here;
  }
  return maximum;
}
