// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversions between element kinds, against LLVM's arbitrary-precision floats.

#include "compiler/weights/ElementKind.h"

#include "llvm/ADT/APFloat.h"
#include "gtest/gtest.h"

#include <cmath>
#include <limits>
#include <random>

using namespace tercet;
using llvm::APFloat;

namespace {

/// `value` rounded to nearest even in the given format, as bits.
uint16_t expectedBits(double value, const llvm::fltSemantics &semantics) {
  APFloat wide(value);
  bool losesInfo;
  wide.convert(semantics, APFloat::rmNearestTiesToEven, &losesInfo);
  return wide.bitcastToAPInt().getZExtValue();
}

template <class To, class From> To convertOne(ElementKind from, From value, ElementKind to) {
  To result;
  convertElements(from, reinterpret_cast<const char *>(&value), to,
                  reinterpret_cast<char *>(&result), 1);
  return result;
}

TEST(ElementKind, EverySixteenBitFloatWidensExactly) {
  for (uint32_t bits = 0; bits <= 0xffff; ++bits) {
    APFloat half(APFloat::IEEEhalf(), llvm::APInt(16, bits));
    APFloat brain(APFloat::BFloat(), llvm::APInt(16, bits));
    float fromHalf = toFloat(Half{uint16_t(bits)}), fromBrain = toFloat(BFloat16{uint16_t(bits)});
    if (half.isNaN())
      EXPECT_TRUE(std::isnan(fromHalf));
    else
      EXPECT_EQ(floatBits(fromHalf), floatBits(half.convertToFloat())) << bits;
    if (brain.isNaN())
      EXPECT_TRUE(std::isnan(fromBrain));
    else
      EXPECT_EQ(floatBits(fromBrain), floatBits(brain.convertToFloat())) << bits;
    // And back again.
    if (!half.isNaN())
      EXPECT_EQ(toHalf(fromHalf).bits, bits);
    if (!brain.isNaN())
      EXPECT_EQ(toBFloat16(fromBrain).bits, bits);
  }
}

TEST(ElementKind, FloatsRoundToNearestEven) {
  std::mt19937_64 random(1);
  std::vector<double> values{0.0,
                             -0.0,
                             65504.0,
                             65519.999,
                             65520.0,
                             0x1p-24,
                             0x1p-25,
                             0x1.8p-25,
                             0x1p-14,
                             0x1.ffcp-15,
                             1.0 + 0x1p-11,
                             1.0 + 0x1p-11 + 0x1p-40,
                             1.0 + 3 * 0x1p-11,
                             1.0 + 0x1p-8,
                             1.0 + 0x1p-8 + 0x1p-50,
                             1e300,
                             1e-300,
                             std::numeric_limits<double>::infinity(),
                             3.4e38,
                             3.3999e38};
  for (int i = 0; i < 20000; ++i) {
    int exponent = int(random() % 60) - 30;
    values.push_back(std::ldexp(double(int64_t(random())) / 0x1p63, exponent));
    // Near a tie of 11 bits, off by what a float of 24 bits cannot see.
    double tie = 1.0 + double(2 * (random() % 1024) + 1) * 0x1p-11;
    values.push_back(tie + 0x1p-45);
    values.push_back(tie - 0x1p-45);
    values.push_back(tie);
  }
  for (double value : values) {
    EXPECT_EQ((convertOne<uint16_t>(ElementKind::F64, value, ElementKind::F16)),
              expectedBits(value, APFloat::IEEEhalf()))
        << value;
    EXPECT_EQ((convertOne<uint16_t>(ElementKind::F64, value, ElementKind::BF16)),
              expectedBits(value, APFloat::BFloat()))
        << value;
    float single = float(value);
    EXPECT_EQ((convertOne<uint16_t>(ElementKind::F32, single, ElementKind::F16)),
              expectedBits(single, APFloat::IEEEhalf()));
    EXPECT_EQ((convertOne<uint16_t>(ElementKind::F32, single, ElementKind::BF16)),
              expectedBits(single, APFloat::BFloat()));
  }
  float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(toFloat(toHalf(nan))));
  EXPECT_TRUE(std::isnan(toFloat(toBFloat16(floatFromBits(0x7f800001)))));
}

TEST(ElementKind, FloatsTruncateAndSaturateToIntegers) {
  auto toI8 = [](float value) {
    return convertOne<int8_t>(ElementKind::F32, value, ElementKind::I8);
  };
  EXPECT_EQ(toI8(1.9f), 1);
  EXPECT_EQ(toI8(-1.9f), -1);
  EXPECT_EQ(toI8(127.9f), 127);
  EXPECT_EQ(toI8(128.0f), 127);
  EXPECT_EQ(toI8(-129.0f), -128);
  EXPECT_EQ(toI8(std::nanf("")), 0);
  EXPECT_EQ((convertOne<uint8_t>(ElementKind::F32, -1.0f, ElementKind::U8)), 0);
  EXPECT_EQ((convertOne<uint64_t>(ElementKind::F32, 0x1p63f, ElementKind::U64)), uint64_t(1) << 63);
  EXPECT_EQ((convertOne<int64_t>(ElementKind::F64, 0x1p63, ElementKind::I64)), INT64_MAX);
}

TEST(ElementKind, IntegersWrapAndBooleansAreNotZero) {
  EXPECT_EQ((convertOne<int8_t>(ElementKind::I32, int32_t(300), ElementKind::I8)), 44);
  EXPECT_EQ((convertOne<int32_t>(ElementKind::U8, uint8_t(200), ElementKind::I32)), 200);
  EXPECT_EQ((convertOne<uint8_t>(ElementKind::F32, 0.5f, ElementKind::Bool)), 1);
  EXPECT_EQ((convertOne<uint8_t>(ElementKind::I64, int64_t(256), ElementKind::Bool)), 1);
  EXPECT_EQ((convertOne<float>(ElementKind::Bool, uint8_t(7), ElementKind::F32)), 1.0f);
  // 2^60 + 2^52 is a tie of bfloat16; the last bit decides it.
  int64_t aboveTie = (int64_t(1) << 60) + (int64_t(1) << 52) + 1;
  EXPECT_EQ((convertOne<uint16_t>(ElementKind::I64, aboveTie, ElementKind::BF16)),
            toBFloat16(0x1p60f * (1.0f + 0x1p-7f)).bits);
}

} // namespace
