// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counts do not depend on the order of numbers; ends and quantiles are near.

#include "compiler/quantize/ValueHistogram.h"

#include "gtest/gtest.h"

#include <cmath>
#include <limits>

using namespace tercet;
using quantize::ValueHistogram;

namespace {

void add(ValueHistogram &histogram, std::vector<float> numbers) {
  histogram.add({reinterpret_cast<const char *>(numbers.data()), numbers.size() * sizeof(float)},
                ElementKind::F32);
}

std::vector<uint64_t> binsOf(const ValueHistogram &histogram) {
  std::vector<uint64_t> bins;
  for (int i = -ValueHistogram::kBins; i < ValueHistogram::kBins; ++i)
    bins.push_back(histogram.getBin(i));
  return bins;
}

TEST(ValueHistogram, DoesNotDependOnTheOrder) {
  ValueHistogram grown, atOnce;
  add(grown, {0.001f, -0.002f, 0.0f});
  add(grown, {1.0f});
  add(grown, {-300.0f, 2.5f});
  add(atOnce, {-300.0f, 2.5f, 1.0f, 0.0f, -0.002f, 0.001f});
  EXPECT_EQ(grown.getWidth(), atOnce.getWidth());
  EXPECT_EQ(binsOf(grown), binsOf(atOnce));
  EXPECT_EQ(grown.getCount(), 6u);
  EXPECT_EQ(grown.getMinimum(), -300);
  EXPECT_EQ(grown.getMaximum(), 2.5);
}

TEST(ValueHistogram, TheGreatestMagnitudeHasABin) {
  for (float greatest : {1.0f, 4096.0f, -1.0f, -4096.0f, std::numeric_limits<float>::max(),
                         std::numeric_limits<float>::min()}) {
    ValueHistogram histogram;
    add(histogram, {greatest});
    int bin = int(std::floor(greatest / histogram.getWidth()));
    EXPECT_EQ(histogram.getBin(bin), 1u) << greatest;
    EXPECT_EQ(histogram.getQuantile(1), greatest);
  }
}

TEST(ValueHistogram, CountsWhatIsNoNumberApart) {
  ValueHistogram histogram;
  add(histogram, {NAN, INFINITY, -INFINITY, 3.0f});
  EXPECT_EQ(histogram.getNonFiniteCount(), 3u);
  EXPECT_EQ(histogram.getCount(), 1u);
  EXPECT_EQ(histogram.getMinimum(), 3);
}

TEST(ValueHistogram, ZerosHaveNoWidth) {
  ValueHistogram histogram;
  add(histogram, {0.0f, 0.0f});
  EXPECT_EQ(histogram.getWidth(), 0);
  EXPECT_EQ(histogram.getCount(), 2u);
  EXPECT_EQ(histogram.getQuantile(0.5), 0);
}

TEST(ValueHistogram, QuantilesAreWithinABin) {
  std::vector<float> numbers;
  for (int i = 0; i < 100000; ++i)
    numbers.push_back(float(i - 30000) / 1000);
  ValueHistogram histogram;
  add(histogram, numbers);
  for (double part : {0.00005, 0.1, 0.3, 0.5, 0.9, 0.99995})
    EXPECT_NEAR(histogram.getQuantile(part), -30 + 100 * part, histogram.getWidth()) << part;
  EXPECT_EQ(histogram.getQuantile(0), -30);
}

TEST(ValueHistogram, ReadsHalves) {
  // 1.0 and -2.0 in binary16.
  uint16_t halves[] = {0x3c00, 0xc000};
  ValueHistogram histogram;
  histogram.add({reinterpret_cast<const char *>(halves), sizeof(halves)}, ElementKind::F16);
  EXPECT_EQ(histogram.getMinimum(), -2);
  EXPECT_EQ(histogram.getMaximum(), 1);
}

} // namespace
