// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An angle is reduced to [-pi/4, pi/4] by pi/2 in three parts, of which products
// with the number of quadrants are exact; series of Taylor then have terms enough
// for a double. Powers are exp(y log x) on unevaluated sums of two doubles.

#include "compiler/weights/Angles.h"

#include <cmath>
#include <limits>

namespace {

//===----------------------------------------------------------------------===//
// Angles
//===----------------------------------------------------------------------===//

// pi/2 = 1.921fb54442d18469898cc517... in base 16.
constexpr double kHalfPi[] = {0x1.921fbp+0, 0x5.4442p-24, 0xd.18469898cc51p-44};

struct Reduced {
  double rest;
  /// Modulo 4.
  unsigned quadrant;
};

Reduced reduce(double angle) {
  double quadrants = std::floor(angle * (2 / 3.14159265358979323846) + 0.5);
  double rest = angle;
  for (double part : kHalfPi) {
    double whole = quadrants * part;
    rest = rest - whole;
  }
  return {rest, static_cast<unsigned>(static_cast<long long>(quadrants) & 3)};
}

/// 1 - x^2/(a (a+1)) (1 - x^2/((a+2) (a+3)) (...)), the series of sin(x)/x from
/// a = 2 and of cos(x) from a = 1.
double alternating(double x, int a) {
  constexpr int kTerms = 10;
  double square = x * x, sum = 1;
  for (int term = kTerms - 1; term >= 0; --term) {
    double below = double(a + 2 * term) * double(a + 2 * term + 1);
    double factor = square / below;
    double product = factor * sum;
    sum = 1 - product;
  }
  return sum;
}

double sineAt(Reduced place) {
  double value =
      place.quadrant % 2 ? alternating(place.rest, 1) : place.rest * alternating(place.rest, 2);
  return place.quadrant < 2 ? value : -value;
}

//===----------------------------------------------------------------------===//
// Sums of two doubles
//===----------------------------------------------------------------------===//

/// high + low with |low| at most half a unit in the last place of high (Dekker,
/// Numerische Mathematik 18, 1971).
struct Pair {
  double high, low;
};

Pair sumOf(double a, double b) {
  double sum = a + b, second = sum - a;
  double first = sum - second;
  double left = a - first, right = b - second;
  return {sum, left + right};
}

Pair productOf(double a, double b) {
  constexpr double kSplit = 134217729; // 2^27 + 1
  auto split = [](double x) {
    double scaled = kSplit * x, over = scaled - x;
    double high = scaled - over;
    return Pair{high, x - high};
  };
  double product = a * b;
  Pair x = split(a), y = split(b);
  double hh = x.high * y.high, hl = x.high * y.low, lh = x.low * y.high, ll = x.low * y.low;
  double error = hh - product;
  error = error + hl;
  error = error + lh;
  return {product, error + ll};
}

Pair operator+(Pair a, Pair b) {
  Pair sum = sumOf(a.high, b.high);
  double low = a.low + b.low;
  return sumOf(sum.high, sum.low + low);
}

Pair operator*(Pair a, Pair b) {
  Pair product = productOf(a.high, b.high);
  double first = a.high * b.low, second = a.low * b.high;
  double low = first + second;
  return sumOf(product.high, product.low + low);
}

Pair operator/(Pair a, Pair b) {
  double guess = a.high / b.high;
  Pair back = b * Pair{guess, 0};
  Pair rest = a + Pair{-back.high, -back.low};
  return sumOf(guess, rest.high / b.high);
}

constexpr Pair kLog2{0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};

/// 2 atanh((m - 1) / (m + 1)) + e log 2 for x = m 2^e with m around 1.
Pair logOf(double x) {
  int exponent;
  double mantissa = std::frexp(x, &exponent);
  if (mantissa < 0.70710678118654752) {
    mantissa *= 2;
    --exponent;
  }
  Pair s = Pair{mantissa - 1, 0} / sumOf(mantissa, 1);
  Pair square = s * s, sum{0, 0};
  for (int n = 24; n >= 0; --n)
    sum = sum * square + Pair{1, 0} / Pair{double(2 * n + 1), 0};
  return s * sum * Pair{2, 0} + Pair{double(exponent), 0} * kLog2;
}

double expOf(Pair y) {
  double twos = std::floor(y.high / kLog2.high + 0.5);
  Pair rest = y + Pair{-twos, 0} * kLog2, sum{1, 0};
  for (int n = 28; n >= 1; --n)
    sum = Pair{1, 0} + rest * sum / Pair{double(n), 0};
  return std::ldexp(sum.high + sum.low, static_cast<int>(twos));
}

} // namespace

double tercet::sineOf(double angle) {
  if (!(std::fabs(angle) < tercet::kMostAngle))
    return std::numeric_limits<double>::quiet_NaN();
  return sineAt(reduce(angle));
}

double tercet::cosineOf(double angle) {
  if (!(std::fabs(angle) < tercet::kMostAngle))
    return std::numeric_limits<double>::quiet_NaN();
  Reduced place = reduce(angle);
  place.quadrant = (place.quadrant + 1) & 3;
  return sineAt(place);
}

double tercet::powerOf(double base, double exponent) {
  return expOf(logOf(base) * Pair{exponent, 0});
}
