// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chooses multipliers and shifts.

#include "passes/partition/FixedPoint.h"

#include <algorithm>
#include <cmath>

using namespace llvm;
using namespace tercet::partition;

/// Whether a factor is a positive number.
static bool isPositive(double factor) { return std::isfinite(factor) && factor > 0.0; }

double tercet::partition::roundEven(double x) {
  double below = std::floor(x), rest = x - below;
  if (rest != 0.5)
    return rest < 0.5 ? below : below + 1.0;
  return std::fmod(below, 2.0) == 0.0 ? below : below + 1.0;
}

int32_t tercet::partition::scaleToInteger(double factor, int32_t exponent) {
  return static_cast<int32_t>(std::min(roundEven(std::ldexp(factor, exponent)), 2147483647.0));
}

std::optional<Multiplier> tercet::partition::chooseMultiplier(double factor, int32_t leastShift) {
  if (!isPositive(factor))
    return std::nullopt;
  int32_t shift = -1 - std::ilogb(factor);
  if (shift < leastShift)
    return std::nullopt;
  // Smaller factors lose bits that no result could show.
  shift = std::min(shift, 31);
  return Multiplier{scaleToInteger(factor, 31 + shift), shift};
}

std::optional<Scaling> tercet::partition::chooseScaling(ArrayRef<double> factors) {
  double greatest = *std::max_element(factors.begin(), factors.end());
  if (!llvm::all_of(factors, isPositive))
    return std::nullopt;
  int exponent = std::ilogb(greatest);
  int32_t shift = (greatest == std::ldexp(1.0, exponent) ? 14 : 13) - exponent;
  // What would round to 2^13 is 2^14 with the next shift.
  if (roundEven(std::ldexp(greatest, shift)) <= 8192.0)
    ++shift;
  if (shift < 0 || shift > 31)
    return std::nullopt;
  Scaling scaling;
  scaling.shift = shift;
  for (double factor : factors)
    scaling.multipliers.push_back(
        static_cast<int32_t>(std::min(roundEven(std::ldexp(factor, shift)), 16384.0)));
  return scaling;
}

std::optional<int32_t> tercet::partition::chooseGainShift(double greatest) {
  if (greatest == 0.0)
    return 0;
  if (!isPositive(greatest))
    return std::nullopt;
  int32_t shift = std::ilogb(greatest) + 1;
  if (shift < -31 || shift > 31)
    return std::nullopt;
  return shift;
}

int64_t tercet::partition::chooseEpsilon(double epsilon, double factor) {
  double exact = epsilon * factor;
  if (!(exact >= 1.0))
    return 1;
  if (exact >= std::ldexp(1.0, 60))
    return int64_t(1) << 60;
  return std::max<int64_t>(1, static_cast<int64_t>(roundEven(exact)));
}
