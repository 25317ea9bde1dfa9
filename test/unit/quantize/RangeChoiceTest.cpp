// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From numbers to scales: exact where the rule is exact, and the least error
// is less than that of the whole range where there are outliers.

#include "compiler/quantize/RangeChoice.h"

#include "mlir/Dialect/Quant/IR/Quant.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace mlir;
using namespace tercet;
using namespace tercet::quantize;

namespace {

class RangeChoiceTest : public ::testing::Test {
protected:
  RangeChoiceTest() { context.loadDialect<quant::QuantDialect>(); }

  static ValueHistogram histogramOf(std::vector<float> numbers) {
    ValueHistogram histogram;
    histogram.add({reinterpret_cast<const char *>(numbers.data()), numbers.size() * sizeof(float)},
                  ElementKind::F32);
    return histogram;
  }
  quant::UniformQuantizedType choose(const std::vector<float> &numbers, StorageKind storage,
                                     RangeMethod method) {
    ValueHistogram histogram = histogramOf(numbers);
    return chooseType(&context, Part{&histogram}, storage, method);
  }
  static double errorOf(const std::vector<float> &numbers, quant::UniformQuantizedType type) {
    double error = 0;
    for (double x : numbers) {
      double q = std::nearbyint(x / type.getScale()) + type.getZeroPoint();
      q = std::clamp<double>(q, type.getStorageTypeMin(), type.getStorageTypeMax());
      double difference = (q - type.getZeroPoint()) * type.getScale() - x;
      error += difference * difference;
    }
    return error;
  }

  MLIRContext context;
};

/// Many numbers near zero, one far away.
std::vector<float> withOutlier() {
  std::vector<float> numbers;
  for (int i = 0; i < 100000; ++i)
    numbers.push_back(std::sin(float(i)));
  numbers.push_back(4);
  return numbers;
}

TEST_F(RangeChoiceTest, AsymmetricRangesHoldZeroExactly) {
  auto type = choose({1.0f, 2.55f}, StorageKind::Asymmetric8, RangeMethod::MinMax);
  EXPECT_FLOAT_EQ(type.getScale(), 0.01f);
  EXPECT_EQ(type.getZeroPoint(), -128);
  type = choose({-1.0f, 1.55f}, StorageKind::Asymmetric8, RangeMethod::MinMax);
  EXPECT_FLOAT_EQ(type.getScale(), 0.01f);
  EXPECT_EQ(type.getZeroPoint(), -28);
}

TEST_F(RangeChoiceTest, SymmetricRangesHaveZeroZero) {
  auto type = choose({-1.0f, 2.54f}, StorageKind::Symmetric8, RangeMethod::MinMax);
  EXPECT_FLOAT_EQ(type.getScale(), 0.02f);
  EXPECT_EQ(type.getZeroPoint(), 0);
  EXPECT_EQ(type.getStorageTypeIntegralWidth(), 8u);
}

TEST_F(RangeChoiceTest, SixteenBitsCutNothingWithAnyMethod) {
  for (RangeMethod method :
       {RangeMethod::MinMax, RangeMethod::Percentile, RangeMethod::LeastError}) {
    auto type = choose(withOutlier(), StorageKind::Symmetric16, method);
    EXPECT_FLOAT_EQ(type.getScale(), 4 * kHeadroom16 / 32767);
    EXPECT_EQ(type.getZeroPoint(), 0);
  }
}

TEST_F(RangeChoiceTest, PercentilesCutOutliers) {
  auto type = choose(withOutlier(), StorageKind::Symmetric8, RangeMethod::Percentile);
  EXPECT_NEAR(type.getScale() * 127, 1, 0.01);
}

TEST_F(RangeChoiceTest, LeastErrorIsLessThanThatOfOtherRanges) {
  for (StorageKind storage : {StorageKind::Symmetric8, StorageKind::Asymmetric8}) {
    std::vector<float> numbers = withOutlier();
    double least = errorOf(numbers, choose(numbers, storage, RangeMethod::LeastError));
    EXPECT_LT(least, 0.95 * errorOf(numbers, choose(numbers, storage, RangeMethod::MinMax)));
    EXPECT_LT(least, 0.95 * errorOf(numbers, choose(numbers, storage, RangeMethod::Percentile)));
  }
}

TEST_F(RangeChoiceTest, PartsAreMeasuredInTheirUnits) {
  ValueHistogram narrow = histogramOf({-1.0f, 1.0f}), wide = histogramOf({-8.0f, 4.0f});
  auto type = chooseType(&context, {Part{&narrow, 0.125}, Part{&wide, 1}}, StorageKind::Symmetric8,
                         RangeMethod::MinMax);
  EXPECT_FLOAT_EQ(type.getScale(), 8.0f / 127);
}

TEST_F(RangeChoiceTest, ZerosAndNothingHaveAScale) {
  for (StorageKind storage :
       {StorageKind::Symmetric8, StorageKind::Asymmetric8, StorageKind::Symmetric16}) {
    EXPECT_EQ(choose({0.0f, 0.0f}, storage, RangeMethod::LeastError).getScale(), 1);
    EXPECT_EQ(choose({}, storage, RangeMethod::MinMax).getScale(), 1);
  }
}

TEST_F(RangeChoiceTest, NamesOfMethods) {
  EXPECT_EQ(rangeMethodFromName("mse"), RangeMethod::LeastError);
  EXPECT_EQ(rangeMethodFromName("percentile"), RangeMethod::Percentile);
  EXPECT_EQ(rangeMethodFromName("minmax"), RangeMethod::MinMax);
  EXPECT_FALSE(rangeMethodFromName("entropy"));
}

/// What matters of a number that only a table reads is what the table gives.
TEST_F(RangeChoiceTest, ErrorsAreThoseOfTheFunction) {
  std::vector<float> numbers;
  for (int i = 0; i <= 1000; ++i)
    numbers.push_back(-8 + 0.01f * i);
  ValueHistogram histogram = histogramOf(numbers);
  auto relu = [](double x) { return std::max(x, 0.0); };
  auto plain =
      chooseType(&context, Part{&histogram}, StorageKind::Asymmetric8, RangeMethod::LeastError);
  auto through = chooseType(&context, Part{&histogram}, StorageKind::Asymmetric8,
                            RangeMethod::LeastError, relu);
  // The negative part is cut as far as it is tried, to a fifth.
  EXPECT_NEAR(plain.getScale(), 10.0 / 255, 1e-3);
  EXPECT_NEAR(through.getScale(), (0.2 * 8 + 2) / 255, 1e-3);
  // It makes no difference to the other methods.
  EXPECT_EQ(
      chooseType(&context, Part{&histogram}, StorageKind::Asymmetric8, RangeMethod::MinMax, relu),
      chooseType(&context, Part{&histogram}, StorageKind::Asymmetric8, RangeMethod::MinMax));
  // A logarithm of something below zero is no number: nothing is cut.
  auto logarithm = [](double x) { return std::log(x); };
  EXPECT_NEAR(chooseType(&context, Part{&histogram}, StorageKind::Asymmetric8,
                         RangeMethod::LeastError, logarithm)
                  .getScale(),
              10.0 / 255, 1e-3);
}

} // namespace
