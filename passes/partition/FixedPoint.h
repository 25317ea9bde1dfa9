// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Real factors as the multipliers and shifts of docs/quantisation.md. All that
// is chosen here is chosen in doubles, and rounds half to even.

#ifndef TERCET_PASSES_PARTITION_FIXEDPOINT_H
#define TERCET_PASSES_PARTITION_FIXEDPOINT_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <optional>

namespace tercet::partition {

/// Half to even, whatever the rounding mode is.
double roundEven(double x);

/// min(2^31 - 1, round_half_even(factor * 2^exponent)) of a positive factor.
int32_t scaleToInteger(double factor, int32_t exponent);

/// multiplier * 2^-(31 + shift), for Q.
struct Multiplier {
  int32_t multiplier = 0;
  int32_t shift = 0;
};

/// Nothing for a factor that no shift from `leastShift` to 31 can represent:
/// one of 2^-leastShift or more.
std::optional<Multiplier> chooseMultiplier(double factor, int32_t leastShift = 0);

/// Factors of 14 bits with one shift, for sums and rescaling; the greatest
/// multiplier is in (2^13, 2^14].
struct Scaling {
  llvm::SmallVector<int32_t, 2> multipliers;
  int32_t shift = 0;
};

/// Nothing if the greatest factor needs a shift below 0 or above 31.
std::optional<Scaling> chooseScaling(llvm::ArrayRef<double> factors);

/// The exponent s for which greatest * 2^(31 - s) is in [2^30, 2^31), if it is
/// within -31 to 31. For 0, where any would do, it is 0.
std::optional<int32_t> chooseGainShift(double greatest);

/// round_half_even(epsilon * factor), at least 1 and at most 2^60.
int64_t chooseEpsilon(double epsilon, double factor);

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_FIXEDPOINT_H
