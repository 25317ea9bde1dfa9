// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sines, cosines and powers have these bits on every machine; that they are the
// right ones is checked against the library's within an error that any has.

#include "compiler/weights/Angles.h"

#include "gtest/gtest.h"

#include <cmath>
#include <random>

using namespace tercet;

namespace {

TEST(Angles, Bits) {
  struct Case {
    double angle, sine, cosine;
  };
  const Case cases[] = {
      {0x0p+0, 0x0p+0, 0x1p+0},
      {0x1p+0, 0x1.aed548f090ceep-1, 0x1.14a280fb5068cp-1},
      {0x1.8p+1, 0x1.210386db6d55bp-3, -0x1.fae04be85e5d2p-1},
      {-0x1p+1, -0x1.d18f6ead1b446p-1, -0x1.aa22657537205p-2},
      // Near multiples of pi and pi/2.
      {0x1.6p+4, -0x1.220a29f6eb9f4p-7, -0x1.fffadd8d4acdap-1},
      {0x1.63p+8, -0x1.f9bd0307d1de3p-16, -0x1.fffffffc18e4cp-1},
      {0x1.e240c9fbe76c9p+16, -0x1.ff50e60ab53f9p-1, 0x1.a74d27c41b22ap-5},
      {0x1.000008p+20, 0x1.7c2bb1d7c0924p-1, 0x1.56f3082d8f8a5p-1},
  };
  for (const Case &one : cases) {
    EXPECT_EQ(sineOf(one.angle), one.sine) << one.angle;
    EXPECT_EQ(cosineOf(one.angle), one.cosine) << one.angle;
  }
}

TEST(Angles, Values) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200000; ++i) {
    double angle = std::ldexp(double(random() >> 11), int(random() % 43) - 67);
    EXPECT_NEAR(sineOf(angle), std::sin(angle), 4e-16) << angle;
    EXPECT_NEAR(cosineOf(-angle), std::cos(angle), 4e-16) << angle;
  }
  EXPECT_TRUE(std::isnan(sineOf(kMostAngle)));
  EXPECT_TRUE(std::isnan(cosineOf(-INFINITY)));
}

/// Correctly rounded, by decimal arithmetic of 60 digits.
TEST(Angles, Powers) {
  EXPECT_EQ(powerOf(10000, -0.0), 1);
  EXPECT_EQ(powerOf(10000, -0.03125), 0x1.7ff2224115d9ap-1);
  EXPECT_EQ(powerOf(10000, -0.5), 0.01);
  EXPECT_EQ(powerOf(10000, -0.96875), 0x1.17a8e301c4436p-13);
  EXPECT_EQ(powerOf(500000, -0.96875), 0x1.948360a975f3dp-19);
  EXPECT_EQ(powerOf(2, 10), 1024);
  EXPECT_EQ(powerOf(0.25, -0.5), 2);
}

} // namespace
