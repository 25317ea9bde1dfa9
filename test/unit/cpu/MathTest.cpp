// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The greatest error of every math function over sweeps of its domain and over
// special values, against the double-precision C library. MathFunctions.h
// states the bounds that are asserted here.

#include "test/unit/cpu/KernelHarness.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

using namespace tercet::test;

namespace {

/// Units in the last place between a float and the exact value.
double ulps(float got, double expected) {
  float rounded = static_cast<float>(expected);
  if (std::isnan(expected))
    return std::isnan(got) ? 0 : 1e30;
  if (std::isinf(rounded) || std::isinf(got))
    return got == rounded ||
                   (std::isinf(rounded) && std::fabs(got) == std::numeric_limits<float>::max())
               ? 0
               : 1e30;
  int exponent;
  std::frexp(std::fabs(rounded), &exponent);
  double unit = std::ldexp(1.0, std::max(exponent - 24, -149));
  return std::fabs(double(got) - expected) / unit;
}

std::vector<float> specials() {
  float inf = std::numeric_limits<float>::infinity();
  return {0.0f,    -0.0f,    inf,     -inf,       std::nanf(""), 1.0f,
          -1.0f,   0.5f,     -0.5f,   2.0f,       -2.0f,         3.0f,
          -3.0f,   1e-45f,   -1e-45f, 1e-40f,     -1e-40f,       1.17549435e-38f,
          3.4e38f, -3.4e38f, 88.7f,   88.73f,     -87.3f,        -103.0f,
          -104.5f, 1e-10f,   -1e-10f, 0.9999999f, 1.0000001f,    -0.9999999f,
          127.99f, 128.0f,   -149.0f, -150.0f,    -126.0f};
}

using Reference = std::function<double(double, double)>;

struct Function {
  const char *op;
  Reference reference;
  double bound; // ulp
  float low, high;
  bool logarithmic = false; // sweep exponents instead of values
  float secondLow = 0, secondHigh = 0;
};

void check(const Function &f, unsigned bits, unsigned registers) {
  SCOPED_TRACE(std::string(f.op) + " bits " + std::to_string(bits));
  bool binary = f.secondLow != f.secondHigh;
  auto kernel = Kernel::compile(substitute(R"(#id = affine_map<(i) -> (i)>
      soc.kernel @k(%x: memref<4099xf32>, %w: memref<4099xf32>, %y: memref<4099xf32>) attributes {KERNEL} {
        linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
          ins(%x, %w : memref<4099xf32>, memref<4099xf32>) outs(%y : memref<4099xf32>) {
        ^bb0(%a: f32, %b: f32, %o: f32):
          %r = OP ARGS : f32
          linalg.yield %r : f32
        }
        soc.return
      })",
                                           {{"OP", f.op}, {"ARGS", binary ? "%a, %b" : "%a"}}),
                                bits, registers);
  ASSERT_TRUE(kernel);
  GuardedBuffer x(4099 * 4), w(4099 * 4), y(4099 * 4);
  double worst = 0;
  float worstAt = 0, worstAt2 = 0, worstGot = 0;
  auto run = [&](int64_t count) {
    kernel->run({x.as<void>(), w.as<void>(), y.as<void>()});
    for (int64_t i = 0; i < count; ++i) {
      double error = ulps(y.as<float>()[i], f.reference(x.as<float>()[i], w.as<float>()[i]));
      if (error > worst)
        worst = error, worstAt = x.as<float>()[i], worstAt2 = w.as<float>()[i],
        worstGot = y.as<float>()[i];
    }
  };
  for (int round = 0; round < 48; ++round) {
    for (int64_t i = 0; i < 4099; ++i) {
      double part = (round * 4099 + i) / (48 * 4099.0);
      double value = f.low + (double(f.high) - f.low) * part;
      if (f.logarithmic)
        value = std::exp(std::log(double(f.low)) +
                         (std::log(double(f.high)) - std::log(double(f.low))) * part);
      x.as<float>()[i] = value;
      double other = std::fmod((round * 4099 + i) * 0.618033988749895, 1.0);
      w.as<float>()[i] = f.secondLow + (double(f.secondHigh) - f.secondLow) * other;
    }
    run(4099);
  }
  // Small arguments of both signs.
  for (int64_t i = 0; i < 4099; ++i) {
    double value = std::ldexp(1.0 + (i % 16) / 16.0, -(i / 32)) * (i % 32 < 16 ? 1 : -1);
    x.as<float>()[i] = value;
    w.as<float>()[i] = f.secondHigh;
  }
  run(4099);
  std::vector<float> special = specials();
  for (int64_t i = 0; i < 4099; ++i) {
    x.as<float>()[i] = special[i % special.size()];
    w.as<float>()[i] = special[i / special.size() % special.size()];
  }
  run(4099);
  EXPECT_LE(worst, f.bound) << "at " << worstAt << ", " << worstAt2 << " got " << worstGot
                            << " expected " << f.reference(worstAt, worstAt2);

  if (bits == 0)
    printf("  %-12s %.3f ulp (at %g)\n", f.op, worst, worstAt);
}

#define UNARY(EXPR) [](double x, double) -> double { return EXPR; }

const Function kFunctions[] = {
    {"math.exp", UNARY(std::exp(x)), 2, -105, 90},
    {"math.exp2", UNARY(std::exp2(x)), 2, -151, 129},
    {"math.log", UNARY(std::log(x)), 2, 1e-44f, 3e38f, true},
    {"math.erf", UNARY(std::erf(x)), 2, -5, 5},
    {"math.tanh", UNARY(std::tanh(x)), 3, -10, 10},
    {"math.expm1", UNARY(std::expm1(x)), 1, -20, 89},
    {"math.log2", UNARY(std::log2(x)), 1, 1e-44f, 3e38f, true},
    {"math.log10", UNARY(std::log10(x)), 1, 1e-44f, 3e38f, true},
    {"math.log1p", UNARY(std::log1p(x)), 1, -0.99999f, 10},
    {"math.erfc", UNARY(std::erfc(x)), 1, -5, 11},
    {"math.sin", UNARY(std::fabs(x) > 1e15 ? NAN : std::sin(x)), 1, -1000, 1000},
    {"math.cos", UNARY(std::fabs(x) > 1e15 ? NAN : std::cos(x)), 1, -1000, 1000},
    {"math.tan", UNARY(std::fabs(x) > 1e15 ? NAN : std::tan(x)), 1, -100, 100},
    {"math.sinh", UNARY(std::sinh(x)), 1, -90, 90},
    {"math.cosh", UNARY(std::cosh(x)), 1, -90, 90},
    {"math.asin", UNARY(std::asin(x)), 1, -1, 1},
    {"math.acos", UNARY(std::acos(x)), 1, -1, 1},
    {"math.atan", UNARY(std::atan(x)), 1, -20, 20},
    {"math.asinh", UNARY(std::asinh(x)), 1, -100, 100},
    {"math.acosh", UNARY(std::acosh(x)), 1, 1, 100},
    {"math.atanh", UNARY(std::atanh(x)), 1, -1, 1},
    {"math.cbrt", UNARY(std::cbrt(x)), 1, -1000, 1000},
    {"math.rsqrt", UNARY(1 / std::sqrt(x)), 2, 1e-37f, 1e38f, true},
    {"math.round", UNARY(std::round(x)), 0, -100, 100},
    {"math.sqrt", UNARY(std::sqrt(x)), 0.51, 1e-44f, 3e38f, true},
    {"math.powf", [](double x, double y) { return std::pow(x, y); }, 1, 0, 20, false, -15, 15},
    {"math.atan2", [](double y, double x) { return std::atan2(y, x); }, 1, -10, 10, false, -10, 10},
};

TEST(Math, HostVectors) {
  for (const Function &f : kFunctions)
    check(f, 0, 0);
}

TEST(Math, NarrowVectors) {
  for (const Function &f : kFunctions)
    check(f, 256, 16);
}

TEST(Math, SmallConstantPowersAreProducts) {
  auto kernel = Kernel::compile(R"(#id = affine_map<(i) -> (i)>
  soc.kernel @k(%x: memref<5xf32>, %y: memref<5xf32>) attributes {KERNEL} {
    %three = arith.constant 3.0 : f32
    linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : memref<5xf32>) outs(%y : memref<5xf32>) {
    ^bb0(%a: f32, %o: f32):
      %r = math.powf %a, %three : f32
      linalg.yield %r : f32
    }
    soc.return
  })");
  ASSERT_TRUE(kernel);
  GuardedBuffer x(20), y(20);
  const float values[] = {-2, 0.5f, 3, 0, -1.5f};
  memcpy(x.as<void>(), values, 20);
  kernel->run({x.as<void>(), y.as<void>()});
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(y.as<float>()[i], values[i] * (values[i] * values[i]));
}

} // namespace
