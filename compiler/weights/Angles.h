// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sine, cosine and powers for tables of angles. Libraries of mathematics differ
// in their last bits from machine to machine, and an artifact must not; these use
// nothing but sums and products in doubles, which IEEE 754 defines to the bit.
// They are compiled without contraction to fused operations.

#ifndef TERCET_COMPILER_WEIGHTS_ANGLES_H
#define TERCET_COMPILER_WEIGHTS_ANGLES_H

namespace tercet {

/// What angles are less than.
constexpr double kMostAngle = 0x1p30;

/// Of |angle| < kMostAngle, to a few units in the last place of 1; NaN for any other.
double sineOf(double angle);
double cosineOf(double angle);

/// base^exponent for a finite base above 0 and a result that is a normal number,
/// computed in twice the precision and rounded.
double powerOf(double base, double exponent);

} // namespace tercet

#endif // TERCET_COMPILER_WEIGHTS_ANGLES_H
