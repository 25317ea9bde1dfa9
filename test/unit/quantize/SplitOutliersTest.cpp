// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which channels stand out. What becomes of a network whose channels do is in
// lit/compiler/quantize/outliers.test.

#include "compiler/quantize/SplitOutliers.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::quantize;

namespace {

std::vector<ValueStatistics::Channel> channels(size_t count, double range) {
  return std::vector<ValueStatistics::Channel>(count, {-range / 2, range});
}

TEST(FindOutliers, TakesWhatIsFarWiderThanNearlyAll) {
  auto values = channels(200, 4);
  values[7] = {0, 25};
  values[150] = {-7, 1};
  EXPECT_EQ(findOutliers(values, 1.5), (SmallVector<int64_t>{7, 150}));
  EXPECT_EQ(findOutliers(values, 3), (SmallVector<int64_t>{7}));
  EXPECT_TRUE(findOutliers(values, 10).empty());
}

TEST(FindOutliers, MoreThanOneInAHundredAreNone) {
  auto values = channels(200, 4);
  for (int i = 0; i < 3; ++i)
    values[i].maximum = 25;
  EXPECT_TRUE(findOutliers(values, 1.5).empty());
}

TEST(FindOutliers, FewChannelsAndZerosHaveNone) {
  auto values = channels(99, 4);
  values[0].maximum = 25;
  EXPECT_TRUE(findOutliers(values, 1.5).empty());
  auto zeros = channels(200, 0);
  zeros[0].maximum = 25;
  EXPECT_TRUE(findOutliers(zeros, 1.5).empty());
}

} // namespace
